"""What an attack or an audit found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    TypeVar,
)

from ._errors import BadInputError
from ._extras import needed
from ._html import page_part
from ._options import in_python
from ._records import ImageResult, RunRecord, TextResult, ThreatModel, run_records
from ._run import run
from ._workspace import Workspace

if TYPE_CHECKING:
    import os

    import pandas


@dataclass(frozen=True, repr=False)
class Result:
    """What came back of private data, with the program's judgement of it.

    ``str()`` is what the program says in a terminal; a notebook shows the verdict and the pictures.

    Attributes:
        folder: where the pictures and records are. Without ``out=`` it lives as long as the result.
        record: what ``gradleak report --format json`` prints: grade, verdict, rates with their
            intervals, what was not tested, and all records.
        runs: one for each attacked update; of an audit those without a defence.
        notes: what the program wants known of how it read the data, a sentence each.
        status: the program's exit status.
    """

    folder: Path
    record: Mapping[str, Any] = field(repr=False)
    runs: tuple[RunRecord, ...] = field(repr=False)
    text: str = field(repr=False)
    notes: tuple[str, ...] = ()
    status: int = 0
    _workspace: Workspace | None = field(default=None, repr=False, compare=False)

    @property
    def grade(self) -> str:
        """``A`` (nothing) to ``F`` (images come back in full), or ``not shown``."""
        return str(self.record["grade"])

    @property
    def verdict(self) -> str:
        """What is shown, in sentences: rates, baselines, diagnosis, threat model."""
        return " ".join(self.record["verdict"])

    @property
    def evidence(self) -> str:
        """``proved``, ``attack succeeded``, ``attack failed, no bound`` or ``not shown``."""
        return str(self.record["evidence"])

    @property
    def images(self) -> tuple[ImageResult, ...]:
        """All private images, in the client's order; see :class:`ImageResult`."""
        return tuple(image for entry in self.runs for image in entry.images)

    @property
    def texts(self) -> tuple[TextResult, ...]:
        """All private texts."""
        return tuple(text for entry in self.runs for text in entry.texts)

    @property
    def psnr(self) -> float | None:
        """The highest PSNR of an image, in dB; None where no original is known."""
        values = [image.psnr for image in self.images if image.psnr is not None]
        return max(values) if values else None

    @property
    def recovered(self) -> int:
        """How many private examples came back in full; 0 is false."""
        return int(self.record["recoveredInFull"]["successes"])

    @property
    def diagnosis(self) -> str | None:
        """The first update's diagnosis in a word, such as ``recovered``; None for none."""
        first = self.runs[0].diagnosis if self.runs else None
        return None if first is None else first.verdict

    @property
    def threat_model(self) -> ThreatModel | None:
        """Who attacked the first update, and what they know."""
        return self.runs[0].threat_model if self.runs else None

    @property
    def report(self) -> Path:
        """The page to hand on, ``report.html`` in :attr:`folder`; made when there is none yet."""
        path = self.folder / "report.html"
        if not path.exists():
            run("report", self.folder, "--out", path, quiet=True)
        return path

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Copies the results to a new folder, which only its owner can read.

        Returns:
            The folder.

        Raises:
            FileExistsError: there is such a folder.
        """
        path = Path(folder)
        # copytree keeps the modes: 0700 and 0600.
        shutil.copytree(self.folder, path)
        return path

    def to_frame(self) -> pandas.DataFrame:
        """One row for each private image or text of each run, those behind defences too."""
        frames = needed("pandas", "A table of results")
        rows: list[Mapping[str, Any]] = []
        for entry in run_records(self.record["records"], self.folder):
            head = {
                "attack": entry.attack,
                "seed": entry.seed,
                "batch_size": entry.batch_size,
                "defence": entry.defence or "none",
                "diagnosis": entry.diagnosis.verdict if entry.diagnosis else None,
                "matching_loss": entry.matching_loss,
            }
            for example in (*entry.images, *entry.texts):
                values = {k: v for k, v in vars(example).items() if k not in ("folder", "stem")}
                rows.append({**values, **head})
        table: pandas.DataFrame = frames.DataFrame(rows)
        return table

    def __repr__(self) -> str:
        # Short: a failed assertion shows it in a line.
        return f"<{type(self).__name__}: {self._summary()}>"

    def _summary(self) -> str:
        name = "not shown" if self.grade == "not shown" else f"grade {self.grade}"
        psnr = "" if self.psnr is None else f", {self.psnr:.1f} dB at most"
        return f"{name}, {self.record['gradeDefinition']}{psnr}"

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return page_part(self)


@dataclass(frozen=True, repr=False)
class AuditResult(Result):
    """The verdict on a model.

    Attributes:
        fail_above: what was allowed at most: a grade, or a PSNR such as ``20dB``.
    """

    fail_above: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the program ended with status 0 under :attr:`fail_above`.

        An audit that shows nothing has not passed.
        """
        return self.fail_above is not None and self.status == 0

    def _summary(self) -> str:
        end = "passed" if self.passed else "not passed"
        return f"{super()._summary()}; {end} under fail_above={self.fail_above!r}"

    @property
    def is_undetermined(self) -> bool:
        """Whether time was too short to tell (status 3): give a larger budget."""
        return self.status == 3

    @property
    def untested(self) -> tuple[str, ...]:
        """What was not tested, a sentence each."""
        return tuple(self.record["untested"])

    @property
    def defences(self) -> tuple[str, ...]:
        """What each defence does, a sentence each."""
        return tuple(self.record["defences"])

    def __bool__(self) -> bool:
        raise TypeError("An audit is neither true nor false; ask for .passed or .recovered.")


R = TypeVar("R", bound=Result)


def read(folder: str | os.PathLike[str]) -> Result:
    """Results that a command left with ``--out``, or a function with ``out=``.

    Raises:
        BadInputError: the folder holds none.
    """
    path = Path(folder)
    if not (path / "run.json").exists():
        raise BadInputError(
            f"{str(path)!r} holds no results; give a folder that --out or out= made."
        )
    contents = _contents(path)
    return Result(**contents, text=_headline(path, contents["record"]["verdict"]))


def result_of(
    kind: type[R],
    folder: Path,
    *,
    printed: str,
    said: str,
    workspace: Workspace | None,
    **members: Any,
) -> R:
    """The result that a run of the program left.

    Args:
        kind: the class.
        printed: standard output.
        said: standard error.
        workspace: what keeps the folder; None for one of the user's.
        members: of the class.
    """
    return kind(
        **_contents(folder),
        text=re.split(r"^Wrote ", printed, maxsplit=1, flags=re.MULTILINE)[0].rstrip(),
        notes=tuple(in_python(note) for note in remarks(said, "note: ")),
        _workspace=workspace,
        **members,
    )


def remarks(said: str, head: str) -> list[str]:
    """The paragraphs of standard error that begin with a word, each on one line."""
    found: list[str] = []
    is_open = False
    for line in said.splitlines():
        if line.startswith(head):
            found.append(line[len(head) :].strip())
            is_open = True
        elif is_open and line.startswith(" " * len(head)):
            found[-1] += " " + line.strip()
        else:
            is_open = False
    return found


def _contents(folder: Path) -> Mapping[str, Any]:
    with open(folder / "run.json", encoding="utf-8") as file:
        entries = json.load(file)
    record = json.loads(run("report", folder, "--format", "json", quiet=True).stdout)
    return {"folder": folder, "record": record, "runs": run_records(entries, folder)}


def _headline(folder: Path, verdict: list[str]) -> str:
    page = run("report", folder, "--format", "markdown", quiet=True).stdout
    return "\n\n".join([page.split("\n")[0].lstrip("# "), *verdict])
