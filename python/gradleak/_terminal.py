"""The program's standard error: kept, and shown where somebody looks."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Self

_CLEARED = "\r\x1b[K"
_STYLE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class ErrorStream:
    """Where the program's standard error goes: a terminal of its own when the user has one, else a pipe.

    Args:
        shown: the stream to pass on to when it is a terminal; None for none.
    """

    def __init__(self, shown: TextIO | None) -> None:
        self._shown = shown if shown is not None and _is_terminal(shown) else None
        self._parts: list[bytes] = []
        self._thread: threading.Thread | None = None
        self._own_end, self.child_end = _terminal(self._shown) if self._shown else os.pipe()

    def __enter__(self) -> Self:
        return self

    def started(self) -> None:
        """The program has its end by now."""
        os.close(self.child_end)
        self.child_end = -1
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()
        if self.child_end >= 0:
            os.close(self.child_end)
        os.close(self._own_end)

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._own_end, 65536)
            except OSError:
                # A terminal's other end was closed.
                return
            if not part:
                return
            self._parts.append(part)
            if self._shown is not None:
                self._show(part.decode("utf-8", "replace"))

    def _show(self, text: str) -> None:
        """Passes on lines of progress; what is said besides is for errors, warnings and notes."""
        assert self._shown is not None
        for line in text.split(_CLEARED)[1:]:
            self._shown.write(_CLEARED + ("" if "\n" in line else line))
        self._shown.flush()

    @property
    def text(self) -> str:
        """What was said, without lines of progress that a terminal redraws."""
        text = b"".join(self._parts).decode("utf-8", "replace")
        lines = [line.rsplit(_CLEARED, 1)[-1] for line in text.split("\n")]
        return _STYLE.sub("", "\n".join(lines)).replace("\r", "")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False


def _terminal(like: TextIO) -> tuple[int, int]:
    """A pseudo-terminal of the size of another, whose lines end in a mere newline."""
    import fcntl
    import termios

    own, child = os.openpty()
    attributes = termios.tcgetattr(child)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(child, termios.TCSANOW, attributes)
    try:
        size = fcntl.ioctl(like.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(child, termios.TIOCSWINSZ, size)
    except OSError:
        pass
    return own, child
