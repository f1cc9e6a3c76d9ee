"""The first suggestions spread over costs and features."""

from __future__ import annotations

import numpy as np

from dite_search.algorithms.cost_aware.initial_design import most_different


def chosen(seen: list[int], *, strata: int = 4, seed: int = 0) -> int:
    costs = np.arange(8.0)[:, None]
    features = np.arange(8.0)[:, None]
    return most_different(
        features,
        costs,
        seen_features=features[seen],
        seen_costs=costs[seen],
        strata=strata,
        generator=np.random.default_rng(seed),
    )


def test_each_stratum_of_the_costs_is_tried_before_any_is_tried_twice() -> None:
    for seed in range(20):
        seen: list[int] = []
        for _ in range(4):
            seen.append(chosen(seen, seed=seed))
        assert sorted(place // 2 for place in seen) == [0, 1, 2, 3]


def test_within_a_stratum_the_farthest_from_the_seen_is_taken() -> None:
    assert chosen([0], strata=1) == 7
    assert chosen([0, 7], strata=1) in (3, 4)


def test_without_costs_only_features_count() -> None:
    features = np.array([[0.0], [1.0], [9.0]])
    none = np.empty((3, 0))
    found = most_different(
        features, none, seen_features=features[:1], seen_costs=none[:1], strata=4, generator=np.random.default_rng(0)
    )
    assert found == 2
