"""The smallest and the largest network of a space, with and without a budget, and the spaces that cannot share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of, preset
from search_spaces.space.budget import Budget
from search_spaces.space.elastic_space import elastic_space, envelope_of
from search_spaces.space.space_file import named_space, space_from
from tests.profiles import examples

TINY_128 = named_space("tiny_128")
MACS = sorted(cost_of(arch).macs for arch in TINY_128.enumerate())


def limited(text: str) -> Budget:
    return Budget.parse([text], cost_of(preset("dite_hrnet_18")).objectives)


def test_extremes_of_a_small_space() -> None:
    found = elastic_space(TINY_128)
    assert cost_of(found.smallest).macs == MACS[0]
    assert cost_of(found.largest).macs == MACS[-1]
    assert found.allows(found.largest)


def test_extremes_of_a_large_space_are_found_by_climbing() -> None:
    found = elastic_space(named_space("dite_hrnet"))
    assert found.largest.widths == (48, 96, 192, 384)
    assert found.largest.modules == (3, 8, 3)
    assert found.largest.groups == found.largest.kernels == (4, 4, 4, 4)
    assert found.smallest.widths == (32, 64, 128, 256)
    assert cost_of(found.smallest).macs / 1e6 == pytest.approx(77, abs=1)
    assert cost_of(found.largest).macs / 1e6 == pytest.approx(636, abs=1)


@examples(8)
@given(st.integers(0, len(MACS) - 1))
def test_the_largest_is_the_largest_that_a_budget_allows(place: int) -> None:
    found = elastic_space(TINY_128, limited(f"mmacs <= {MACS[place] / 1e6:.6f}"))
    assert cost_of(found.largest).macs == MACS[place]
    assert cost_of(found.smallest).macs == MACS[0]


@pytest.mark.parametrize("place", [0, 20, 90, 127])
def test_climbing_keeps_to_the_budget(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.space.elastic_space.MAX_ENUMERATED_POINTS", 1)
    found = elastic_space(TINY_128, limited(f"mmacs <= {MACS[place] / 1e6:.6f}"))
    # Climbing changes one parameter at a time, and may end before the last bit of a budget is used.
    assert MACS[max(place - 10, 0)] <= cost_of(found.largest).macs <= MACS[place]
    assert cost_of(found.smallest).macs == MACS[0]
    assert found.allows(found.largest)
    assert place == len(MACS) - 1 or not found.allows(elastic_space(TINY_128).largest)


def test_a_budget_that_allows_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"budget mmacs <= 0.001 must be met by a network of space tiny_128"):
        elastic_space(TINY_128, limited("mmacs <= 0.001"))


def test_networks_of_two_families_are_refused() -> None:
    space = space_from({"base": "dite_hrnet_18", "parameters": {"network": ["dite_hrnet_18", "simple_baseline_resnet50"]}})
    with pytest.raises(InvalidInput, match="cannot have shared weights: networks that share weights must be of one family"):
        envelope_of(space)


def test_named_networks_of_one_kind_share() -> None:
    space = space_from({"base": "dite_hrnet_18", "parameters": {"network": ["dite_hrnet_18", "dite_hrnet_30"]}})
    found = elastic_space(space)
    assert found.smallest == preset("dite_hrnet_18")
    assert found.largest == preset("dite_hrnet_30")
    assert not found.envelope.problem(preset("dite_hrnet_30"))
