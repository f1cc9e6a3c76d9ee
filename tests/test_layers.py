"""Imports run one way, ``search_spaces <- trainers <- analysis <- dite_search``, and each tool has its rooms.

The tables below are the rules; everything after them only reads the imports of every module and applies the rules.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

from mkdocs_architecture import room_imports, sources
from tests.conftest import ROOT

ROOMS: dict[str, set[str]] = {
    "search_spaces": set(),
    "trainers": {"search_spaces"},
    "analysis": {"search_spaces", "trainers"},
    "dite_search": {"search_spaces", "trainers", "analysis"},
}
"""Which of our packages each package may import, apart from itself."""

ONLY: dict[str, set[str]] = {
    "search_spaces": {"numpy", "yaml"},
}
"""Packages that may import these third-party packages and no others; the rest may import all but what follows."""

KEPT_TO: dict[str, set[str]] = {
    "ray": {
        "trainers/training/ray_trainer.py",
        "dite_search/doctor/cluster.py",
        "dite_search/jobs/job_server.py",
        "dite_search/driver/head_question.py",
        "dite_search/driver/ray_session.py",
        "dite_search/simulation/simulator.py",
        "dite_search/driver/budgeted_search.py",
        "dite_search/driver/run_search.py",
        "dite_search/driver/scheduler.py",
        "dite_search/driver/searcher.py",
        "dite_search/driver/stopper.py",
        "dite_search/driver/trainable.py",
        "dite_search/tasks/supernet/scoring_actors.py",
    },
    "optuna": {
        "dite_search/study/backfill.py",
        "dite_search/algorithms/cost_aware/candidates.py",
        "dite_search/algorithms/cost_aware/listed_candidates.py",
        "dite_search/algorithms/cost_aware/sampler.py",
        "dite_search/doctor/databases.py",
        "dite_search/storage/driver_storage.py",
        "dite_search/storage/lease.py",
        "dite_search/simulation/replay_study.py",
        "dite_search/simulation/simulator.py",
        "dite_search/algorithms/samplers.py",
        "dite_search/driver/budgeted_search.py",
        "dite_search/algorithms/windowed_tpe.py",
        "dite_search/driver/result_recorder.py",
        "dite_search/driver/searcher.py",
        "dite_search/study/reader.py",
        "dite_search/study/study.py",
        "dite_search/study/warm_start.py",
    },
    "mlflow": {"dite_search/tracking/client.py", "dite_search/tracking/registry.py", "dite_search/tracking/served_model.py"},
    "kornia": {"trainers/data/samples/photometric.py"},
    "openvino": {"analysis/runtimes/openvino.py", "analysis/templates/infer_runtimes.py"},
    "nncf": {"analysis/runtimes/openvino.py"},
    "ncnn": {"analysis/runtimes/ncnn.py", "analysis/templates/infer_runtimes.py"},
    "pnnx": {"analysis/runtimes/ncnn.py"},
    "ai_edge_litert": {
        "analysis/runtimes/litert.py",
        "analysis/runtimes/tflite/flatbuffer.py",
        "analysis/runtimes/tflite/windows.py",
        "analysis/runtimes/tflite/writer.py",
        "analysis/templates/infer_runtimes.py",
    },
    "ai_edge_quantizer": {"analysis/runtimes/litert.py"},
    "coremltools": {"analysis/runtimes/coreml.py"},
}
"""Third-party packages, and the only modules that may import them."""

UNUSED_PACKAGES = {"torchvision", "timm", "kaleido", "mmcv", "mmpose", "xtcocotools"}
"""Packages no module may import: they need what an installation of ours does not bring."""

MOST_FILES = 13
MOST_LINES = 360

OWN = set(ROOMS)


def imported(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every import, those inside functions and ``if`` blocks included."""
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            package = path.partition("/")[0] if node.level else (node.module or "").partition(".")[0]
            yield node.lineno, package
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value).partition(".")[0]


def crossing(path: str, package: str) -> str | None:
    """Why a module at ``path`` (from the root, with slashes) may not import a package, or None."""
    room = path.partition("/")[0]
    if package in OWN:
        if package == room or package in ROOMS[room]:
            return None
        allowed = ", ".join(sorted(ROOMS[room])) or "none of our packages"
        return (
            f"{room} may import {allowed}, not {package}: imports run search_spaces <- trainers <- analysis <- dite_search"
        )
    if package in sys.stdlib_module_names:
        return None
    if package in UNUSED_PACKAGES:
        return f"{package} is not among the dependencies"
    if package in KEPT_TO and path not in KEPT_TO[package]:
        return f"{package} is kept to {', '.join(sorted(KEPT_TO[package]))}"
    if room in ONLY and package not in ONLY[room]:
        return f"{room} may import the standard library and {', '.join(sorted(ONLY[room]))}, not {package}"
    return None


def crossings(path: str, source: str) -> list[str]:
    found = ((line, crossing(path, package)) for line, package in imported(source, path))
    return [f"{path}:{line}: {reason}" for line, reason in found if reason]


def modules() -> list[Path]:
    return sorted(path for package in ROOMS for path in (ROOT / package).rglob("*.py"))


def test_no_module_crosses_a_layer() -> None:
    paths = modules()
    assert {path.relative_to(ROOT).parts[0] for path in paths} == OWN
    problems = [
        problem
        for path in paths
        for problem in crossings(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not problems, "a layer is crossed (the rules stand in tests/test_layers.py):\n" + "\n".join(problems)


def test_the_tables_name_modules_that_exist_and_use_their_package() -> None:
    """A leftover would widen the rule unseen."""
    for package, paths in KEPT_TO.items():
        for path in sorted(paths):
            file = ROOT / path
            assert file.is_file(), f"{path} in KEPT_TO[{package!r}] does not exist"
            used = {name for _, name in imported(file.read_text(encoding="utf-8"), path)}
            assert package in used, f"{path} no longer imports {package}: take it out of KEPT_TO"


def circle_of(rooms: Mapping[str, Mapping[str, set[str]]]) -> list[str]:
    """Return the rooms of one circle, the first again at the end, or nothing where there is none."""
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_rooms_import_one_way() -> None:
    rooms = room_imports(sources())
    circle = circle_of(rooms)
    steps = [f"{a} -> {b}: {', '.join(sorted(rooms[a][b]))}" for a, b in pairwise(circle)]
    assert not circle, "rooms import each other in a circle:\n" + "\n".join(steps)


def test_rooms_and_modules_are_small() -> None:
    benchmarks = (ROOT / "benchmarks").rglob("*.py")
    texts = sources() | {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in benchmarks}
    files = Counter(path.rpartition("/")[0] for path in texts)
    assert {room: count for room, count in files.items() if count > MOST_FILES} == {}
    lines = {path: text.count("\n") for path, text in texts.items()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_a_circle_of_rooms_is_found() -> None:
    texts = {
        "a/__init__.py": "",
        "a/x.py": "from a.b import y",
        "a/b/y.py": "def f():\n    from a.c.z import g",
        "a/c/z.py": "import a.x",
        "a/c/w.py": "from a.c import z",
    }
    rooms = room_imports(texts)
    assert rooms == {"a": {"a/b": {"a/x.py"}}, "a/b": {"a/c": {"a/b/y.py"}}, "a/c": {"a": {"a/c/z.py"}}}
    circle = circle_of(rooms)
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "a/b", "a/c"}
    assert set(pairwise(circle)) == {("a", "a/b"), ("a/b", "a/c"), ("a/c", "a")}
    assert circle_of(room_imports(texts | {"a/c/z.py": "import a.c.w"})) == []


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        (
            "search_spaces/families/dite_hrnet/config.py",
            "import torch",
            "search_spaces may import the standard library and numpy, yaml, not torch",
        ),
        (
            "search_spaces/families/dite_hrnet/config.py",
            "from trainers.networks import build_network",
            "search_spaces may import none of our packages",
        ),
        ("trainers/training/loop.py", "def f():\n    from ray import train", "ray is kept to dite_search/doctor/cluster.py"),
        (
            "trainers/data/formats/coco.py",
            "import analysis.study.records as t",
            "trainers may import search_spaces, not analysis",
        ),
        ("analysis/report.py", "import numpy, optuna", "optuna is kept to"),
        (
            "analysis/report.py",
            "if True:\n    import mlflow.tracking",
            "mlflow is kept to dite_search/tracking/client.py",
        ),
        (
            "analysis/report.py",
            "from dite_search import cli",
            "analysis may import search_spaces, trainers, not dite_search",
        ),
        ("dite_search/cli/data.py", "import importlib\nimportlib.import_module('mlflow.x')", "mlflow is kept to"),
        ("trainers/networks/dite_hrnet/build.py", "import torchvision", "torchvision is not among the dependencies"),
    ],
)
def test_a_crossing_is_caught(path: str, source: str, reason: str) -> None:
    (problem,) = crossings(path, source)
    assert problem.startswith(f"{path}:{len(source.splitlines())}: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "search_spaces/common/files.py",
            "import json\nimport yaml\nimport numpy.random\nfrom search_spaces import arch\nfrom . import arch",
        ),
        (
            "trainers/training/ray_trainer.py",
            "import ray.train\nfrom search_spaces.families.dite_hrnet.config import ArchConfig\nimport torch",
        ),
        ("analysis/report.py", "import pandas\nfrom trainers.networks import build_network"),
        ("dite_search/tracking/client.py", "import mlflow\nfrom analysis.study.records import Trial"),
    ],
)
def test_what_is_allowed_is_not_caught(path: str, source: str) -> None:
    assert crossings(path, source) == []
