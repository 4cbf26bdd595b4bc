"""Keywords of Python as the options of the command line: the same names, with underscores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

_REPEATED = {"defence", "flaw", "set", "shape", "rename", "text"}
_OWN = {
    "json": "the result has all numbers under .record",
    "help": "see help(gradleak), or 'gradleak help' for the options",
    "version": "see gradleak.__version__",
}


def flags(options: Mapping[str, Any]) -> list[str]:
    """The command line's words for keyword arguments.

    ``learning_rate=0.1`` is ``--learning-rate=0.1``; ``True`` is a flag, ``False`` and ``None``
    are left out. Lists are joined by commas (``mean``), extents by ``x`` (``input_shape``), and
    what may be repeated is (``defence``, ``set``, ``shape``, ``rename``, ``text``), from lists or
    from dictionaries. What there is, the program knows: see its help.

    Raises:
        TypeError: an option that has no meaning here.
    """
    words: list[str] = []
    for name, value in options.items():
        if name in _OWN:
            raise TypeError(f"{name}= is no option of a function; {_OWN[name]}.")
        words += _words("--" + name.replace("_", "-"), name, value)
    return words


def in_python(sentence: str) -> str:
    """A sentence of the program that names options, with keywords: ``--learning-rate 0.1`` is
    ``learning_rate=0.1``. Commands in quotes stay.
    """

    def keyword(match: re.Match[str]) -> str:
        name, value = match[1].replace("-", "_"), match[2]
        if value is None:
            return f"{name}="
        is_plain = re.fullmatch(r"[\d.e+-]*\d", value) is not None
        return f"{name}={value}" if is_plain else f'{name}="{value}"'

    option = r"--([a-z][a-z0-9-]*)(?: (\d[\d.e+-]*\d|\d|[\w.]+=[\w.]*\w))?"
    # Commands are at the odd places.
    parts = re.split(r"('gradleak\s[^']*')", sentence)
    parts[::2] = [re.sub(option, keyword, part) for part in parts[::2]]
    return "".join(parts)


def _words(flag: str, name: str, value: Any) -> Iterator[str]:
    if value is None or value is False:
        return
    if value is True:
        yield flag
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{flag}={key}={_text(item)}"
    elif isinstance(value, (list, tuple)) or _is_vector(value):
        items = [_text(item) for item in value]
        if name in _REPEATED:
            for item in items:
                yield f"{flag}={item}"
        else:
            yield f"{flag}=" + ("x" if name == "input_shape" else ",").join(items)
    else:
        yield f"{flag}={_text(value)}"


def _is_vector(value: Any) -> bool:
    return len(getattr(value, "shape", ())) == 1


def _text(value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if not isinstance(value, (str, int, float)) and hasattr(value, "item"):
        # A number of NumPy or of PyTorch.
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)
