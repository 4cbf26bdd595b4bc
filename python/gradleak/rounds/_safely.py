"""What must not disturb a training."""

from __future__ import annotations

import logging
from typing import Callable

log = logging.getLogger("gradleak")


def safely(failure: str, action: Callable[[], None]) -> bool:
    """Does something in the midst of a training, which goes on when it fails.

    Args:
        failure: the beginning of the sentence that is logged then.

    Returns:
        Whether it succeeded.
    """
    try:
        action()
        return True
    except Exception as error:  # noqa: BLE001 (whatever it is, the training goes on)
        log.warning("%s: %s", failure, " ".join(str(error).split()) or type(error).__name__)
        return False
