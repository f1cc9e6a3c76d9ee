"""The documentation builds without a warning, asks nothing of other servers, and says what is there."""

from __future__ import annotations

import ast
import html
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

from dite_search.cli import main
from dite_search.config.search_config import load_search, parse_search
from search_spaces.families.dite_hrnet.config import STRIDES, ArchConfig
from tests.analysis.browser import DESKTOP, PHONE, launched, opened
from tests.conftest import ROOT
from tests.docs.pages import DOCS, arguments, blocks, built_pages, commands, links, pages, problem
from tests.profiles import first_at_a_commit

pytest.importorskip("mkdocs")
pytest.importorskip("material")

EXTERNAL = re.compile(
    r"""<(?:script|img|link|iframe|source|video|audio|object|embed)\b[^>]*?\b(?:src|href|data)=["']?(?:https?:)?//[^"'\s>]+"""
)
STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^)"']+""")
IDS = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config), "--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.slow
def test_every_page_of_the_folder_is_built(site):
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file()


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site):
    for path, text in built_pages(site):
        assert EXTERNAL.findall(text) == [], path
        assert STYLE.findall(text) == [], path
    for path in site.rglob("*.css"):
        assert STYLE.findall(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://cdn.example/x.js">',
        "<link rel=stylesheet href=//fonts.example/css>",
        '<img alt="" src="http://example/x.png">',
    ],
)
def test_what_would_be_loaded_from_elsewhere_is_found(text):
    assert EXTERNAL.search(text)
    assert STYLE.search("a { background: url(https://example/x.png) }")
    assert not EXTERNAL.search('<a href="https://example">')


@pytest.mark.slow
@pytest.mark.parametrize("size", first_at_a_commit([(PHONE,), (DESKTOP,)]), ids=["phone", "desktop"])
def test_pages_in_a_browser(site, size):
    with launched() as browser:
        for name in ("index", "tutorial", "network", "reference/cli", "code/trainers/networks/dite_hrnet/fusion.py"):
            with opened(browser, site / f"{name}.html", size=size) as shown:
                shown.wait("h1")
                assert [url for url in shown.requests if not url.startswith(("file:", "data:", "blob:"))] == [], name
                assert [text for text in shown.messages if text.startswith("error")] == [], name
                wide, window = shown.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
                assert wide <= window, name


@pytest.mark.slow
def test_every_link_within_the_site_resolves(site):
    anchors = {path: set(re.findall(r"""\b(?:id|name)=["']?([^"'\s>]+)""", text)) for path, text in built_pages(site)}
    for path, text in built_pages(site):
        if path.name == "404.html":
            continue
        for target in re.findall(r"""<(?:a|link|script|img)\b[^>]*?\b(?:href|src)=["']?([^"'\s>]+)""", text):
            address, anchor = urldefrag(html.unescape(target))
            if re.match(r"[a-z]+:", address):
                continue
            found = (path.parent / unquote(address)).resolve() if address else path
            found = found / "index.html" if found.is_dir() else found
            assert found.is_file(), f"{path.relative_to(site)}: {target}"
            if anchor and found in anchors and not anchor.startswith("__"):
                assert html.unescape(unquote(anchor)) in anchors[found], f"{path.relative_to(site)}: {target}"


@pytest.mark.slow
def test_a_link_into_the_code_shows_the_definition(site):
    text = (site / "code/trainers/networks/dite_hrnet/dynamic_conv.py.html").read_text(encoding="utf-8")
    after = text.split('<a id="KernelAttention.forward"></a>')[1]
    shown = html.unescape(re.sub(r"<[^>]+>", "", after.split("<code>")[1]))
    assert shown.lstrip("\n").startswith("    def forward(self, x: Tensor) -> Tensor:")
    number = int(re.search(r'class="normal"[^>]*>(?:<a[^>]*>)?\s*(\d+)', after)[1])
    lines = (ROOT / "trainers/networks/dite_hrnet/dynamic_conv.py").read_text(encoding="utf-8").splitlines()
    assert lines[number - 1] == "    def forward(self, x: Tensor) -> Tensor:"


@pytest.mark.slow
def test_the_references_are_written_from_the_code(site):
    cli = (site / "reference/cli.html").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        assert f'id="{name}"' in cli, name
        for option in command.params:
            assert all(each in cli for each in option.opts if each.startswith("--")), (name, option.name)
    assert "dite-search complexity dite_hrnet_18 --input-size 384x288 --json" in re.sub(r"<[^>]+>", "", cli)
    assert 'id="job-stop"' in cli
    assert "Sentinel" not in cli
    fields = (site / "reference/search_file.html").read_text(encoding="utf-8")
    assert "<code>reduction_factor</code>" in fields
    assert "<code>context_reductions</code>" in fields


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[x](../trainers/networks/nowhere.py)", "docs/index.md links to ../trainers/networks/nowhere.py, which is no file"),
        (
            "[x](../trainers/networks/dite_hrnet/fusion.py#Fusion.backwards)",
            "trainers/networks/dite_hrnet/fusion.py defines no Fusion.backwards",
        ),
    ],
)
def test_a_link_to_code_that_is_not_there_ends_the_build(tmp_path, text, sentence):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"# One page\n\n{text}\n", encoding="utf-8")
    hook = ROOT / "mkdocs_hooks.py"
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\nhooks: [{hook}]\n", encoding="utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert sentence in done.stderr


@IDS
def test_commands_exist_with_their_options(page):
    for words in commands(page):
        assert problem(main, words) == "", " ".join(words)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dite-search serch x.yaml", "no command 'serch' in main"),
        ("dite-search search x.yaml --at-once 3", "search has no option --at-once"),
        ("X=1 .venv/bin/dite-search job stop A B", "stop takes 1 arguments, got 2"),
        ("dite-search search x.yaml --trials 3   # a comment", ""),
        ("dite-search export x --budget 'mmacs <= 3' --no-int8", ""),
        ("dite-search predict x.pt a.jpg b.jpg", ""),
    ],
)
def test_what_is_wrong_with_a_command_is_found(line, expected):
    words = arguments(line)
    assert words is not None
    assert problem(main, words) == expected


def test_the_pages_hold_commands_to_check():
    assert sum(len(commands(page)) for page in pages()) > 60


@IDS
def test_relative_links_lead_to_files_of_the_repository(page):
    for target in links(page):
        path, anchor = urldefrag(target)
        if not path or re.match(r"[a-z]+:", path):
            continue
        found = page.parent / unquote(path)
        assert found.exists(), f"{page.name}: {target}"
        if anchor and found.suffix == ".py":
            assert anchor.split(".")[0] in names_of(found), f"{page.name}: {target}"


def names_of(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {getattr(node, "name", None) or getattr(node, "id", None) for node in nodes} - {None}


@IDS
def test_search_files_on_the_pages_are_read(page, monkeypatch):
    for name in ("COCO_ROOT", "COCO_DETECTIONS", "MPII_ROOT"):
        monkeypatch.setenv(name, "data")
    for block in blocks(page, "yaml"):
        values = yaml.safe_load(block)
        # The space of a family that is still to be added is searched in test_own_network.
        if {"name", "space", "data"} <= values.keys() and page.name != "own_network.md":
            parse_search(values, page.name)


@IDS
def test_python_on_the_pages_parses_and_imports_what_there_is(page):
    shown = blocks(page, "python")
    own = {match[1].replace("/", ".") for block in shown if (match := re.match(r"# (\S+)\.py\n", block))}
    for block in shown:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (ROOT / node.module.split(".")[0]).is_dir() and node.module not in own:
                module = __import__(node.module, fromlist=["_"])
                assert all(hasattr(module, each.name) for each in node.names), ast.unparse(node)


def test_the_table_of_the_network_is_that_of_the_code():
    text = (DOCS / "network.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-3]) \| (.+) \|$", text, re.MULTILINE)
    arch = ArchConfig()
    assert len(rows) == len(arch.widths)
    for branch, cells in rows:
        i = int(branch)
        sides = ", ".join(str(2 * group + 1) for group in range(1, arch.groups[i] + 1))
        expected = (STRIDES[i], arch.widths[i], arch.widths[i] // 2, arch.groups[i], sides, arch.kernels[i])
        assert cells.split(" | ") == [*map(str, expected), str(arch.context_reductions[i])]


def test_the_recipe_for_an_objective_of_ones_own(tmp_path):
    """docs/how_to/own_objective.md: the files of the page, beside a search file with the lines of the page."""
    for module in blocks(DOCS / "how_to/own_objective.md", "python"):
        (tmp_path / module.splitlines()[0].removeprefix("# ")).write_text(module)
    (recipe,) = blocks(DOCS / "how_to/own_objective.md", "yaml")
    search = {"name": "x", "space": "tiny", "data": {"synthetic": {}}, "trials": 2, "directory": str(tmp_path / "runs")}
    file = tmp_path / "search.yaml"
    file.write_text(yaml.safe_dump(search | yaml.safe_load(recipe)))
    config = load_search(file)
    assert (config.objectives, config.sampler.name) == (("ap_gt", "mmacs", "energy"), "cost_aware")
    from dite_search.algorithms.admission import Admission
    from dite_search.driver.measurers import measurer_of

    # The limit of the page is for larger networks than those of this space.
    tight = load_search(file, changes={"budget": ["energies:energy <= 0.052"]})
    gate = Admission(tight)
    networks = {candidate.key: candidate for candidate in map(gate.candidate, tight.search_space.points())}
    values = {key: gate.costs(candidate)["energy"] for key, candidate in networks.items()}
    for key, candidate in networks.items():
        assert values[key] == pytest.approx(candidate.cost.mmacs * 4.6e-3 + candidate.cost.params * 6.4e-7)
    allowed = {key for key, candidate in networks.items() if tight.network_budget.allows(gate.costs(candidate))}
    assert allowed == {key for key, value in values.items() if value <= 0.052} != set(networks)
    measured = load_search(file, changes={"objectives": ["ap_gt", "sizes:download"], "budget": []})
    (tmp_path / "trial").mkdir()
    arch = measured.search_space.base
    assert 0.05 < measurer_of("download", measured)(measured, arch, tmp_path / "trial") < 1
