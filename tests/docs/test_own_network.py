"""docs/how_to/own_network.md: its files and its lines, copied into a checkout, make a family that everything works with."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.child_processes import python_path
from tests.conftest import ROOT
from tests.docs.checkout_process import run_module, work_in
from tests.docs.pages import DOCS, blocks
from tests.test_families import PACKAGES, REGISTRIES

pytestmark = pytest.mark.slow

PAGE = DOCS / "how_to/own_network.md"
LONGEST_FAMILY = 95
"""Lines of the two files together, their empty ones and imports included."""

Program = Callable[..., str]


def files_of_page() -> dict[str, str]:
    """The files that the page shows whole, by path."""
    found = {}
    for block in blocks(PAGE, "python"):
        head, _, text = block.partition("\n")
        found[head.removeprefix("# ")] = text
    return found


def lines_of_page() -> dict[str, tuple[str, str]]:
    """The line that each registry gets, by path, and the one it stands behind."""
    found = {}
    for block in blocks(PAGE, "diff"):
        path, before, line = block.splitlines()
        assert (path[:4], before[0], line[0]) == ("+++ ", " ", "+")
        found[path[4:]] = (before[1:], line[1:])
    return found


def add_family(checkout: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, checkout / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in files_of_page().items():
        assert not (checkout / path).exists()
        (checkout / path).write_text(text, encoding="utf-8")
    for path, (before, line) in lines_of_page().items():
        text = (checkout / path).read_text(encoding="utf-8")
        assert text.count(f"{before}\n") == 1
        (checkout / path).write_text(text.replace(f"{before}\n", f"{before}\n{line}\n"), encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """``dite-search`` of a checkout with the page's family, in a folder and a process of its own, which imports it once."""
    checkout, folder = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("work")
    add_family(checkout)
    (recipe, architecture) = blocks(PAGE, "yaml")
    (folder / "stacks.yaml").write_text(recipe, encoding="utf-8")
    (folder / "arch.yaml").write_text(architecture, encoding="utf-8")
    environment = python_path(checkout) | {"COLUMNS": "100"}
    settings = (str(checkout), str(folder), environment)
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=work_in, initargs=settings) as process:

        def run(*arguments: object, module: str = "dite_search.__main__", fails: bool = False) -> str:
            status, said, complaint = process.submit(run_module, module, tuple(map(str, arguments))).result(600)
            assert (status != 0) == fails, said + complaint
            return complaint if fails else said

        yield run


def test_the_page_is_two_new_files_and_a_line_in_registries() -> None:
    files, lines = files_of_page(), lines_of_page()
    assert len(files) == 2
    assert not any((ROOT / path).exists() for path in files)
    assert sum(len(text.splitlines()) for text in files.values()) <= LONGEST_FAMILY
    assert lines.keys() <= REGISTRIES
    assert all("\n" not in line for _, line in lines.values())


def test_its_closed_form_is_what_the_built_network_costs(program: Program) -> None:
    for arch in ("plain_stack_16", "arch.yaml"):
        found = json.loads(program("complexity", arch, "--measure", "--json"))
        assert found["params"] == found["params_measured"]
        assert found["macs"] == found["macs_measured"]


def test_it_is_shown_alone_and_beside_another_family(program: Program) -> None:
    alone = program("show", "arch.yaml")
    assert re.search(r"1 layers +3 +15,696", alone)
    beside = program("show", "plain_stack_16", "--versus", "dite_hrnet_18")
    assert re.search(r"family +plain_stack +dite_hrnet", beside)
    assert "the same network" not in beside.lower()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("family: plain_stack\nwidth: 0\n", "width must be an integer from 1 to 1024, got 0"),
        ("family: plain_stack\nwidths: [1]\n", "unknown architecture field 'widths': did you mean 'width'"),
        ("family: plain_stak\n", "unknown family 'plain_stak': did you mean 'plain_stack'"),
    ],
)
def test_its_mistakes_are_said(program: Program, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "arch.yaml").write_text(text, encoding="utf-8")
    assert sentence in program("complexity", tmp_path / "arch.yaml", fails=True)


def test_what_only_parts_can_foretell_is_refused(program: Program) -> None:
    assert "cannot be predicted, only measured" in program("latency", "plain_stack_16", "--predict", fails=True)


def test_the_reference_lists_its_fields(program: Program) -> None:
    reference = program(module="dite_search.config.reference_page")
    assert "`family: plain_stack`" in reference
    assert "| `width` | integer from 1 to 1,024 | `16` | Channels of every layer |" in reference


@pytest.mark.xdist_group("ray")
def test_it_is_searched_reported_compared_and_exported(program: Program, tmp_path: Path) -> None:
    program("search", "stacks.yaml", "--directory", tmp_path)
    table = (tmp_path / "stacks/report/trials.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 3
    assert all(",complete," in line for line in table[1:])
    arch = (tmp_path / "stacks/trials/00000/arch.yaml").read_text(encoding="utf-8")
    assert "family: plain_stack" in arch
    program("report", "stacks", "--directory", tmp_path)
    page = (tmp_path / "stacks/report/report.html").read_text(encoding="utf-8")
    assert "depth" in page
    assert "G and N" not in page
    parts = json.loads(re.search(r'"parts":(\[[^\]]*\])', page)[1])
    assert parts == ["before and after the stages", "stage 1"]
    compared = program("compare", "stacks:0", "dite_hrnet_18", "--directory", tmp_path)
    assert "plain_stack" in compared
    exported = json.loads(program("export", "stacks", "--directory", tmp_path, "--json"))
    folder = tmp_path / "stacks/export"
    assert (folder / "model.onnx").is_file()
    assert not (folder / "released.pth").exists()
    parity = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    assert parity["left_out"]["released.pth"].startswith("there is no published layout")
    assert all((form["max_relative_difference"] or 0.0) <= 1e-4 for form in parity["forms"] if "int8" not in form["name"])
    assert parity["agreement"]["max_relative_difference"] <= 1e-4
    assert "of the plain stack family" in " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    checkpoint = next((tmp_path / "stacks/trials/00000").glob("best.pt"))
    scored = program("show", checkpoint)
    assert "network" in scored
    assert exported
