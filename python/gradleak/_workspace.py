"""Folders that only their owner can read: what passes through them is private."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_PREFIX = "gradleak-"
_LOCK = ".lock"


class Workspace:
    """A folder of mode 0700 that is gone when nobody holds it any more, at exit at the latest.

    What a process that was killed left is removed by the next one.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Held as long as the process lives.
        lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        _is_locked(lock)
        self.remove = weakref.finalize(self, _remove, self.path, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(_PREFIX + "*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            # A folder without a lock may be another process's that is about to make it.
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue
        if _is_locked(lock):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _is_locked(lock: int) -> bool:
    """Locks a file unless another process has done so."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
