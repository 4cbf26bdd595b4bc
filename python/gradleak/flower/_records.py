"""Tensors and numbers in Flower's messages, of the current API and of the older one."""

from __future__ import annotations

import io
from typing import Any

from .._errors import BadInputError
from .._extras import needed
from ..rounds._folder import Tensors


def record_of(content: Any, key: str | None) -> Any:
    """The model's ``ArrayRecord`` of a message of the current API.

    Args:
        content: its ``RecordDict``.
        key: of the record where the strategy has one; where that is not there the first is taken.

    Raises:
        BadInputError: there is none.
    """
    records = content.array_records
    if key is not None and key in records:
        return records[key]
    for record in records.values():
        return record
    raise BadInputError("The message holds no arrays.")


def tensors_of(record: Any) -> Tensors:
    """The arrays of an ``ArrayRecord``.

    Returns:
        NumPy's arrays by name; in order where Flower has numbered them.

    Raises:
        BadInputError: there are none, or they are in a form that is not NumPy's.
    """
    named = {str(name): _numbers(value, str(name)) for name, value in record.items()}
    if not named:
        raise BadInputError("The message holds a record without arrays.")
    # What was a list of arrays.
    is_list = list(named) == [str(i) for i in range(len(named))]
    return list(named.values()) if is_list else named


def tensors_of_parameters(parameters: Any) -> Tensors:
    """The arrays of ``Parameters``, of the older API, in order.

    Raises:
        BadInputError: there are none, or they are in a form that is not NumPy's.
    """
    if parameters.tensor_type != "numpy.ndarray":
        raise BadInputError(f"Parameters of the type {parameters.tensor_type!r} cannot be read.")
    found: list[Any] = [_loaded(data, f"array {i}") for i, data in enumerate(parameters.tensors)]
    if not found:
        raise BadInputError("The message holds no arrays.")
    return found


def examples_of(content: Any, key: str | None) -> int | None:
    """The number of examples that a client says it trained on; None where it does not say.

    Args:
        content: of its reply.
        key: of the weight in averages, which usually is that number.
    """
    for name in ("num-examples", key):
        for record in content.metric_records.values():
            number = record.get(name) if name is not None else None
            if isinstance(number, (int, float)) and number >= 1 and int(number) == number:
                return int(number)
    return None


def _numbers(value: Any, name: str) -> Any:
    if value.stype != "numpy.ndarray":
        raise BadInputError(f"{name} is serialised as {value.stype!r}, which cannot be read.")
    numbers = _loaded(value.data, name)
    if value.dtype == "bfloat16":
        numpy = needed("numpy", "Reading arrays")
        # The upper half of an f32; NumPy writes it as two bytes without a meaning.
        return (numbers.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
    return numbers


def _loaded(data: bytes, name: str) -> Any:
    numpy = needed("numpy", "Reading arrays")
    try:
        return numpy.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadInputError(f"{name} is no array of NumPy.") from error
