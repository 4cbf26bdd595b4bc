"""Tensors and arrays of any library as numbers and files."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._errors import BadInputError
from ._extras import needed


def is_tensor(value: Any) -> bool:
    """Whether it is PyTorch's, which is asked only where PyTorch is loaded."""
    # Another thread may be in the midst of loading it.
    kind = getattr(sys.modules.get("torch"), "Tensor", None)
    return kind is not None and isinstance(value, kind)


def is_array(value: Any) -> bool:
    """Whether it has a shape and numbers: of PyTorch, NumPy, JAX and the like."""
    return is_tensor(value) or (hasattr(value, "shape") and hasattr(value, "__array__"))


def array(value: Any, what: str) -> Any:
    """The numbers of a tensor or array, in NumPy and in memory of the processor.

    Args:
        what: the beginning of the sentence when it is none.

    Raises:
        BadInputError: it holds no numbers.
    """
    numpy = needed("numpy", "Reading arrays")
    try:
        numbers = numpy.asarray(_numpy(value) if is_tensor(value) else value)
    except Exception as error:
        raise BadInputError(f"{what} cannot be read as an array: {first_line(error)}.") from error
    if numbers.dtype.kind not in "fiub":
        raise BadInputError(
            f"{what} is an array of {numbers.dtype}; give real numbers, such as float32."
        )
    return numbers


def _numpy(tensor: Any) -> Any:
    value = tensor.detach().cpu()
    if value.is_sparse:
        value = value.to_dense()
    # NumPy has no bfloat16.
    return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()


def write_array(path: Path, numbers: Any) -> Path:
    """Writes a file of NumPy.

    Returns:
        The path.
    """
    needed("numpy", "Writing arrays").save(path, numbers, allow_pickle=False)
    return path


def write_tensors(
    tensors: Mapping[str, Any] | Sequence[Any], path: Path, names: Sequence[str] | None
) -> Path:
    """Writes weights or an update where the program reads it.

    Args:
        tensors: by name, or in the order of the model's parameters; None in a list is left out.
        path: of the file, without its extension.
        names: the names of a list's tensors; None where they are not known.

    Returns:
        The file: ``.pt`` where there are tensors of PyTorch, else ``.npz``.

    Raises:
        BadInputError: there are no arrays, or they hold no numbers.
    """
    if not isinstance(tensors, Mapping) and names is not None:
        tensors = {name: value for name, value in zip(names, tensors) if value is not None}
    values = list(tensors.values() if isinstance(tensors, Mapping) else tensors)
    if not values:
        raise BadInputError(f"{path.stem} holds no tensors; give the model's, by name or in order.")
    for value in values:
        if not is_array(value):
            raise BadInputError(
                f"{path.stem} holds a {type(value).__name__} among its tensors; give tensors or arrays."
            )
    if any(is_tensor(value) for value in values):
        return _write_torch(tensors, path.with_suffix(".pt"))
    if isinstance(tensors, Mapping):
        named = {str(name): array(value, str(name)) for name, value in tensors.items()}
    else:
        named = {f"arr_{i}": array(value, f"array {i}") for i, value in enumerate(tensors)}
    return _write_numpy(named, path.with_suffix(".npz"))


def _write_torch(tensors: Mapping[str, Any] | Sequence[Any], path: Path) -> Path:
    torch = needed("torch", "Writing tensors")

    def plain(value: Any) -> Any:
        if not is_tensor(value):
            return torch.as_tensor(array(value, "an array"))
        # Storages are written whole: a view's would take along what it is a part of.
        return value.detach().cpu().clone().contiguous()

    if isinstance(tensors, Mapping):
        torch.save({str(name): plain(value) for name, value in tensors.items()}, path)
    else:
        torch.save([plain(value) for value in tensors], path)
    return path


def _write_numpy(named: Mapping[str, Any], path: Path) -> Path:
    # numpy.savez takes names as keywords, and "file" is its own.
    form = needed("numpy.lib.format", "Writing arrays")
    with zipfile.ZipFile(path, "w") as archive:
        for name, numbers in named.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                form.write_array(file, numbers, allow_pickle=False)
    return path


def first_line(error: BaseException) -> str:
    """What another library's error says, on one line without its full stop."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".!")
