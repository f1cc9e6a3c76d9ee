"""Networks are drawn evenly over log MACs, the same for the same place of a training, and within the budget."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget
from search_spaces.space.cost_strata import CostStrata
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space

SPACE = named_space("tiny_128")
ELASTIC = elastic_space(SPACE)


def test_a_draw_depends_on_its_place_alone() -> None:
    first, again = CostStrata(ELASTIC, seed=3), CostStrata(ELASTIC, seed=3)
    places = [(epoch, batch, slot) for epoch in range(3) for batch in range(4) for slot in (2, 3)]
    drawn = {place: first.draw(*place) for place in places}
    assert {place: again.draw(*place) for place in reversed(places)} == drawn
    assert len({arch.arch_id for arch in drawn.values()}) > 5
    other = CostStrata(ELASTIC, seed=4)
    assert [other.draw(*place) for place in places] != list(drawn.values())


def test_strata_are_drawn_evenly() -> None:
    strata = CostStrata(ELASTIC, seed=0, strata=4)
    edges = np.linspace(*(math.log(cost_of(arch).macs) for arch in (ELASTIC.smallest, ELASTIC.largest)), 5)
    drawn = [math.log(cost_of(strata.draw(0, batch, 2)).macs) for batch in range(400)]
    counts = Counter(np.clip(np.searchsorted(edges, drawn, side="right") - 1, 0, 3).tolist())
    assert set(counts) == {0, 1, 2, 3}
    # Four times √(400 · ¼ · ¾) around a quarter.
    assert all(abs(count - 100) < 35 for count in counts.values()), counts


def test_nothing_beyond_the_budget_is_drawn() -> None:
    macs = sorted(cost_of(arch).macs for arch in SPACE.enumerate())
    budget = Budget.parse([f"mmacs <= {macs[40] / 1e6}"], ["mmacs"])
    strata = CostStrata(elastic_space(SPACE, budget), seed=0)
    assert max(cost_of(strata.draw(0, batch, 2)).macs for batch in range(100)) <= macs[40]


def test_a_large_space_is_drawn_from_a_pool() -> None:
    strata = CostStrata(elastic_space(named_space("dite_hrnet")), seed=0, pool_points=200)
    again = CostStrata(elastic_space(named_space("dite_hrnet")), seed=0, pool_points=200)
    drawn = [strata.draw(0, batch, 2) for batch in range(20)]
    assert drawn == [again.draw(0, batch, 2) for batch in range(20)]
    assert len({arch.arch_id for arch in drawn}) > 10


def test_a_space_of_one_network_within_the_budget_is_drawn() -> None:
    macs = min(cost_of(arch).macs for arch in SPACE.enumerate())
    elastic = elastic_space(SPACE, Budget.parse([f"mmacs <= {macs / 1e6}"], ["mmacs"]))
    assert CostStrata(elastic, seed=0).draw(0, 0, 2) == elastic.smallest == elastic.largest
