"""Runs the program and hears what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Callable

from ._errors import Interrupted, error_of
from ._program import find_program
from ._terminal import ErrorStream


@dataclass(frozen=True)
class Completed:
    """What the program did.

    Attributes:
        arguments: what it was called with, without its own name.
        status: its exit status.
        stdout: what it printed.
        stderr: what it said besides, without its progress.
        was_interrupted: whether Ctrl-C ended it early; what it had is written all the same.
    """

    arguments: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    was_interrupted: bool = False


def run(
    *arguments: str | os.PathLike[str],
    quiet: bool = False,
    accepts: Sequence[int] = (0,),
) -> Completed:
    """Runs ``gradleak`` with these arguments, as a shell would, and waits for it.

    In a terminal its progress is shown on standard error as it comes. Ctrl-C is passed on to the
    program, which ends with its best results so far; a second one ends it at once.

    Args:
        arguments: the command and its options, such as ``"demo", "--attack", "dlg"``.
        quiet: whether nothing is shown on standard error.
        accepts: exit statuses that are no errors.

    Returns:
        What the program printed, and its status.

    Raises:
        GradleakError: another status; its message is the program's own sentence.
        Interrupted: Ctrl-C; a ``KeyboardInterrupt``.
    """
    completed = execute([os.fspath(argument) for argument in arguments], quiet=quiet)
    if completed.was_interrupted:
        raise Interrupted()
    if completed.status not in accepts:
        raise error_of(completed.status, completed.stderr, completed.arguments)
    return completed


def execute(arguments: Sequence[str], *, quiet: bool = False) -> Completed:
    """Runs the program to its end, whatever that is; see :func:`run`.

    Raises:
        ProgramMissingError: there is no program.
    """
    stream = ErrorStream(None if quiet else sys.stderr)
    output: list[bytes] = []
    with stream:
        # A session of its own, so that Ctrl-C in a terminal reaches it once: through here.
        process = subprocess.Popen(
            [find_program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream.child_end,
            start_new_session=True,
        )
        stream.started()
        assert process.stdout is not None
        reader = _reading(process.stdout, output.append)
        was_interrupted = _wait(process)
        reader.join()
    return Completed(
        arguments=tuple(arguments),
        status=process.returncode,
        stdout=b"".join(output).decode("utf-8", "replace"),
        stderr=stream.text,
        was_interrupted=was_interrupted,
    )


def _reading(pipe: IO[bytes], keep: Callable[[bytes], None]) -> threading.Thread:
    def read() -> None:
        with pipe:
            for part in iter(lambda: pipe.read(65536), b""):
                keep(part)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _wait(process: subprocess.Popen[bytes]) -> bool:
    """Waits for the program's end.

    Returns:
        Whether Ctrl-C came. The first asks the program to end with what it has, the second ends it.
    """
    was_interrupted = False
    while True:
        try:
            process.wait()
            return was_interrupted
        except KeyboardInterrupt:
            was_interrupted = True
            _signal(process, signal.SIGINT)
        except BaseException:
            _signal(process, signal.SIGTERM)
            raise


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        process.send_signal(number)
