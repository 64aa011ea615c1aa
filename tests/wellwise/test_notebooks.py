"""The notebooks of the examples run from an empty folder, and are kept without outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "ask_and_tell",
        "drive_a_campaign",
        "read_a_campaign",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.skipif("NOTEBOOKS" not in os.environ, reason="make docs runs the notebooks")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_a_clean_state(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its assertions hold, each plot is a picture, and nothing is written beside it."""
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    for variable in [name for name in os.environ if name.startswith(("PREFECT", "WELLWISE"))]:
        monkeypatch.delenv(variable)
    work = tmp_path / "work"
    work.mkdir()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(work)}},
    ).execute()
    for cell in notebook.cells:
        if "plot" in cell.source or "errorbar" in cell.source:
            shown = [output.get("data", {}) for output in cell.outputs]
            assert cell.source.startswith("%") or any("image/png" in data for data in shown)
    assert list(work.iterdir()) == []
