"""Makes a function of Python a filter that ``gradleak audit-mechanism`` can call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ._arrays import array
from ._extras import needed


def filter_main(function: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """The main program of a filter: reads an update, applies the function, writes what it returns::

        # my_filter.py
        import gradleak

        def share(update):  # NumPy arrays by name
            return {name: value + numpy.random.normal(0, 0.1, value.shape) for name, value in update.items()}

        gradleak.filter_main(share)

    and then ``gradleak audit-mechanism --filter-command "python my_filter.py"``.

    Args:
        function: from NumPy arrays by name to arrays or tensors of the same names and shapes.
    """
    if len(sys.argv) != 3:
        sys.exit("give the file to read and the file to write")
    files = needed("safetensors.numpy", "A filter of updates")
    numpy = needed("numpy", "A filter of updates")
    update = files.load_file(sys.argv[1])
    shared = function(dict(update))
    files.save_file(
        {
            name: numpy.ascontiguousarray(array(value, str(name)), dtype=numpy.float32)
            for name, value in shared.items()
        },
        sys.argv[2],
    )
