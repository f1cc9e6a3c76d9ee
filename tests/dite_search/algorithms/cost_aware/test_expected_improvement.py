"""Expected hypervolume improvement in closed form, against random draws and the exact hypervolume of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.front import hypervolume
from dite_search.algorithms.cost_aware.expected_improvement import best_scores, expected_improvement
from tests.profiles import examples, first_at_a_commit

DRAWS = 3000


def by_draws(mean: float, deviation: float, costs, front_scores, front_costs, corner, generator) -> float:
    """The mean gain over draws of the score."""
    directions = ("maximize",) + ("minimize",) * len(corner)
    front = np.column_stack([front_scores, front_costs])
    before = hypervolume(front, (0.0, *corner), directions)
    gains = [
        hypervolume(np.vstack([front, [score, *costs]]), (0.0, *corner), directions) - before
        for score in generator.normal(mean, deviation, DRAWS)
    ]
    return float(np.mean(gains))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("seed", first_at_a_commit([0, 1]))
def test_the_closed_form_equals_the_mean_over_draws(count, seed):
    generator = np.random.default_rng(seed)
    front_scores, front_costs = generator.uniform(0.2, 0.8, 5), generator.uniform(1, 9, (5, count))
    corner, costs = np.full(count, 10.0), generator.uniform(1, 9, (3, count))
    means, deviations = generator.uniform(0.3, 0.8, 3), np.full(3, 0.1)
    exact = expected_improvement(
        means,
        deviations,
        costs,
        front_scores=front_scores,
        front_costs=front_costs,
        reference_score=0.0,
        reference_costs=corner,
    )
    for index in range(3):
        drawn = by_draws(means[index], 0.1, costs[index], front_scores, front_costs, corner, generator)
        assert exact[index] == pytest.approx(drawn, abs=0.08 * 10.0**count * 0.1)


@examples(40)
@given(
    mean=st.floats(0.0, 1.0),
    deviation=st.floats(0.01, 0.5),
    cost=st.floats(0.5, 9.5),
    front=st.lists(st.tuples(st.floats(0.05, 0.95), st.floats(0.5, 9.5)), max_size=6),
)
def test_gains_are_never_negative_and_grow_with_the_mean_and_with_cheapness(mean, deviation, cost, front):
    points = np.array(front).reshape(-1, 2)
    gains = expected_improvement(
        [mean, mean + 0.1, mean],
        [deviation] * 3,
        [[cost], [cost], [cost * 0.9]],
        front_scores=points[:, 0],
        front_costs=points[:, 1:],
        reference_score=0.0,
        reference_costs=[10.0],
    )
    assert (gains >= 0).all()
    assert gains[1] >= gains[0] - 1e-9
    assert gains[2] >= gains[0] - 1e-9


def test_the_best_score_is_that_of_the_front_at_no_higher_cost():
    found = best_scores([[1.0], [2.0], [3.5]], front_scores=[0.4, 0.6], front_costs=[[2.0], [3.0]], floor=0.1)
    assert found.tolist() == [0.1, 0.4, 0.6]
