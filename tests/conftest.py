"""The fixtures of every test: shared reference facts and photographs, one thread for torch, profiles, groups, durations."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from search_spaces.common.objectives import DIRECTIONS, OBJECTIVES
from tests.child_processes import RAY, python_path
from tests.durations import DurationRecorder
from tests.profiles import register_profiles
from tests.scheduling import ModuleScheduling, longest_first

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

MEMORY, ROOM = Path("/dev/shm"), 4 << 30
"""A file system in memory, and the bytes it must have free to take the files of tests."""
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
"""Names the environment variable from which pytest takes the folder of its temporary files."""

register_profiles()
# Tests start interpreters by the hundred, and each would compile all modules of this program.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ |= RAY | python_path(*filter(None, [os.environ.get("PYTHONPATH")]))
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def only_the_programs_objectives() -> Iterator[None]:
    """Forget objectives of a user's own that a test made known to its process."""
    yield
    for name in [name for name, row in OBJECTIVES.items() if row.is_own]:
        del OBJECTIVES[name], DIRECTIONS[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the file to which durations are written."""
    parser.addoption("--durations-to", type=Path, metavar="FILE", help="write the seconds of each test to a JSON file")


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory, let Ctrl-C through, and record durations where a file for them is given.

    A database waits for its disk at every commit, which takes half of the time of a small study. Workers tell their
    durations to the process that started them.
    """
    if TEMPORARY not in os.environ and has_room(MEMORY):
        os.environ[TEMPORARY] = str(MEMORY)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in its background so, and every process that a test starts would ignore Ctrl-C as well.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    file = config.getoption("--durations-to")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(DurationRecorder(file, config.getoption("numprocesses") or 1))


def has_room(memory: Path) -> bool:
    """Return whether a file system in memory can take the files of all tests: that of a container is often too small."""
    return memory.is_dir() and min(shutil.disk_usage(memory).free, psutil.virtual_memory().available // 2) >= ROOM


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    """Hand out whole modules and named groups to workers."""
    return ModuleScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    items[:] = longest_first(items)


def pytest_collection_finish() -> None:
    """Have no search for garbage look at the libraries and tests that are loaded, which takes a tenth of the time."""
    gc.collect()
    gc.freeze()


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"../shared/{'/'.join(parts)} is absent: it lies beside the repository, not in it")
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Take the threads of torch back that a command of the test has set: beside other work, threads wait for each other."""
    yield
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def copied_mlflow_tables() -> None:
    """Have MLflow's files made in a moment, where a test has imported MLflow."""
    if "mlflow" in sys.modules:
        from tests.mlflow_tables import copy_mlflow_tables

        copy_mlflow_tables()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of measured facts: published counts, checkpoints and their outputs."""
    return _shared("reference")


@pytest.fixture(scope="session")
def exports() -> Path:
    """The folder of annotation files and photographs as tools and cameras write them."""
    return _shared("data", "exports")


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small data sets with a network and right figures."""
    return _shared("cases")


@pytest.fixture(scope="session")
def tables() -> Path:
    """The folder of recorded trainings of other projects."""
    return _shared("data", "tables")


@pytest.fixture(scope="session")
def lsp_small() -> Path:
    """The folder of photographs that a crowd labelled, with 14 keypoints of their own."""
    return _shared("data", "lsp_small")


@pytest.fixture(scope="session")
def coco_mini() -> Path:
    """The folder of real photographs in COCO format."""
    return _shared("data", "coco_mini")
