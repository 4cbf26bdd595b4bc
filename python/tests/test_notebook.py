"""The guide "In a notebook" runs, and shows what it says it does."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("pandas")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "in-a-notebook.ipynb"


def shown(notebook):
    """What each cell shows: the kinds of its outputs."""
    return [
        [sorted(output["data"]) if "data" in output else output["name"] for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_guide_runs_and_shows_what_it_did():
    notebook = nbformat.read(GUIDE, as_version=4)
    kept = shown(notebook)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert shown(notebook) == kept
    assert "Grade F, not passed" in notebook.cells[2].outputs[0]["data"]["text/html"]
