"""What the program records of each attacked update, as values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    TypeVar,
)

from ._images import drawn, numbers

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


@dataclass(frozen=True)
class Diagnosis:
    """What an attack's end means, without any look at the original.

    Attributes:
        verdict: ``recovered``, ``recovered up to ambiguity``, ``stuck``, ``not determined by this
            gradient``, ``does not fit this model``, ``carries nothing`` or ``cut short``.
        explanation: what it rests on, in words.
    """

    verdict: str = ""
    explanation: str = ""
    relative_matching_loss: float | None = None
    unknowns: int | None = None
    equation_bound: int | None = None
    implied_error: float | None = None


@dataclass(frozen=True)
class ThreatModel:
    """Who attacks, and what they know.

    Attributes:
        category: the least of the threat models A to H that suffices for the result.
        known: facts that the attack used.
        withheld: facts that were expressly kept from it.
    """

    attacker: str = ""
    category: str | None = None
    known: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    client_mode: str | None = None
    local_steps: int | None = None
    clients: int | None = None


@dataclass(frozen=True)
class Trial:
    """One start of an attack.

    Attributes:
        reason: why it ended, such as ``solved`` or ``timeLimit``.
        matching_loss: squared distance between its update and the shared one.
    """

    method: str | None = None
    reason: str = ""
    iterations: int = 0
    evaluations: int = 0
    matching_loss: float | None = None


@dataclass(frozen=True)
class ImageResult:
    """What came back of one private image; measures against it are None where it is not known.

    Attributes:
        psnr: in dB, against the original; infinite for a perfect copy.
        ssim: structural similarity; None for images smaller than 11x11.
        is_recovered: PSNR of at least 40 dB, and the label right.
        grey_image_psnr: in dB, what a grey picture gets: knowing nothing.
    """

    name: str = ""
    psnr: float | None = None
    ssim: float | None = None
    mean_squared_error: float | None = None
    true_label: int | None = None
    recovered_label: int | None = None
    true_target: str | None = None
    recovered_target: str | None = None
    is_label_given: bool | None = None
    is_recovered: bool | None = None
    is_identified: bool | None = None
    candidate_count: int | None = None
    random_guess_psnr: float | None = None
    grey_image_psnr: float | None = None
    mean_image_psnr: float | None = None
    shifted_psnr: float | None = None
    gmsd: float | None = None
    preparation: str | None = None
    fingerprint: str | None = None
    folder: Path | None = field(default=None, repr=False, compare=False)
    #: The beginning of the names of its files in :attr:`folder`.
    stem: str = field(default="", repr=False, compare=False)

    @property
    def array(self) -> Any:
        """The reconstruction's numbers, neither clamped nor rounded: NumPy, f32, [C, H, W].

        Raises:
            FileNotFoundError: the folder of results is gone, or has none.
        """
        return numbers(self._file("reconstruction.npy"))

    @property
    def picture(self) -> Image:
        """The reconstruction as a picture of Pillow, in 0...255."""
        return drawn(self._file("reconstruction.png"))

    @property
    def original(self) -> Image | None:
        """The private picture at the model's input size; None where nobody knows it."""
        path = self.original_path
        return None if path is None else drawn(path)

    @property
    def picture_path(self) -> Path:
        """The file of :attr:`picture`."""
        return self._file("reconstruction.png")

    @property
    def original_path(self) -> Path | None:
        """The file of :attr:`original`."""
        path = self._file("original.png")
        return path if path.exists() else None

    def _file(self, end: str) -> Path:
        return (self.folder or Path()) / f"{self.stem or self.name}-{end}"


@dataclass(frozen=True)
class TextResult:
    """What came back of one private text.

    Attributes:
        level: ``full``, ``recognisable``, ``label`` or ``nothing``.
        measures: ROUGE and others, by name.
    """

    name: str = ""
    original: str | None = None
    recovered: str = ""
    level: str = ""
    rank: float | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """Everything about one attack on one update.

    Attributes:
        record: all that the program wrote, an entry of run.json: see "Reading results".
        images: one for each private image.
        texts: one for each private text.
        defence: what the client did to the update; None for nothing.
        misfit: what speaks against the update being the model's, a sentence; None for nothing.
    """

    record: Mapping[str, Any] = field(repr=False)
    images: tuple[ImageResult, ...]
    texts: tuple[TextResult, ...]
    diagnosis: Diagnosis | None
    threat_model: ThreatModel
    trials: tuple[Trial, ...] = field(repr=False)
    attack: str
    seed: int
    batch_size: int
    matching_loss: float | None
    defence: str | None
    misfit: str | None


def run_records(entries: list[dict[str, Any]], folder: Path | None) -> tuple[RunRecord, ...]:
    """The values of what ``run.json`` holds.

    Args:
        entries: what it holds.
        folder: where the pictures are; None for nowhere.
    """
    return tuple(_run_record(entry, folder) for entry in entries)


def _run_record(entry: dict[str, Any], folder: Path | None) -> RunRecord:
    threat = entry.get("threatModel", {})
    configuration = entry.get("configuration", {})
    diagnosis = entry.get("diagnosis")
    return RunRecord(
        record=entry,
        images=tuple(_image(image, folder) for image in entry.get("images", [])),
        texts=tuple(value_of(TextResult, text) for text in entry.get("texts", [])),
        diagnosis=None if diagnosis is None else value_of(Diagnosis, diagnosis),
        threat_model=value_of(ThreatModel, threat),
        trials=tuple(value_of(Trial, trial) for trial in entry.get("trials", [])),
        attack=str(configuration.get("attack", "")),
        seed=int(configuration.get("seed", 0)),
        batch_size=int(entry.get("update", {}).get("batchSize", 1)),
        matching_loss=_number(entry.get("matchingLoss")),
        defence=(entry.get("defence") or {}).get("chain"),
        misfit=(entry.get("misfit") or {}).get("sentence"),
    )


def _image(entry: dict[str, Any], folder: Path | None) -> ImageResult:
    file = str(entry.get("numbers", ""))
    end = "-reconstruction.npy"
    stem = file[: -len(end)] if file.endswith(end) else ""
    return dataclasses.replace(value_of(ImageResult, entry), folder=folder, stem=stem)


def value_of(kind: type[T], entry: Mapping[str, Any]) -> T:
    """A dataclass of a JSON object whose keys are its fields' names in camel case.

    What the class does not know is left out; lists become tuples, "inf" a number.
    """
    types = {f.name: str(f.type) for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in entry.items():
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
        if name not in types or name in ("folder", "stem"):
            continue
        if "float" in types[name]:
            value = _number(value)
        elif isinstance(value, list):
            value = tuple(value)
        values[name] = value
    return kind(**values)


def _number(value: Any) -> float | None:
    """JSON has no infinity: the program writes "inf", "-inf" and "nan"."""
    return None if value is None else float(value)
