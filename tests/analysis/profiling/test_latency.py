"""Latency under a clock of our own."""

from __future__ import annotations

import itertools
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from analysis.onnx.session import open_session
from analysis.profiling.latency import _other_cores, measure_latency
from search_spaces.common.errors import InvalidInput


def identity_model() -> bytes:
    shape = ["batch", 3, 64, 64]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["images"], ["heatmaps"])],
        "relu",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def test_percentiles_of_the_timed_runs_only() -> None:
    # Run k lasts k milliseconds: 1, 2, ... 11.
    ticks = itertools.chain.from_iterable((100.0 * k, 100.0 * k + k / 1000) for k in range(1, 12))
    latency = measure_latency(identity_model(), (64, 64), warmup=4, runs=11, clock=lambda: next(ticks))
    assert (latency.p10_ms, latency.median_ms, latency.p90_ms) == pytest.approx((2, 6, 10))
    assert (latency.runs, latency.threads) == (11, 1)
    assert latency.device.startswith("CPU ")
    assert latency.to_dict()["median_ms"] == latency.median_ms


def test_an_open_session_keeps_its_threads() -> None:
    session = open_session(identity_model(), threads=2)
    assert measure_latency(session, (64, 64), threads=1, runs=1, warmup=0).threads == 2


def test_real_time_is_positive(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(identity_model())
    latency = measure_latency(tmp_path / "model.onnx", (64, 64), runs=5)
    assert 0 < latency.p10_ms <= latency.median_ms <= latency.p90_ms


def test_what_other_programs_did_is_told_where_it_is_known() -> None:
    assert _other_cores((0.0, 0.0, 10.0), (2.0, 1.5, 14.5)) == 1.5
    assert _other_cores((0.0, 0.0, 10.0), (2.0, 1.5, 11.0)) == 0.0
    assert _other_cores((0.0, 0.0, 10.0), (0.05, 0.05, 10.1)) is None, "too short for hundredths of a second"
    assert _other_cores(None, (2.0, 1.5, 11.0)) is None


def test_messages(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ONNX model .*absent.onnx does not exist"):
        measure_latency(tmp_path / "absent.onnx", (64, 64))
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(InvalidInput, match=r"ONNX model .*broken.onnx cannot be opened"):
        measure_latency(tmp_path / "broken.onnx", (64, 64))
    with pytest.raises(InvalidInput, match="runs of 1 or more and warmup of 0 or more, got 0 and 5"):
        measure_latency(identity_model(), (64, 64), runs=0)
    with pytest.raises(InvalidInput, match="threads must be 1 or more, got 0"):
        measure_latency(identity_model(), (64, 64), threads=0)
