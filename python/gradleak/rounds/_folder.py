"""A folder of captured updates: what a server sent in each round, and what each client made of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Union

from .._arrays import array, write_tensors
from .._errors import BadInputError

#: By name or in order.
Tensors = Union[Mapping[str, Any], Sequence[Any]]

#: Of a folder: the model, and what the framework does not send of how clients train.
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Member:
    """A client of whose update only a mean with others' was seen.

    Attributes:
        client: the framework's name or number of it.
        examples: that it says it trained on, which are its weight; None where it does not say.
    """

    client: str
    examples: int | None = None


@dataclass(frozen=True)
class Capture:
    """One client's update of one round, or the mean of several clients', as files.

    Attributes:
        round: of training, as the framework counts.
        client: the framework's name or number of it, or a name of the mean.
        folder: where the results of its audit go.
        kind: ``weights`` after training, their ``difference`` to what was sent, or a ``gradient``.
        before: the file of the weights that the client got; None where they were not seen.
        after: the file of what the client shared.
        examples: that the client says it trained on; None where it does not say, and of a mean.
        steps: of its optimiser that it says it took; None where it does not say.
        members: the clients of a mean; empty for one client's update.
    """

    round: int
    client: str
    folder: Path
    kind: str
    before: Path | None
    after: Path
    examples: int | None = None
    steps: int | None = None
    members: tuple[Member, ...] = ()


class RoundsFolder:
    """Reads and writes a folder of captured updates, which only its owner can read.

    ``settings.json``, and for each round ``round-3/global.npz``, and for each client
    ``client-7.npz`` beside ``client-7.json``, which is written last: what it names is complete.

    Args:
        path: of the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def create(self, settings: Mapping[str, Any]) -> None:
        """Makes the folder, with mode 0700.

        Raises:
            BadInputError: there is something in it already, or it cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if next(self.path.iterdir(), None) is not None:
                raise BadInputError(
                    f"{str(self.path)!r} is not empty; give out= a folder of its own for each training."
                )
            os.chmod(self.path, 0o700)
        except OSError as error:
            raise BadInputError(f"{str(self.path)!r} cannot be made: {error.strerror}.") from error
        self.write_settings(settings)

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Replaces what is said of the model and of the clients."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write_json(self.path / SETTINGS, settings)

    @property
    def exists(self) -> bool:
        """Whether it is a folder of captured updates."""
        return (self.path / SETTINGS).exists()

    def check(self) -> None:
        """Refuses a folder without captured updates.

        Raises:
            BadInputError: it is one.
        """
        if not self.exists:
            raise BadInputError(
                f"{str(self.path)!r} holds no captured updates; give a folder that out= made."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """What is said of the model and of the clients.

        Raises:
            BadInputError: the folder holds no captured updates.
        """
        self.check()
        try:
            with open(self.path / SETTINGS, encoding="utf-8") as file:
                read: dict[str, Any] = json.load(file)
                return read
        except ValueError as error:
            raise BadInputError(f"{str(self.path / SETTINGS)!r} is no JSON: {error}.") from error

    def write_tensors(self, round: int, name: str, tensors: Tensors) -> Path:
        """Writes tensors of a round, private and whole or not at all.

        Args:
            round: of training.
            name: of the file, without its extension.
            tensors: by name or in order.

        Returns:
            The file.

        Raises:
            BadInputError: there are none, or they hold no numbers.
        """
        folder = self._round(round)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as private:
            written = write_tensors(tensors, Path(private) / name, None)
            os.chmod(written, 0o600)
            return written.replace(folder / written.name)

    def write_once(self, round: int, name: str, tensors: Tensors) -> Path:
        """As :meth:`write_tensors`, under a name with a hash of the numbers, unless it is there."""
        digest = fingerprint(tensors)
        for file in self._round(round).glob(f"{name}-{digest}.*"):
            return file
        return self.write_tensors(round, f"{name}-{digest}", tensors)

    def link(self, round: int, client: str, before: Path) -> None:
        """Notes the file of what a client got, for a process that sees what it sends back."""
        self.write_json(
            self._round(round) / f"sent-{file_name(client)}.json",
            {"before": before.name},
        )

    def linked(self, round: int, client: str) -> Path | None:
        """The file that :meth:`link` noted; None where it noted none."""
        note = self._round(round) / f"sent-{file_name(client)}.json"
        if not note.exists():
            return None
        with open(note, encoding="utf-8") as file:
            return note.parent / Path(json.load(file)["before"]).name

    def add(
        self,
        round: int,
        client: str | int,
        kind: str,
        tensors: Tensors,
        *,
        before: Path | None,
        examples: int | None = None,
        steps: int | None = None,
        members: Sequence[Member] = (),
    ) -> Capture:
        """Writes what one client shared in a round, or what was seen of several.

        Args:
            round: of training.
            client: its name or number, or a name of the mean.
            kind: ``weights``, ``difference`` or ``gradient``.
            tensors: by name or in order.
            before: the file of what it got, as :meth:`write_tensors` returned it.
            examples: that it says it trained on.
            steps: that it says it took.
            members: the clients of a mean.

        Returns:
            Where it is.

        Raises:
            BadInputError: there are no tensors, or they hold no numbers.
        """
        name = f"client-{file_name(client)}"
        after = self.write_tensors(round, name, tensors)
        entry = {
            "round": round,
            "client": str(client),
            "kind": kind,
            "before": before.name if before is not None else None,
            "after": after.name,
            "examples": examples,
            "steps": steps,
            "members": [asdict(member) for member in members] or None,
        }
        file = after.parent / f"{name}.json"
        self.write_json(file, {k: v for k, v in entry.items() if v is not None})
        return _capture(file)

    def captures(self) -> tuple[Capture, ...]:
        """All that was captured, in the order of rounds.

        Raises:
            BadInputError: the folder holds no captured updates.
        """
        self.check()
        found = [
            _capture(file)
            for file in self.path.glob("round-*/client-*.json")
            if not file.name.endswith(".experiment.json")
        ]
        return tuple(sorted(found, key=lambda capture: (capture.round, _natural(capture.client))))

    @staticmethod
    def write_json(path: Path, entry: Mapping[str, Any]) -> None:
        """Writes a private file of JSON, whole or not at all."""
        text = json.dumps(entry, indent=2, ensure_ascii=False, default=str) + "\n"
        descriptor, private = tempfile.mkstemp(prefix=".", dir=path.parent)
        # mkstemp makes files of mode 0600.
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(private, path)

    def _round(self, round: int) -> Path:
        folder = self.path / f"round-{round}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def fingerprint(tensors: Tensors) -> str:
    """A hash of names and numbers, in 16 digits."""
    pairs = tensors.items() if isinstance(tensors, Mapping) else enumerate(tensors)
    digest = hashlib.sha256()
    for name, value in pairs:
        numbers = array(value, str(name))
        digest.update(f"{name} {numbers.dtype} {numbers.shape} ".encode())
        digest.update(numbers.tobytes())
    return digest.hexdigest()[:16]


def file_name(name: str | int) -> str:
    """A client's name as a part of a file's name, which no other client's becomes."""
    text = str(name)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:80]
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts 2 before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in parts)


def _capture(file: Path) -> Capture:
    try:
        with open(file, encoding="utf-8") as stream:
            entry = json.load(stream)
        before = entry.get("before")
        return Capture(
            round=int(entry["round"]),
            client=str(entry["client"]),
            folder=file.with_suffix(""),
            kind=str(entry["kind"]),
            before=None if before is None else file.parent / Path(before).name,
            after=file.parent / Path(entry["after"]).name,
            examples=entry.get("examples"),
            steps=entry.get("steps"),
            members=tuple(
                Member(str(member["client"]), member.get("examples"))
                for member in entry.get("members", [])
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{str(file)!r} is no captured update: {error}.") from error
