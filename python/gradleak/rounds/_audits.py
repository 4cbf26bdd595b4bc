"""Audits of captured updates: the program's verdict on each, and one page over all of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from .._attack import audit_update
from .._errors import BadInputError, GradleakError
from .._models import is_module
from .._results import Result, read
from .._run import run
from ._captures import files_of, model_of
from ._folder import Capture, RoundsFolder
from ._training import options_of


@dataclass(frozen=True)
class ClientAudit:
    """What one client's update of one round gave away, or a mean of several clients'.

    Attributes:
        round: of training.
        client: the framework's name or number of it, or a name of the mean.
        examples: that it trained on, of a mean all its clients together; None where nobody says.
        result: what was found; None where it could not be audited.
        error: why it could not, in a sentence; None where it could.
        clients: of whose updates it is the mean; 1 for one client's own.
    """

    round: int
    client: str
    examples: int | None
    result: Result | None
    error: str | None = None
    clients: int = 1

    def __str__(self) -> str:
        if self.result is None:
            return f"not audited: {self.error}"
        grade, diagnosis = self.result.grade, self.result.diagnosis or "no diagnosis"
        if grade == "not shown":
            return f"nothing is shown ({diagnosis})"
        count = self.result.record["recoveredInFull"]["count"]
        return f"{grade}: {self.result.recovered} of {count} in full ({diagnosis})"


@dataclass(frozen=True)
class Audits(Sequence[ClientAudit]):
    """The audits of a folder of captured updates, in the order of rounds; ``str()`` is a table.

    Attributes:
        folder: of the captured updates.
        all: one for each captured update.
    """

    folder: Path
    all: tuple[ClientAudit, ...] = field(repr=False)

    @property
    def leaked(self) -> tuple[ClientAudit, ...]:
        """Those from which private examples came back in full."""
        return tuple(a for a in self.all if a.result is not None and a.result.recovered)

    @property
    def errors(self) -> tuple[str, ...]:
        """Why some could not be audited, a sentence each."""
        return tuple(a.error for a in self.all if a.error is not None)

    @property
    def report(self) -> Path:
        """One page over all of them, ``report.html`` in :attr:`folder`.

        Raises:
            BadInputError: none could be audited.
        """
        folders = [a.result.folder for a in self.all if a.result is not None]
        if not folders:
            raise BadInputError(
                f"{str(self.folder)!r} holds no audit to report on"
                + (f": {self.errors[0]}" if self.errors else ".")
            )
        page = self.folder / "report.html"
        run("report", *folders, "--out", page, quiet=True)
        return page

    def __len__(self) -> int:
        return len(self.all)

    @overload
    def __getitem__(self, index: int) -> ClientAudit: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ClientAudit]: ...

    def __getitem__(self, index: int | slice) -> ClientAudit | Sequence[ClientAudit]:
        return self.all[index]

    def __iter__(self) -> Iterator[ClientAudit]:
        return iter(self.all)

    def __str__(self) -> str:
        if not self.all:
            return "No update was captured."
        rows = [("round", "client", "examples", "grade, and what came back")]
        rows += [
            (
                str(a.round),
                a.client,
                "" if a.examples is None else str(a.examples),
                str(a),
            )
            for a in self.all
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip()
            for row in rows
        )


def audits(path: str | os.PathLike[str], *, again: bool = False, **options: Any) -> Audits:
    """Audits what was captured and has no audit yet, and gives the results of all.

    Of several processes that do so on one folder the others wait.

    Args:
        path: a folder that ``out=`` of :mod:`gradleak.flower`, :mod:`gradleak.nvflare` or
            :mod:`gradleak.ddp` made.
        again: whether those are audited again that have an audit, or could not have one.
        options: of ``gradleak audit``, which take the place of those that were told when the updates
            were captured: ``learning_rate=0.01``, ``budget=60``, ``model="net.onnx"``.

    Raises:
        BadInputError: the folder holds no captured updates.
    """
    folder = RoundsFolder(path)
    folder.check()
    with _alone(folder.path):
        done: list[ClientAudit] = []
        for capture in folder.captures():
            if again or not _is_done(capture):
                _audit(capture, folder, options)
            done.append(_outcome(capture))
        return Audits(folder.path, tuple(done))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _error_file(capture: Capture) -> Path:
    return capture.folder.with_suffix(".error.txt")


def _is_done(capture: Capture) -> bool:
    return (capture.folder / "run.json").exists() or _error_file(capture).exists()


def _audit(capture: Capture, folder: RoundsFolder, options: Mapping[str, Any]) -> None:
    """Audits one update; why it could not be is kept beside it."""
    _error_file(capture).unlink(missing_ok=True)
    try:
        settings = folder.settings
        chosen = options_of(capture, {**settings.get("options", {}), **options})
        model: Any = chosen.pop("model", None) or settings.get("model")
        if not is_module(model):
            model = model_of(folder, model)
        audit_update(model, quiet=True, out=capture.folder, **chosen, **files_of(capture))
    except GradleakError as error:
        _refuse(capture, _sentence(capture, error))
    except Exception as error:  # noqa: BLE001 (the others are audited all the same)
        _refuse(capture, f"{type(error).__name__}: {error}")


def _sentence(capture: Capture, error: GradleakError) -> str:
    if capture.members and "does not fit" in str(error):
        return (
            f"{error} Secure aggregation rounds a mean, which may be all that does not fit; "
            "of the clients' data it shows nothing either way."
        )
    return str(error)


def _refuse(capture: Capture, sentence: str) -> None:
    file = _error_file(capture)
    with open(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        "w",
        encoding="utf-8",
    ) as stream:
        stream.write(" ".join(sentence.split()) + "\n")


def _outcome(capture: Capture) -> ClientAudit:
    result: Result | None = None
    error: str | None = None
    if _error_file(capture).exists():
        error = _error_file(capture).read_text(encoding="utf-8").strip()
    else:
        try:
            result = read(capture.folder)
        except Exception as failure:  # noqa: BLE001 (the others are read all the same)
            error = f"its results cannot be read: {failure}"
    clients = max(len(capture.members), 1)
    return ClientAudit(
        capture.round, capture.client, _examples(capture, result), result, error, clients
    )


def _examples(capture: Capture, result: Result | None) -> int | None:
    if capture.members:
        counts = [member.examples for member in capture.members if member.examples is not None]
        return sum(counts) if len(counts) == len(capture.members) else None
    if capture.examples is None and result is not None and result.runs:
        return result.runs[0].batch_size
    return capture.examples
