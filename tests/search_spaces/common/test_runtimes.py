"""The names of runtimes."""

from __future__ import annotations

from search_spaces.common.runtimes import CONVERTED, MEASURED, ONNX, RUNNING


def test_what_runs_here_is_measured_and_converted() -> None:
    assert (ONNX, *RUNNING) == MEASURED
    assert set(RUNNING) < set(CONVERTED)
    assert ONNX not in CONVERTED
