"""The notebook of examples/: ``python -m tests.docs.notebook`` runs it with a real kernel and stores what it shows.

Paths of the folder in which it ran are made relative, so that what is stored is the same wherever it ran.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.child_processes import python_path
from tests.conftest import ROOT

NOTEBOOK = ROOT / "examples/notebook.ipynb"
SECONDS = 1500
"""The longest time that a cell may take on a busy machine."""


def executed(folder: Path, *, before: str = "", after: str = "") -> Any:
    """Run the notebook in a folder, and return it with what its cells show.

    Args:
        folder: The working directory of the kernel.
        before: Code that runs in the kernel before the first cell.
        after: Code that runs in the kernel after the last cell.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    added = [nbformat.v4.new_code_cell(code) for code in (before, after)]
    notebook.cells = [added[0], *notebook.cells, added[1]]
    environment = os.environ | python_path(ROOT)
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    notebook.cells = notebook.cells[1:-1]
    return notebook


def relative(notebook: Any, folder: Path) -> Any:
    """Return the notebook with paths below a folder made relative, and without the times of its run."""
    for cell in notebook.cells:
        cell.metadata.clear()
        for output in cell.get("outputs", ()):
            if "text" in output:
                output["text"] = output["text"].replace(f"{folder}{os.sep}", "")
            for kind, text in output.get("data", {}).items():
                output["data"][kind] = text.replace(f"{folder}{os.sep}", "")
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def shown(notebook: Any) -> str:
    """Return all that the cells show as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        nbformat.write(relative(executed(Path(name).resolve()), Path(name).resolve()), NOTEBOOK)
