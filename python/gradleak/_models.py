"""A model as the program takes it: a name, an ONNX file, or a module that is written as one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from ._arrays import is_tensor, write_tensors
from ._errors import BadInputError

_WRAPPERS = ("_orig_mod", "_module", "module")


def is_module(value: Any) -> bool:
    """Whether it is a module of PyTorch, which is asked only where PyTorch is loaded."""
    # Another thread may be in the midst of loading it.
    kind = getattr(sys.modules.get("torch.nn"), "Module", None)
    return kind is not None and isinstance(value, kind)


def unwrapped(module: Any) -> Any:
    """The module that DistributedDataParallel, torch.compile and Opacus wrap."""
    name = type(module).__name__
    for attribute in _WRAPPERS:
        inner = getattr(module, attribute, None)
        if is_module(inner) and (
            attribute != "module" or "Parallel" in name or name == "AveragedModel"
        ):
            return unwrapped(inner)
    return module


@dataclass(frozen=True)
class Names:
    """The names of a module's tensors, in the order of training code.

    Attributes:
        parameters: of ``named_parameters()``.
        state: of ``state_dict()``, with buffers in between.
    """

    parameters: Sequence[str]
    state: Sequence[str]

    @staticmethod
    def of(module: Any) -> Names:
        """Those of a module."""
        return Names([name for name, _ in module.named_parameters()], list(module.state_dict()))

    def of_list(self, tensors: Sequence[Any]) -> Sequence[str] | None:
        """The names of a list of tensors; None where its length tells none."""
        for names in (self.parameters, self.state):
            if len(tensors) == len(names):
                return names
        return None


Tensors = Union[str, "os.PathLike[str]", Mapping[str, Any], Sequence[Any], Any]


def tensor_file(value: Tensors, what: str, folder: Path, names: Names | None) -> Path:
    """The file of weights or of an update.

    Args:
        value: a path; tensors or arrays by name (a ``state_dict``) or in order (Flower's lists,
            ``torch.autograd.grad``); a module, whose gradients are meant by ``update`` and whose
            weights else.
        what: ``update``, ``before`` or ``after``.
        folder: to write to.
        names: of the model's tensors; None where they are not known.

    Raises:
        BadInputError: it is none of these.
    """
    if isinstance(value, (str, os.PathLike)):
        return Path(value)
    if is_module(value):
        value = gradients(value) if what == "update" else unwrapped(value).state_dict()
    if isinstance(value, Mapping):
        return write_tensors(value, folder / what, None)
    if is_tensor(value) or not hasattr(value, "__iter__"):
        raise BadInputError(
            f"{what}= is a {type(value).__name__}; give a file, a dictionary of tensors such as "
            "model.state_dict(), a list of arrays, or a module."
        )
    tensors: list[Any] = list(value)
    # The pairs of named_parameters().
    if tensors and all(
        isinstance(t, tuple) and len(t) == 2 and isinstance(t[0], str) for t in tensors
    ):
        return write_tensors(dict(tensors), folder / what, None)
    return write_tensors(tensors, folder / what, names.of_list(tensors) if names else None)


def gradients(module: Any) -> dict[str, Any]:
    """A module's gradients by name.

    Raises:
        BadInputError: it has none.
    """
    found = {n: p.grad for n, p in unwrapped(module).named_parameters() if p.grad is not None}
    if not found:
        raise BadInputError("The module has no gradients; call loss.backward() first.")
    return found
