"""The networks that are scored: within the budget, none twice, spread over costs, and the same again."""

from __future__ import annotations

import math

import numpy as np

from dite_search.supernet.choice import networks_to_score
from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space


def test_a_small_space_is_taken_whole_within_its_budget() -> None:
    space = named_space("tiny_128")
    macs = sorted(cost_of(arch).macs / 1e6 for arch in space.enumerate())[60]
    elastic = elastic_space(space, Budget.parse([f"mmacs <= {macs}"], ["mmacs"]))
    found = networks_to_score(elastic, 128, seed=0)
    assert {arch.arch_id for arch in found} == {arch.arch_id for arch in space.enumerate() if elastic.allows(arch)}
    assert 60 < len(found) < 128


def test_drawn_networks_are_spread_over_log_macs_and_a_larger_number_begins_alike() -> None:
    elastic = elastic_space(named_space("tiny_128"))
    found = networks_to_score(elastic, 40, seed=3)
    assert len({arch.arch_id for arch in found}) == 40
    assert networks_to_score(elastic, 20, seed=3) == found[:20]
    low, high = (math.log(cost_of(arch).macs) for arch in (elastic.smallest, elastic.largest))
    places = (np.log([cost_of(arch).macs for arch in found]) - low) / (high - low)
    counts = np.histogram(places, bins=4, range=(0, 1))[0]
    assert counts.min() >= 5, counts
