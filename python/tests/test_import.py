"""Importing the package costs nothing, and works wherever it is promised to."""

import ast
import subprocess
import sys
from pathlib import Path

import gradleak

PACKAGE = Path(gradleak.__file__).parent


def test_import_loads_nothing_else():
    code = (
        "import sys, gradleak; "
        "print([m for m in ('torch', 'numpy', 'pandas', 'PIL', 'flwr', 'nvflare', 'opacus', 'pytest') "
        "if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert printed.stdout.strip() == "[]"


def test_syntax_is_that_of_python_3_9():
    for path in PACKAGE.rglob("*.py"):
        ast.parse(path.read_text(), str(path), feature_version=(3, 9))


def test_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_all_names_are_there():
    assert all(hasattr(gradleak, name) for name in gradleak.__all__)
    assert gradleak.__version__[0].isdigit()
