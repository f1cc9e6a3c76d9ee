"""The notebook of examples/ runs with a real kernel, on a Ray that its user started, and shows plain text."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.docs.notebook import NOTEBOOK, executed, shown

pytest.importorskip("ipykernel")

QUIET = "include_dashboard=False, log_to_driver=False, logging_level='CRITICAL'"
RAY = f"import ray; ray.init(address='local', num_cpus=2, {QUIET})"
STILL_THERE = "assert ray.is_initialized(); assert ray.get(ray.remote(lambda: 7).remote()) == 7"
MACHINE = re.compile(r"/(?:home|root|tmp|work|dev|usr|Users|private)/|site-packages")
NO_TEXT = "<IPython.core.display.HTML object>"
"""The text of an output that is HTML alone, as progress must not be."""
CONTROL = re.compile(r"[\r\x1b]")


def test_what_is_stored_was_run_and_names_no_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == sorted(cell.execution_count for cell in code)
    assert sum(bool(cell.outputs) for cell in code) >= len(code) - 2
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not MACHINE.search(text)
    assert len(text) < 40_000
    assert "[2/2 trials" in shown(notebook)
    assert not CONTROL.search(shown(notebook))


# At a commit tests/dite_search/api run what its cells call, and the test above reads them.
@pytest.mark.nightly
@pytest.mark.xdist_group("ray")
def test_the_notebook_runs_on_a_ray_that_its_user_started(tmp_path):
    notebook = executed(tmp_path, before=RAY, after=STILL_THERE)
    text = shown(notebook)
    assert "[2/2 trials" in text
    assert "[3/3 trials" in text
    assert NO_TEXT not in text
    assert not CONTROL.search(text)
    assert (tmp_path / "runs/notebook/export/model.onnx").is_file()
