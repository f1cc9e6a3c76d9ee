"""Pools of candidates follow from seed, trial and front alone."""

from __future__ import annotations

import pytest
from optuna.distributions import IntDistribution

from dite_search.algorithms.cost_aware.candidate_pool import Pools, joined
from dite_search.algorithms.cost_aware.candidates import DistributionCandidates
from dite_search.algorithms.cost_aware.history import HistorySchema
from search_spaces.common.errors import InvalidInput

SCHEMA = HistorySchema(
    score=0,
    sign=1.0,
    costs={"size": "minimize"},
    epochs=None,
    curve=lambda trial: {},
    repeatable=lambda trial: False,
    continues=lambda trial: False,
)
FRONT = [("a", {"width": 3, "depth": 4}), ("b", {"width": 200, "depth": 9})]


def pools(*, size: int = 64, limit: int = 10**9, seed: int = 0) -> Pools:
    candidates = DistributionCandidates(
        {"width": IntDistribution(1, 256), "depth": IntDistribution(1, 64)},
        costs=lambda point: None if point["width"] > limit else {"size": point["width"] * point["depth"]},
    )
    return Pools(candidates, SCHEMA, size=size, seed=seed)


def test_a_pool_is_drawn_alike_again_and_holds_nothing_twice() -> None:
    first, again = pools().draw(7, FRONT, {}), pools().draw(7, FRONT, {})
    assert first.keys == again.keys
    assert len(set(first.keys)) == len(first)
    assert first.keys != pools(seed=1).draw(7, FRONT, {}).keys
    assert first.costs.shape == (len(first), 1)


def test_a_pool_has_only_what_is_allowed_and_the_fixed_values() -> None:
    pool = pools(limit=100).draw(0, [], {"depth": 5})
    assert all(point["width"] <= 100 and point["depth"] == 5 for point in pool.points)
    with pytest.raises(InvalidInput, match="candidates must include one that is allowed with width 200, found none"):
        pools(limit=100).draw(0, [], {"width": 200})


def test_of_one_key_the_first_is_kept() -> None:
    drawn = pools().draw(0, FRONT, {})
    assert joined([drawn, drawn]).keys == drawn.keys
    left = drawn.without(set(drawn.keys[:3]))
    assert left.keys == drawn.keys[3:]
