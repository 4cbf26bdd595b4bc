"""A client's batch: what its loader gives, as files for the program."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._arrays import array, is_array, is_tensor, write_array
from ._errors import BadInputError, GradleakWarning
from ._extras import needed
from ._labels import labels_text


@dataclass(frozen=True)
class Batch:
    """Private examples.

    Attributes:
        files: one for each of them.
        labels: for ``--labels``; None for none.
        shape: of one input, [C, H, W]; None for pictures in files.
    """

    files: Sequence[str]
    labels: str | None
    shape: tuple[int, ...] | None


def batch_of(
    value: Any,
    labels: Any,
    loss: str,
    folder: Path,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    needs_labels: bool = True,
) -> Batch:
    """Writes a batch.

    Args:
        value: ``(x, y)`` or ``x``, tensors or arrays as the client's loader gives them: [N, C, H, W]
            or [N, F], bytes or floating point; or paths of pictures.
        labels: y where it is not in ``value``; ``"random"`` to draw them.
        loss: the program's name of it, which says what labels are.
        folder: to write to.
        mean: what the loader has subtracted from pixels in 0...1, which is undone here.
        std: what it then divided them by.
        needs_labels: whether arrays need labels.

    Raises:
        BadInputError: it is no batch, or has no labels.
    """
    x, y = _parts(value, labels)
    if isinstance(x, (str, os.PathLike)):
        x = [x]
    if isinstance(x, (list, tuple)) and x and all(isinstance(p, (str, os.PathLike)) for p in x):
        return Batch([os.fspath(p) for p in x], _text(y, len(x), loss), None)
    if isinstance(x, (list, tuple)) and x and all(is_array(item) for item in x):
        shapes = {tuple(item.shape) for item in x}
        if len(shapes) > 1:
            raise BadInputError(
                f"The batch is a list of arrays of {len(shapes)} shapes, such as "
                f"{list(min(shapes))}; stack examples of one shape to [N, C, H, W]."
            )
    elif not is_array(x):
        raise BadInputError(_no_batch(x))
    numbers = _stacked(x)
    is_single = y is not None and not isinstance(y, str) and _rank(y) == 0
    if is_single:
        numbers, y = numbers[None], [y]
    if numbers.ndim < 2 or len(numbers) == 0:
        raise BadInputError(
            f"The batch has the shape {list(numbers.shape)}; give [N, C, H, W], or [N, F] for rows of numbers."
        )
    if y is None and needs_labels:
        raise BadInputError(
            'The batch has no labels; give (x, y), or labels="random" to draw them.'
        )
    pixels = _pixels(numbers, mean, std)
    files = [
        os.fspath(write_array(folder / f"image-{index + 1}.npy", example))
        for index, example in enumerate(pixels)
    ]
    return Batch(files, _text(y, len(files), loss), tuple(numbers.shape[1:]))


def _parts(value: Any, labels: Any) -> tuple[Any, Any]:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2 and labels is None
    if is_pair and is_array(value[0]) and not _is_pair_of_inputs(value):
        return value[0], value[1]
    if is_pair and not isinstance(value[0], (str, os.PathLike)) and not is_array(value[1]):
        return value[0], value[1]
    return value, labels


def _is_pair_of_inputs(value: Sequence[Any]) -> bool:
    """Two inputs of one shape are no input and its labels."""
    return (
        is_array(value[1])
        and tuple(value[0].shape) == tuple(value[1].shape)
        and _rank(value[0]) > 2
    )


def _rank(value: Any) -> int:
    return len(value.shape) if is_array(value) else 1 if hasattr(value, "__len__") else 0


def _stacked(x: Any) -> Any:
    numpy = needed("numpy", "A batch of arrays")
    numbers = (
        numpy.stack([array(item, "An example") for item in x])
        if isinstance(x, (list, tuple))
        else array(x, "The batch")
    )
    if numbers.dtype.kind == "f":
        if not numpy.isfinite(numbers).all():
            raise BadInputError("The batch holds numbers that are not finite; give finite ones.")
        return numbers if numbers.dtype.itemsize >= 4 else numbers.astype("float32")
    if numbers.dtype != numpy.uint8 and numbers.ndim == 2:
        raise BadInputError(
            f"The batch holds numbers of {numbers.dtype}, [N, L], which may be tokens; give texts as "
            'text=["..."], and the folder of a language model.'
        )
    if numbers.dtype != numpy.uint8:
        raise BadInputError(
            f"The batch holds numbers of {numbers.dtype}; give floating point as the model gets "
            "it, or bytes (uint8), which are divided by 255."
        )
    return numbers


def _pixels(numbers: Any, mean: Any, std: Any) -> Any:
    """What the loader normalised, in 0...1 again, in f64."""
    if mean is None and std is None or numbers.dtype.kind != "f":
        return numbers
    numpy = needed("numpy", "A batch of arrays")

    def spread(value: Any, usual: float) -> Any:
        values = numpy.asarray(usual if value is None else value, dtype="float64").reshape(-1)
        if len(values) not in (1, numbers.shape[1]):
            raise BadInputError(
                f"mean= or std= has {len(values)} numbers for {numbers.shape[1]} channels; "
                "give one for each, or one for all."
            )
        return values.reshape(-1, *[1] * (numbers.ndim - 2))

    pixels = numbers.astype("float64") * spread(std, 1.0) + spread(mean, 0.0)
    low, high = float(pixels.min()), float(pixels.max())
    if low < -0.01 or high > 1.01:
        warnings.warn(
            f"With mean and std undone the pixels run from {low:.2f} to {high:.2f} and not from 0 to 1; "
            "give the loader's own.",
            GradleakWarning,
            stacklevel=5,
        )
    return pixels


def _text(y: Any, count: int, loss: str) -> str | None:
    if y is None or (isinstance(y, str) and y == "random"):
        return None
    return labels_text(y, count, loss)


def _no_batch(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = ", ".join(repr(key) for key in list(value)[:5])
        return f"The batch is a dictionary with the keys {keys}; give (x, y)."
    if hasattr(value, "dataset") and hasattr(value, "__iter__"):
        return "The batch is a loader; give one batch of it: next(iter(loader))."
    if isinstance(value, (list, tuple)):
        kinds: list[str] = sorted({type(item).__name__ for item in value})
        return (
            f"The batch is a {type(value).__name__} of {len(value)} ({', '.join(kinds) or 'nothing'}); "
            "give (x, y), or paths of pictures."
        )
    hint = "a loader's next(iter(loader))" if is_tensor(value) else "(x, y)"
    return f"The batch is a {type(value).__name__}; give {hint}, or paths of pictures."
