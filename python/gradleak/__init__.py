"""gradleak: how much private training data can be read back from shared gradients.

A thin layer over the program ``gradleak``, which this package brings along::

    import gradleak

    result = gradleak.audit(model, (x, y))  # a torch.nn.Module, and a batch as its loader gives it
    assert result.passed, result

What passes between the two are files in folders that only their owner can read. Importing the
package loads nothing else: PyTorch, NumPy, pandas and Pillow are loaded where they are needed.
"""

from __future__ import annotations

from typing import Any

from ._attack import audit, audit_update, reconstruct
from ._capture import Tap, capture
from ._errors import (
    BadInputError,
    CaptureError,
    ExportError,
    GradleakError,
    GradleakWarning,
    Interrupted,
    ProgramMissingError,
    ProgramStoppedError,
)
from ._filter import filter_main
from ._privacy import MechanismAudit, Pitfall, PrivacyCheck, audit_mechanism, check_privacy
from ._program import find_program
from ._records import Diagnosis, ImageResult, RunRecord, TextResult, ThreatModel, Trial
from ._results import AuditResult, Result, read
from ._run import Completed, run

__all__ = [
    "AuditResult",
    "BadInputError",
    "CaptureError",
    "Completed",
    "Diagnosis",
    "ExportError",
    "GradleakError",
    "GradleakWarning",
    "ImageResult",
    "Interrupted",
    "MechanismAudit",
    "Pitfall",
    "PrivacyCheck",
    "ProgramMissingError",
    "ProgramStoppedError",
    "Result",
    "RunRecord",
    "Tap",
    "TextResult",
    "ThreatModel",
    "Trial",
    "audit",
    "audit_mechanism",
    "audit_update",
    "capture",
    "check_privacy",
    "filter_main",
    "find_program",
    "read",
    "reconstruct",
    "run",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("gradleak")
        except PackageNotFoundError:
            return run("--version", quiet=True).stdout.strip()
    raise AttributeError(f"module 'gradleak' has no attribute {name!r}")
