"""Where the program ``gradleak`` is, which the package is a thin layer over."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from ._errors import ProgramMissingError


def find_program() -> str:
    """The path of the program.

    What the environment's variable ``GRADLEAK`` names comes first, for developers; then the
    folders of scripts that pip installs to; then ``PATH``.

    Raises:
        ProgramMissingError: there is none, or ``GRADLEAK`` names none.
    """
    named = os.environ.get("GRADLEAK")
    if named:
        if _is_program(Path(named)):
            return named
        raise ProgramMissingError(
            f"GRADLEAK is {named!r}, and no program is there; unset it, or give the program's path."
        )
    for folder in _folders():
        if _is_program(folder / "gradleak"):
            return str(folder / "gradleak")
    found = shutil.which("gradleak")
    if found is not None:
        return found
    raise ProgramMissingError(
        "The program gradleak is not installed beside this package; mend it with "
        "'pip install --force-reinstall gradleak', or set GRADLEAK to the program's path."
    )


def _folders() -> Iterator[Path]:
    yield Path(sysconfig.get_path("scripts"))
    # Not of the running Python's own scheme: a virtual environment over another's packages.
    yield Path(sysconfig.get_path("scripts", vars={"base": sys.base_prefix}))
    # pip install --user
    user = f"{os.name}_user" if sys.platform != "darwin" else "osx_framework_user"
    if user in sysconfig.get_scheme_names():
        yield Path(sysconfig.get_path("scripts", scheme=user))
    package = Path(__file__).resolve().parent
    # pip install --target and --prefix
    yield package.parent / "bin"
    if len(package.parents) > 3 and package.parent.name == "site-packages":
        yield package.parents[3] / "bin"


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
