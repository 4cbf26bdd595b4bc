"""Pictures and numbers of a folder of results, read when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._extras import needed

if TYPE_CHECKING:
    from PIL.Image import Image


def numbers(path: Path) -> Any:
    """The array of a file of NumPy.

    Raises:
        FileNotFoundError: it is not there.
    """
    numpy = needed("numpy", "An image's numbers")
    return numpy.load(_there(path), allow_pickle=False)


def drawn(path: Path) -> Image:
    """A picture, wholly read, so that its file may go.

    Raises:
        FileNotFoundError: it is not there.
    """
    pillow = needed("PIL.Image", "A picture")
    with pillow.open(_there(path)) as picture:
        picture.load()
        copy: Image = picture.copy()
        return copy


def _there(path: Path) -> Path:
    if path.exists():
        return path
    raise FileNotFoundError(
        f"{path} is not there; results without out= are deleted when nobody holds them any more, "
        "and only undefended updates have pictures."
    )
