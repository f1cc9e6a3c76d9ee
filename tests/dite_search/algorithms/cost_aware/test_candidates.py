"""Candidates of any Optuna distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from dite_search.algorithms.cost_aware.candidates import DistributionCandidates
from search_spaces.common.errors import InvalidInput

DISTRIBUTIONS = {
    "width": IntDistribution(8, 64, step=8),
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "codec": CategoricalDistribution(("msra", "udp", "dark")),
}


def candidates() -> DistributionCandidates:
    return DistributionCandidates(
        DISTRIBUTIONS, costs=lambda point: None if point["width"] > 48 else {"size": point["width"] ** 2}
    )


@given(st.integers(0, 2**32 - 1))
def test_points_stay_within_their_distributions(seed: int) -> None:
    space, generator = candidates(), np.random.default_rng(seed)
    first, second = space.sample(generator), space.sample(generator)
    moved = space.mutate(first, generator)
    for point in (first, moved, space.crossover(first, second, generator)):
        assert point.keys() == DISTRIBUTIONS.keys()
        assert all(kind._contains(kind.to_internal_repr(point[name])) for name, kind in DISTRIBUTIONS.items())
    assert sum(first[name] != moved[name] for name in DISTRIBUTIONS) <= 1


def test_features_are_for_what_is_allowed_alone() -> None:
    space = candidates()
    point = {"width": 16, "rate": 1e-2, "codec": "udp"}
    assert space.features(point).shape == (1 + 1 + 3 + 1,)
    assert space.features(point)[-1] == pytest.approx(np.log(256))
    with pytest.raises(InvalidInput, match="a point must be allowed to have features, got"):
        space.features({**point, "width": 64})


def test_mistakes() -> None:
    with pytest.raises(InvalidInput, match="distributions must name at least one parameter, got none"):
        DistributionCandidates({})
    wrong = DistributionCandidates(DISTRIBUTIONS, costs=lambda point: {"size": 0.0})
    with pytest.raises(InvalidInput, match=r"cost size must be a finite number above 0, got 0\.0"):
        wrong.costs({"width": 8, "rate": 1e-2, "codec": "udp"})


def test_a_finite_space_is_counted_and_listed() -> None:
    finite = DistributionCandidates({name: DISTRIBUTIONS[name] for name in ("width", "codec")})
    assert finite.count() == len(list(finite.points())) == len({finite.key(point) for point in finite.points()}) == 24
    assert candidates().count() is None
