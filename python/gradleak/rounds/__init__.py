"""Updates of real trainings, captured by :mod:`gradleak.flower`, :mod:`gradleak.nvflare` and
:mod:`gradleak.ddp`, and their audits::

    print(gradleak.rounds.audits("audit/"))

In a shell ``python -m gradleak.rounds audit/`` does the same.
"""

from __future__ import annotations

from ._audits import Audits, ClientAudit, audits
from ._folder import Capture, Member, RoundsFolder

__all__ = ["Audits", "Capture", "ClientAudit", "Member", "RoundsFolder", "audits"]
