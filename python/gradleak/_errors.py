"""What can go wrong, one sentence each."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


class GradleakError(Exception):
    """Something that gradleak could not do; ``str()`` is one sentence that says how to mend it.

    Attributes:
        sentence: what went wrong, in the program's own words where the program said it.
        status: the program's exit status; None where it was not started.
        stderr: all that the program said on standard error, without its progress.
        arguments: what it was called with, without its own name.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        stderr: str = "",
        arguments: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.stderr = stderr
        self.arguments = arguments


class ProgramMissingError(GradleakError, FileNotFoundError):
    """The program ``gradleak`` is nowhere to be found."""

    def __str__(self) -> str:
        return self.sentence


class BadInputError(GradleakError, ValueError):
    """Wrong options, a file that cannot be used, or an update that does not fit the model (status 2)."""


class ExportError(BadInputError):
    """A module that PyTorch cannot write as ONNX."""


class CaptureError(BadInputError):
    """A client's step that cannot be told to the program as it was captured."""


class ProgramStoppedError(GradleakError):
    """The program ended before its time: by a signal, for want of memory, or by a fault of its own."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C reached the program, which kept its best results so far.

    Attributes:
        result: what was found by then; None where nothing was.
    """

    def __init__(self, result: Any | None = None) -> None:
        super().__init__("interrupted; .result has what was found so far")
        self.result = result


class GradleakWarning(UserWarning):
    """Something speaks against a result meaning what it seems to."""


def error_of(
    status: int,
    stderr: str,
    arguments: tuple[str, ...],
    *,
    said_as: Callable[[str], str] = str,
) -> GradleakError:
    """The error that an exit status and what the program said stand for.

    Args:
        stderr: what it said, without progress.
        arguments: what it was called with.
        said_as: puts its sentence into the words of who called.
    """
    said = [line for line in stderr.splitlines() if line.startswith("gradleak: ")]
    sentence = said_as(said[-1][len("gradleak: ") :]) if said else ""
    stopped_by = -status if status < 0 else status - 128 if status > 128 else 0
    if stopped_by > 0:
        sentence = f"The program was stopped by {_name(stopped_by)}." + (
            " Memory may have run out." if stopped_by == signal.SIGKILL else ""
        )
        return ProgramStoppedError(sentence, status=status, stderr=stderr, arguments=arguments)
    if status == 2:
        return BadInputError(
            sentence or stderr.strip() or "The program refused its input and did not say why.",
            status=status,
            stderr=stderr,
            arguments=arguments,
        )
    return GradleakError(
        sentence or f"The program ended with status {status}.",
        status=status,
        stderr=stderr,
        arguments=arguments,
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
