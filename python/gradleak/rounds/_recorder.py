"""Captures the rounds of a training that must not notice it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable

from .._call import extents, usual_mode
from .._errors import BadInputError
from .._models import is_module
from .._onnx import export
from .._workspace import Workspace
from ._audits import Audits, audits
from ._background import BackgroundAudits
from ._captures import add_capture
from ._folder import Member, RoundsFolder, Tensors
from ._safely import safely
from ._training import check_names, is_chosen_client, told


@dataclass(frozen=True)
class Sent:
    """What a server sends to a client.

    Attributes:
        client: its name or number.
        content: what is the same object for all that get the same weights.
        tensors: reads the weights.
    """

    client: str
    content: Any
    tensors: Callable[[], Tensors]


@dataclass(frozen=True)
class Reply:
    """What a client sends back, or the mean of what several send, where no more is to be seen.

    Attributes:
        client: its name or number, or a name of the mean.
        tensors: reads the weights.
        examples: reads the number of examples that it says it trained on; None of a mean.
        members: the clients of a mean, weighted by their examples.
    """

    client: str
    tensors: Callable[[], Tensors]
    examples: Callable[[], int | None]
    members: tuple[Member, ...] = ()

    @property
    def clients(self) -> tuple[str, ...]:
        """Whose weights are in it."""
        return tuple(member.client for member in self.members) or (self.client,)


class Recorder:
    """Writes what a server sends and gets in chosen rounds, and has it audited.

    No method but the first and the last raises: what goes wrong is logged in a sentence.

    Args:
        framework: its name in sentences.
        out: a new folder.
        model: a module, an ONNX file or a built-in model.
        every: captures rounds 1, 1 + every, and so on.
        clients: a number for so many in each round, or names; None for all.
        background: whether audits run beside the training.
        options: of audits, and of how clients train.

    Raises:
        BadInputError: an option is missing or unknown, the model cannot be written, or the folder
            is in use.
    """

    def __init__(
        self,
        framework: str,
        out: str | os.PathLike[str],
        *,
        model: Any,
        every: int,
        clients: None | int | Collection[Any],
        background: bool,
        options: Mapping[str, Any],
    ) -> None:
        if not isinstance(every, int) or every < 1:
            raise BadInputError(
                f"every= is {every!r}; give 1 to capture each round, 2 for every other."
            )
        check_names(options)
        chosen = told(options, framework)
        self.folder = RoundsFolder(out)
        self._every = every
        self._clients = clients
        self._background = BackgroundAudits(self.folder.path) if background else None
        self._before: dict[str, Path] = {}
        set_up(self.folder, framework, model, chosen)

    def sent(self, round: int, messages: Callable[[], Iterable[Sent]]) -> None:
        """Captures what a round's clients get: weights that several get are written once."""
        if self._is_chosen(round):
            safely(
                f"What clients got in round {round} was not captured",
                partial(self._sent, round, messages),
            )

    def received(self, round: int, replies: Callable[[], Iterable[Reply]]) -> None:
        """Captures what a round's clients sent back, before anybody changes it."""
        if not self._is_chosen(round):
            return
        safely(f"Round {round} was not captured", partial(self._received, round, replies))
        if self._background is not None:
            safely("Audits could not be started", self._background.start)

    def results(self) -> Audits:
        """All audits; those that are missing are made.

        Raises:
            Interrupted: Ctrl-C.
        """
        if self._background is not None:
            self._background.wait()
        return audits(self.folder.path)

    def _sent(self, round: int, messages: Callable[[], Iterable[Sent]]) -> None:
        self._before = {}
        files: dict[int, Path] = {}
        for message in messages():
            if not is_chosen_client(message.client, self._clients):
                continue
            if id(message.content) not in files:
                name = "global" if not files else f"global-{len(files) + 1}"
                files[id(message.content)] = self.folder.write_tensors(
                    round, name, message.tensors()
                )
            self._before[message.client] = files[id(message.content)]

    def _received(self, round: int, replies: Callable[[], Iterable[Reply]]) -> None:
        count = 0
        for reply in replies():
            if not any(is_chosen_client(client, self._clients) for client in reply.clients):
                continue
            if isinstance(self._clients, int) and count >= self._clients:
                return
            count += safely(
                f"The update of client {reply.client} in round {round} was not captured",
                partial(self._add, round, reply),
            )

    def _add(self, round: int, reply: Reply) -> None:
        sent = {self._before[client] for client in reply.clients if client in self._before}
        if len(sent) > 1:
            raise BadInputError(
                "its clients got different weights, and the mean of what they sent back is no update "
                "of either."
            )
        add_capture(
            self.folder,
            round,
            reply.client,
            "weights",
            reply.tensors(),
            before=next(iter(sent), None),
            examples=reply.examples(),
            members=reply.members,
        )

    def _is_chosen(self, round: int) -> bool:
        return (round - 1) % self._every == 0


def set_up(folder: RoundsFolder, framework: str, model: Any, options: Mapping[str, Any]) -> None:
    """Makes a folder for captures, with the model as a file of the program.

    Args:
        framework: its name.
        model: a module (with ``input_shape`` among the options), an ONNX file or a built-in model.
        options: of audits, and of how clients train.

    Raises:
        BadInputError: the model cannot be written, or the folder is in use.
    """
    chosen = dict(options)
    settings = {"framework": framework, "options": chosen}
    if not is_module(model):
        # A name of a built-in model is no path.
        path = os.fspath(model)
        folder.create(
            {
                **settings,
                "model": os.path.abspath(path) if os.path.exists(path) else path,
            }
        )
        return
    shape = chosen.pop("input_shape", None)
    if shape is None:
        raise BadInputError(
            "A module does not say what it takes; give input_shape=(C, H, W) of one input."
        )
    chosen.setdefault("mode", usual_mode(model))
    with Workspace() as inputs:
        is_training = chosen["mode"] == "training"
        file = export(model, extents(shape), inputs.path / "model.onnx", training=is_training).path
        folder.create({**settings, "model": "model.onnx"})
        shutil.copyfile(file, folder.path / "model.onnx")
    os.chmod(folder.path / "model.onnx", 0o600)
