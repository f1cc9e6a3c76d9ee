"""Parts that add up to a network, and predictions that say how far off they are."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis.onnx.dite_hrnet.family import FORMS
from analysis.onnx.dite_hrnet.latency_parts import part_model, parts_of
from analysis.onnx.session import open_session
from analysis.profiling.latency import random_input
from analysis.profiling.latency_store import Conditions, LatencyStore
from analysis.profiling.latency_table import PART, calibrate, fit_of, measured, parts_of_space, predict, rank_correlation
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.space.space_file import named_space, space_from
from tests.profiles import examples
from tests.strategies import architectures

CONDITIONS = Conditions(device="a test", threads=1, warmup=0, runs=2, form=1)
SMALL = {"base": "tiny", "parameters": {"groups_branch3": None, "groups_branch4": None, "widths": ["16-24-32-48"]}}


@given(architectures())
@examples(15)
def test_every_part_of_any_architecture_runs(arch: ArchConfig) -> None:
    parts = parts_of(arch)
    assert parts == parts_of(arch.canonical)
    blocks = sum(count for part, count in parts.items() if json.loads(part)["kind"] == "block")
    assert blocks == sum(arch.modules) * arch.blocks_per_module
    # What a branch's own kernels take is counted beyond its static ones.
    assert sum(count for part, count in parts.items() if json.loads(part)["kind"] == "branch") == 0
    for part in parts:
        model, inputs = part_model(part)
        outputs = open_session(model).run(None, {name: random_input(shape) for name, shape in inputs.items()})
        assert all(np.isfinite(output).all() for output in outputs)


def test_a_part_depends_on_nothing_else() -> None:
    arch = named_space("tiny").base
    other = dataclasses.replace(arch, modules=(1, 3, 1), widths=(16, 32, 48, 96))
    same = set(parts_of(arch)) & set(parts_of(other))
    assert Counter(json.loads(part)["kind"] for part in same)["block"] == 2, "stages 2 and 3 are those of the other"
    assert not any(json.loads(part)["kind"] == "head" for part in same)


def test_a_space_brings_the_parts_of_all_its_architectures() -> None:
    space = space_from(SMALL)
    expected = {part for arch in space.enumerate() for part in parts_of(arch)}
    assert set(parts_of_space(space, FORMS.latency, np.random.default_rng(0))) == expected


def test_a_table_that_was_cut_off_goes_on_and_then_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space, store = space_from(SMALL), LatencyStore(tmp_path, CONDITIONS)
    arch = space.build(space.sample(np.random.default_rng(5)))
    with pytest.raises(InvalidInput, match=r"cannot be predicted under .*, because there is no table for any space: run"):
        predict(store, arch)

    def stop(what: str, done: int, total: int) -> None:
        if (what, done) == ("parts", 10):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(store, space, fitted=3, held_out=3, progress=stop)
    before = store.all(PART)
    assert len(before) == 10
    state = torch.random.get_rng_state()
    fit = calibrate(store, space, fitted=3, held_out=3)
    assert torch.equal(torch.random.get_rng_state(), state), "a training that follows starts as if nothing were measured"
    assert list(store.all(PART).items())[:10] == list(before.items()), "nothing is measured twice"
    assert (fit.fitted, fit.held_out, fit.parts) == (3, 3, len(store.all(PART)))
    predicted = predict(store, arch, space=space.name)
    assert predicted.fit == fit
    assert predicted.latency_ms_predicted > 0
    latency, _ = measured(store, arch)
    monkeypatch.setattr("analysis.profiling.latency_table.onnx_bytes", lambda *_: pytest.fail("measured twice"))
    assert measured(store, arch) == (latency, False)
    with pytest.raises(InvalidInput, match="because there is no table for nowhere"):
        predict(store, arch, space="nowhere")
    with pytest.raises(InvalidInput, match=r"because \d+ of its parts were not measured"):
        predict(store, named_space("tiny").base)


@given(st.lists(st.integers(1, 100), min_size=8, max_size=20, unique=True), st.floats(0.5, 2), st.floats(0, 5))
def test_a_straight_line_is_found_and_has_no_error(sums: list[int], slope: float, overhead: float) -> None:
    times = [slope * value + overhead for value in sums]
    fit = fit_of(sums, times, space="a line", reference_ms=1.0, parts=3, fitted=5)
    assert (fit.slope, fit.overhead) == (pytest.approx(slope), pytest.approx(overhead, abs=1e-6))
    assert (fit.median_error, fit.p90_error) == pytest.approx((0, 0), abs=1e-6)
    assert fit.rank_correlation == pytest.approx(1)


def test_errors_are_those_of_the_held_out_networks() -> None:
    fit = fit_of([1, 2, 3, 10, 20, 30], [1, 2, 3, 20, 20, 15], space="s", reference_ms=0.5, parts=3, fitted=3)
    assert (fit.slope, fit.overhead, fit.fitted, fit.held_out) == (pytest.approx(1), pytest.approx(0, abs=1e-9), 3, 3)
    assert (fit.median_error, fit.p90_error) == (pytest.approx(0.5), pytest.approx(0.9))
    assert "on 3 held-out random networks of s: median error 50.0%, 90th percentile 90.0%" in str(fit)
    with pytest.raises(InvalidInput, match="a fit needs 2 networks and 2 held-out ones, got 3 and 1"):
        fit_of([1, 2, 3, 4], [1, 2, 3, 4], space="s", reference_ms=1.0, parts=3, fitted=3)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [([1, 2, 3], [10, 20, 90], 1), ([1, 2, 3], [3, 2, 1], -1), ([1, 1], [1, 2], 0), ([1, 2, 2, 3], [1, 2, 3, 4], 0.9487)],
)
def test_rank_correlation(a: list[float], b: list[float], expected: float) -> None:
    assert rank_correlation(a, b) == pytest.approx(expected, abs=1e-4)
