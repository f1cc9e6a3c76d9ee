"""The names of runtimes are those that have a module."""

from __future__ import annotations

from pathlib import Path

from analysis.runtimes import registry
from search_spaces.common.runtimes import CONVERTED, MEASURED, ONNX, RUNNING


def test_each_runtime_has_a_module() -> None:
    room = Path(registry.__file__).parent
    assert {path.stem for path in room.glob("*.py")} - {"__init__", "registry", "runtime"} == set(CONVERTED)
    assert (ONNX, *RUNNING) == MEASURED
