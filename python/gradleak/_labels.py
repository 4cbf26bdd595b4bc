"""Labels of training code as the program's ``--labels``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._arrays import array, is_array
from ._errors import BadInputError


def labels_text(labels: Any, count: int, loss: str) -> str:
    """Labels in the program's words.

    Args:
        labels: classes [N], rows of 0 and 1 [N, K], numbers [N] or [N, M]; or the program's own
            words, such as ``"3,7"``.
        count: of examples.
        loss: the program's name: rows of 0 and 1 are classes to a cross entropy and sets to
            ``bce``; numbers are targets of ``mse``.

    Raises:
        BadInputError: there is not one for each example, or they are none of these.
    """
    if isinstance(labels, str):
        return labels
    if not is_array(labels) and not hasattr(labels, "__len__"):
        labels = [labels]
    values = array(_plain(labels), "labels")
    if values.ndim == 0:
        values = values[None]
    if values.ndim == 2 and values.shape[1] == 1 and loss != "bce":
        values = values[:, 0]
    if len(values) != count:
        raise BadInputError(
            f"There are {len(values)} labels for {count} examples; give one for each."
        )
    if values.ndim > 2:
        raise BadInputError(
            f"The labels have the shape {list(values.shape)}; give classes [N], or rows [N, K]."
        )
    rows: list[Any] = values.tolist()
    if loss == "mse":
        is_class = values.ndim == 1 and values.dtype.kind in "iub"
        return ",".join(str(int(row)) if is_class else _numbers(row) for row in rows)
    if loss == "bce":
        return ",".join(_set(row if isinstance(row, list) else [row]) for row in rows)
    return ",".join(_class(row) for row in rows)


def _plain(labels: Any) -> Any:
    if is_array(labels):
        return labels
    return [array(item, "A label").tolist() if is_array(item) else item for item in labels]


def _class(row: Any) -> str:
    if isinstance(row, list):
        if sorted(set(row)) != [0, 1] or sum(row) != 1:
            raise BadInputError(
                "A row of the labels is not one class, and soft labels of a cross entropy are not "
                "modelled; give classes, or label_smoothing=."
            )
        return str(row.index(1))
    if float(row) != int(row):
        raise BadInputError(
            f'The label {row} is no class; give whole numbers, or the loss that takes it: loss="mse".'
        )
    return str(int(row))


def _set(row: Sequence[Any]) -> str:
    if not set(row) <= {0, 1}:
        if len(row) == 1 and float(row[0]) == int(row[0]):
            return str(int(row[0]))
        raise BadInputError("Labels of bce are rows of 0 and 1, one for each output of the model.")
    return "+".join(str(index) for index, value in enumerate(row) if value) or "none"


def _numbers(row: Any) -> str:
    return ":".join(repr(float(value)) for value in (row if isinstance(row, list) else [row]))
