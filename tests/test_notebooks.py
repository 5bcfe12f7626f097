"""The notebooks run from scratch, in a copy of the few folders they may read, and define nothing."""

import ast
import shutil
from pathlib import Path
from tempfile import gettempdir

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FROM_ROOT = ("01_method_and_data", "03_how_good")  # the others run where they lie, as Jupyter does


def code(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_five():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    copy = Path(shutil.copy(path, tmp_path / "notebooks"))
    for folder in ("data", "models"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this interpreter, whatever else is installed
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(copy, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    here = tmp_path if path.stem in FROM_ROOT else copy.parent
    resources = {"metadata": {"path": str(here)}}
    NotebookClient(notebook, kernel_name="python3", timeout=240, record_timing=False, resources=resources).execute()
    drawn = [output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    kept = nbformat.read(path, as_version=4)
    assert len(drawn) == sum("image/png" in o.get("data", {}) for cell in kept.cells for o in cell.get("outputs", []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_defines_nothing(path):
    nodes = [node for source in code(path) for node in ast.walk(ast.parse(source))]
    assert [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)] == []
    assert max(len(source.splitlines()) for source in code(path)) <= 20


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_its_outputs_and_nothing_of_a_machine(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    assert [cell.metadata for cell in cells if cell.metadata] == []
    streams = [output for cell in cells for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
    text = path.read_text(encoding="utf-8")
    assert [place for place in ("/home/", "/Users/", "C:\\\\", str(Path.home()), gettempdir(), str(ROOT)) if place in text] == []
    assert streams == []
