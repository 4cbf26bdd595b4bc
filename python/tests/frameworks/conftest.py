"""Photographs for clients, and programs of frameworks in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradleak

APPS = Path(__file__).parent / "apps"
EXAMPLES = Path(__file__).parents[2] / "examples"
GUIDES = Path(__file__).parents[3] / "docs" / "guides"


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder with bundled photographs as photo-0.npy and so on: f32, [3, 16, 16], in 0...1."""
    numpy = pytest.importorskip("numpy")
    pillow = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("photos")
    gradleak.run(
        *("demo", "--attack", "peeling", "--size", "16", "--out", folder / "demo"),
        quiet=True,
    )
    for index, file in enumerate(sorted((folder / "demo").glob("*-original.png"))):
        pixels = numpy.asarray(pillow.open(file).convert("RGB"), dtype="float32") / 255
        numpy.save(folder / f"photo-{index}.npy", pixels.transpose(2, 0, 1))
    return folder


@pytest.fixture
def python(tmp_path, photos):
    """Runs Python in a folder of its own and gives what it printed; its code can import the apps and examples."""

    def run(*arguments: object, **environment: object) -> str:
        package = Path(gradleak.__file__).parents[1]
        paths = [str(package), str(APPS), str(EXAMPLES), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                "PHOTOS": str(photos),
                "FLWR_TELEMETRY_ENABLED": "0",
                "FLWR_HOME": str(tmp_path / "flwr"),
                "OMP_NUM_THREADS": "1",
                **{name: str(value) for name, value in environment.items()},
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout

    return run


def blocks(guide: str) -> dict[str, str]:
    """The Python blocks of a guide by the name in their first line."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    found = {}
    for part in text.split("```python\n")[1:]:
        code = part.split("```")[0]
        found[code.splitlines()[0].replace("# guide: ", "")] = code
    return found
