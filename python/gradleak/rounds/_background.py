"""Audits beside a training, in a process that leaves the processor to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class BackgroundAudits:
    """Runs ``python -m gradleak.rounds`` on a folder with the least priority (nice 19).

    The process outlives the training's, and ends when nothing is left to audit.

    Args:
        folder: of captured updates.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, unless it is running; what comes meanwhile is left to the next start."""
        if self._process is not None and self._process.poll() is None:
            return
        package = str(Path(__file__).resolve().parents[2])
        others = os.environ.get("PYTHONPATH")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gradleak.rounds",
                os.fspath(self._folder),
                "--background",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the training's terminal is not for it.
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": package + (os.pathsep + others if others else ""),
            },
        )

    def wait(self) -> None:
        """Waits for its end."""
        if self._process is not None:
            self._process.wait()
