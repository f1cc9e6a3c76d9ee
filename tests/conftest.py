"""What every test has: the shared reference facts and photographs, one thread for torch, profiles, groups and durations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.durations import DurationRecorder
from tests.profiles import register_profiles
from tests.scheduling import ModuleScheduling, groups_first

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

register_profiles()
torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the file to which durations are written."""
    parser.addoption("--durations-to", type=Path, metavar="FILE", help="write the seconds of each test to a JSON file")


def pytest_configure(config: pytest.Config) -> None:
    """Record durations where a file for them is given; workers tell theirs to the process that started them."""
    file = config.getoption("--durations-to")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(DurationRecorder(file, config.getoption("numprocesses") or 1))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    """Hand out whole modules and named groups to workers."""
    return ModuleScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with named groups."""
    items[:] = groups_first(items)


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"../shared/{'/'.join(parts)} is absent: it lies beside the repository, not in it")
    return path


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of measured facts: published counts, checkpoints and their outputs."""
    return _shared("reference")


@pytest.fixture(scope="session")
def coco_mini() -> Path:
    """The folder of real photographs in COCO format."""
    return _shared("data", "coco_mini")
