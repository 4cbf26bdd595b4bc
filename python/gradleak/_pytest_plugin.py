"""A fixture for tests that a model does not give its training data away::

    def test_no_leak(gradleak):
        assert gradleak.audit(model, (x, y)).passed

Where such a test fails, the verdict is printed with it.
"""

from __future__ import annotations

from typing import Any

import pytest

from ._attack import audit, audit_update
from ._results import AuditResult

#: Seconds for each audit, unless ``--gradleak-budget`` says otherwise.
USUAL_BUDGET = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--gradleak-budget``."""
    parser.getgroup("gradleak").addoption(
        "--gradleak-budget",
        type=float,
        default=USUAL_BUDGET,
        metavar="SECONDS",
        help=f"Seconds for each audit of the fixture gradleak (default: {USUAL_BUDGET:.0f}).",
    )


class Auditor:
    """What the fixture ``gradleak`` is: audits within the budget of the test run.

    Defences are not looked for, and no progress is shown, unless a call says otherwise.
    """

    def __init__(self, item: pytest.Item, budget: float) -> None:
        self._item = item
        self._usual: dict[str, Any] = {"budget": budget, "quiet": True}

    def audit(self, model: Any, batch: Any = None, **options: Any) -> AuditResult:
        """The same as :func:`gradleak.audit`."""
        usual = {**self._usual, "defences": "none"}
        return self._noted(audit(model, batch, **{**usual, **options}))

    def audit_update(self, model: Any, update: Any = None, **options: Any) -> AuditResult:
        """The same as :func:`gradleak.audit_update`."""
        return self._noted(audit_update(model, update, **{**self._usual, **options}))

    def _noted(self, result: AuditResult) -> AuditResult:
        self._item.add_report_section("call", "gradleak", str(result))
        return result


@pytest.fixture
def gradleak(request: pytest.FixtureRequest) -> Auditor:
    """Audits models in a test; see :class:`Auditor`."""
    return Auditor(request.node, request.config.getoption("--gradleak-budget"))
