"""Where the latency goes: parts that add up to what was measured or predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.onnx.dite_hrnet.latency_parts import BLOCKS, BRANCH
from analysis.profiling.latency_breakdown import known_shares, measured_shares
from analysis.profiling.latency_store import Conditions, LatencyStore
from analysis.profiling.latency_table import NETWORK, PART, calibrate, measured, predict
from search_spaces.space.space_file import named_space, space_from
from tests.analysis.profiling.test_latency_table import SMALL

CONDITIONS = Conditions(device="a test", threads=1, warmup=0, runs=2, form=1)


@pytest.fixture
def store(tmp_path: Path) -> LatencyStore:
    return LatencyStore(tmp_path, CONDITIONS)


def test_measured_parts_and_the_rest_add_up_to_the_measured_network(store: LatencyStore) -> None:
    arch = named_space("tiny").base
    steps: list[tuple[int, int]] = []
    found = measured_shares(store, arch, progress=lambda done, total: steps.append((done, total)))
    latency, new = measured(store, arch)
    assert not new
    assert found.is_measured
    assert found.latency_ms == latency.median_ms
    assert sum(share.ms for share in found.shares) + found.rest_ms == pytest.approx(found.latency_ms)
    assert steps[-1][0] == steps[-1][1] == len(store.all(PART)) + 1
    kinds = [(share.stage, share.kind) for share in found.shares if share.branch is None]
    in_stages = [(stage, kind) for stage in (2, 3, 4) for kind in ("transition", BLOCKS, "fusion")]
    assert kinds == [(None, "stem"), *in_stages, (None, "head")]
    dynamic = [branch for branch in range(4) if (arch.groups[branch], arch.kernels[branch]) != (1, 1)]
    assert [share.branch for share in found.shares if share.kind == BRANCH] == dynamic
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["latency_ms"] == found.latency_ms
    assert "latency_ms_predicted" not in plain
    before = store.all(PART)
    assert measured_shares(store, arch) == found
    assert store.all(PART) == before, "nothing is measured twice"
    assert known_shares(store, arch) == found


def test_what_is_known_without_measuring(store: LatencyStore) -> None:
    space = space_from(SMALL)
    arch, other = list(space.enumerate())[:2]
    assert known_shares(store, arch) is None
    assert not store.path.exists(), "looking makes no file"
    measured(store, arch)
    found = known_shares(store, arch)
    assert found is not None
    assert found.shares == ()
    assert found.rest_ms == found.latency_ms
    assert known_shares(store, other) is None


@pytest.mark.slow
def test_a_calibrated_table_predicts_the_parts(store: LatencyStore) -> None:
    space = space_from(SMALL)
    calibrate(store, space, fitted=3, held_out=3)
    arch = next(arch for arch in space.enumerate() if arch.arch_id not in store.all(NETWORK))
    found = known_shares(store, arch)
    assert found is not None
    assert not found.is_measured
    assert found.latency_ms == predict(store, arch).latency_ms_predicted
    assert sum(share.ms for share in found.shares) + found.rest_ms == pytest.approx(found.latency_ms)
    fit = predict(store, arch).fit
    assert found.rest_ms == pytest.approx(fit.reference_ms * fit.overhead)
    assert found.source.startswith("predicted: ONNX Runtime")
    assert "median error" in found.source
    assert "latency_ms_predicted" in found.to_dict()
