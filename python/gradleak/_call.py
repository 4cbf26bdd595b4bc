"""One call of the program, with the files that it needs for that time."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union

from ._batch import Batch, batch_of
from ._errors import BadInputError, GradleakWarning, Interrupted, error_of
from ._labels import labels_text
from ._losses import loss_options
from ._models import Names, is_module, tensor_file, unwrapped
from ._onnx import export
from ._options import flags, in_python
from ._results import Result, remarks, result_of
from ._run import Completed, execute
from ._workspace import Workspace

if TYPE_CHECKING:
    from typing_extensions import Self

PathName = Union[str, "os.PathLike[str]"]
R = TypeVar("R", bound=Result)


class Call:
    """One call of the program, and the files that it needs for that time."""

    def __init__(
        self,
        command: str,
        model: Any,
        options: dict[str, Any],
        *,
        out: PathName | None,
        quiet: bool,
    ) -> None:
        self.command = command
        self.options = dict(options)
        self.files: list[str] = []
        self._truth: list[str] = []
        self._model = model
        self._quiet = quiet
        self._out = None if out is None else Path(out)
        self._inputs = Workspace()
        self._shape: tuple[int, ...] | None = None
        self._loss = "cross-entropy"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inputs.remove()

    def use_loss(self, loss: Any) -> None:
        """What the client's loss is."""
        for name, value in loss_options(loss).items():
            self.options.setdefault(name, value)
        self._loss = self.options.get("loss") or self._loss

    def batch(self, value: Any, labels: Any, mean: Any, std: Any) -> Batch:
        """Writes a batch, whose shape is the model's."""
        given = batch_of(value, labels, self._loss, self._inputs.path, mean=mean, std=std)
        self._shape = given.shape
        self.options["labels"] = given.labels
        return given

    def truth(self, value: Any, mean: Any, std: Any) -> None:
        """Writes the inputs behind an update; their labels would be told to the attack, and are not."""
        given = batch_of(
            value,
            None,
            self._loss,
            self._inputs.path,
            mean=mean,
            std=std,
            needs_labels=False,
        )
        self._shape = given.shape
        self._truth = list(given.files)
        self.options.setdefault("batch_size", len(given.files))

    def label(self, labels: Any) -> None:
        """Labels that the attacker knows."""
        count = len(labels) if hasattr(labels, "__len__") and not isinstance(labels, str) else 1
        self.options["labels"] = labels_text(labels, count, self._loss)

    def update(self, update: Any, before: Any, after: Any) -> None:
        """Writes an update, or weights before and after.

        Raises:
            BadInputError: there is none, or too much.
        """
        names = Names.of(unwrapped(self._model)) if is_module(self._model) else None
        if update is not None and (before is not None or after is not None):
            raise BadInputError("There are update= and before= or after=; give one of them.")
        if after is not None and before is None and is_module(self._model):
            # What the module holds is what the client got.
            before = self._model
        if update is None and after is None and is_module(self._model) and before is None:
            raise BadInputError("There is no update; give update=, or before= and after=.")
        for what, value in (("update", update), ("before", before), ("after", after)):
            if value is not None:
                self.options[what] = tensor_file(value, what, self._inputs.path, names)

    def run(self, kind: type[R], *, accepts: Sequence[int], **members: Any) -> R:
        """Runs the program and reads what it left.

        Raises:
            GradleakError: another status than those that it accepts.
            Interrupted: Ctrl-C.
        """
        workspace: Workspace | None = None
        if self._out is None:
            workspace = Workspace()
            folder = workspace.path / "results"
        else:
            folder = self._out
        arguments = [
            self.command,
            *self._model_words(),
            *flags({**self.options, "out": folder}),
        ]
        arguments += self.files + (["--truth", *self._truth] if self._truth else [])
        completed = self._told(execute(arguments, quiet=self._quiet))
        for sentence in remarks(completed.stderr, "warning: "):
            warnings.warn(in_python(sentence), GradleakWarning, stacklevel=3)
        if completed.was_interrupted:
            raise Interrupted(self._partial(kind, completed, folder, workspace, members))
        if completed.status not in accepts:
            raise error_of(
                completed.status, completed.stderr, completed.arguments, said_as=in_python
            )
        return self._result(kind, completed, folder, workspace, members)

    def _told(self, completed: Completed) -> Completed:
        """Without the names of private folders."""
        folder = f"{self._inputs.path}{os.sep}"
        return dataclasses.replace(
            completed,
            stdout=completed.stdout.replace(folder, ""),
            stderr=completed.stderr.replace(folder, ""),
        )

    def _result(
        self,
        kind: type[R],
        completed: Completed,
        folder: Path,
        workspace: Workspace | None,
        members: dict[str, Any],
    ) -> R:
        return result_of(
            kind,
            folder,
            printed=completed.stdout,
            said=completed.stderr,
            workspace=workspace,
            status=completed.status,
            **members,
        )

    def _partial(self, *arguments: Any) -> Result | None:
        """What an interrupted run left; None where that is nothing."""
        folder: Path = arguments[2]
        return self._result(*arguments) if (folder / "run.json").exists() else None

    def _model_words(self) -> list[str]:
        if not is_module(self._model):
            if not isinstance(self._model, (str, os.PathLike)):
                raise BadInputError(
                    f"model= is a {type(self._model).__name__}; give a torch.nn.Module, an ONNX file "
                    "or the name of a built-in model."
                )
            return flags({"model": self._model})
        shape = self.options.pop("input_shape", None) or self._shape
        if shape is None:
            raise BadInputError(
                "A module does not say what it takes; give input_shape=(C, H, W) of one input."
            )
        mode = self.options.setdefault("mode", usual_mode(self._model))
        file = export(
            self._model,
            extents(shape),
            self._inputs.path / "model.onnx",
            training=mode == "training",
            batch_size=int(self.options.get("batch_size") or 1),
        )
        return flags({"model": file.path})


def extents(shape: Any) -> tuple[int, ...]:
    """A shape, given as numbers or as the program writes it, such as ``"3x32x32"``."""
    parts = shape.split("x") if isinstance(shape, str) else shape
    return tuple(int(part) for part in parts)


def usual_mode(module: Any) -> str:
    """How a module computes as it is: ``training`` where batch normalisation uses the batch's own
    statistics; dropout is said to be left out.
    """
    inner = unwrapped(module)
    active = [m for m in inner.modules() if m.training]
    if any("Dropout" in type(m).__name__ and getattr(m, "p", 0) > 0 for m in active):
        warnings.warn(
            "The module is in training mode and has dropout, whose masks nobody knows; it is left "
            "out, so that a real update may match less well.",
            GradleakWarning,
            stacklevel=5,
        )
    is_batched = any("BatchNorm" in type(m).__name__ for m in active)
    return "training" if is_batched else "evaluation"
