"""Finalists: within the budget, spread over the costs, and those that forecasts rank first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.supernet import direct
from dite_search.supernet.direct import by_fronts, promising, spread_over_costs
from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from tests.profiles import examples

SPACE = named_space("tiny_128")
MACS = {str(point): cost_of(SPACE.build(point)).macs for point in SPACE.points()}


def forecast(points):
    """Wide first branches and many kernels rank first."""
    return np.array([math.log2(point["width_branch1"]) + 0.1 * point["kernels_branch1"] for point in points])


def test_a_small_space_is_looked_through_front_by_front_within_its_budget() -> None:
    limit = sorted(MACS.values())[90] / 1e6
    elastic = elastic_space(SPACE, Budget.parse([f"mmacs <= {limit}"], ["mmacs"]))
    found = promising(elastic, forecast, 40, seed=0)
    assert len(found) == 40
    assert all(MACS[str(point)] / 1e6 <= limit for point in found)
    inside = [point for point in SPACE.points() if MACS[str(point)] / 1e6 <= limit]
    best = {str(inside[place]) for place in by_fronts(forecast(inside), np.array([MACS[str(p)] for p in inside]))[:40]}
    assert {str(point) for point in found} == best


def test_a_large_space_is_evolved_towards_what_forecasts_rank_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "MOST_ENUMERATED", 10)
    monkeypatch.setattr(direct, "POPULATION", 40)
    monkeypatch.setattr(direct, "GENERATIONS", 4)
    elastic = elastic_space(SPACE)
    found = promising(elastic, forecast, 8, seed=1)
    assert found == promising(elastic, forecast, 8, seed=1)
    assert len({str(point) for point in found}) == 8
    assert max(forecast(found)) == max(forecast(list(SPACE.points())))


def test_a_budget_that_no_draw_meets_leaves_the_smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "MOST_ENUMERATED", 10)
    monkeypatch.setattr(direct, "POPULATION", 4)
    monkeypatch.setattr(direct, "GENERATIONS", 1)
    limit = min(MACS.values()) / 1e6
    elastic = elastic_space(SPACE, Budget.parse([f"mmacs <= {limit}"], ["mmacs"]))
    found = promising(elastic, forecast, 3, seed=0)
    assert [SPACE.build(point) for point in found] == [elastic.smallest]


@examples(25)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=30), st.integers(1, 12))
def test_finalists_are_different_from_cheap_to_dear_and_hold_the_best(pairs: list[tuple[int, int]], count: int) -> None:
    scores, costs = np.array(pairs, np.float64).T
    chosen = spread_over_costs(scores, costs, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(pairs))
    assert (np.diff(costs[chosen]) >= 0).all()
    assert scores[chosen].max() == scores.max()


@examples(25)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=20))
def test_fronts_take_every_network_once_and_none_before_what_dominates_it(pairs: list[tuple[int, int]]) -> None:
    scores, costs = np.array(pairs, np.float64).T
    order = by_fronts(scores, costs)
    assert sorted(order) == list(range(len(pairs)))
    for place, own in enumerate(order):
        for later in order[place + 1 :]:
            better = scores[later] >= scores[own] and costs[later] <= costs[own]
            assert not (better and (scores[later] > scores[own] or costs[later] < costs[own]))
