"""Packages that are loaded when first needed, and named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

_EXTRAS = {
    "torch": "torch",
    "numpy": "torch",
    "onnxscript": "torch",
    "pandas": "notebook",
    "PIL": "notebook",
    "flwr": "flower",
    "safetensors": "filter",
}


def needed(module: str, what: str) -> Any:
    """A module of a package that not all users have.

    Args:
        module: its name, such as ``"PIL.Image"``.
        what: what needs it, the beginning of the sentence.

    Raises:
        ImportError: it is missing; the sentence names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{what} needs {package}, which cannot be imported ({error}); "
            f'pip install "gradleak[{_EXTRAS.get(package, package)}]"',
            name=package,
        ) from error
