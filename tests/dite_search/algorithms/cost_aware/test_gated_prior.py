"""A prior that is worth nothing changes no suggestion; one that foretells results is read, and its doubt is counted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dite_search.algorithms.cost_aware.gated_prior import LEAST_GAIN, GateState, fit_gated_kernel
from dite_search.algorithms.cost_aware.surrogate import JITTER, Observations, Posterior, Trend, fit_kernel, leave_one_out
from tests.dite_search.algorithms.cost_aware.test_sampler import COSTS, SPACE, ask, sampler, score, study_with
from tests.profiles import by_profile

POINTS = [str(point) for point in SPACE.points()]
LUCK = dict(zip(POINTS, np.random.default_rng(5).normal(size=len(POINTS)), strict=True))
"""A part of the score that no setting of the network tells."""
SHUFFLED = dict(zip(POINTS, np.random.default_rng(6).permutation(list(LUCK.values())), strict=True))


def suggested(prior: Callable[[Any], Any] | None, notes: list[str], seed: int = 3, trials: int = 14) -> list[dict]:
    """The points of a search whose scores depend on `LUCK` too."""
    study = study_with(sampler(seed=seed, limit=math.inf, startup_trials=6, prior=prior, note=notes.append))
    points = []
    for _ in range(trials):
        trial = ask(study)
        points.append(dict(trial.params))
        own = str(dict(trial.params))
        study.tell(trial, [score(trial.params) + 0.05 * LUCK[own], COSTS[own]])
    return points


@pytest.mark.slow
def test_a_constant_or_a_shuffled_prior_changes_no_suggestion() -> None:
    for seed in range(by_profile(1, 5)):
        plain, notes = suggested(None, [], seed), []
        assert suggested(lambda points: [0.7] * len(points), notes, seed) == plain
        assert suggested(lambda points: [SHUFFLED[str(dict(point))] for point in points], notes, seed) == plain
        assert notes == []


@pytest.mark.slow
def test_a_prior_that_foretells_results_is_read_and_finds_better_networks() -> None:
    notes: list[str] = []
    found = suggested(lambda points: [LUCK[str(dict(point))] for point in points], notes)
    assert len(notes) == 1
    assert notes[0].startswith("the supernet's scores guide the search: they change the log likelihood of ")
    late = [LUCK[str(point)] for point in found[8:]]
    plain = [LUCK[str(point)] for point in suggested(None, [])[8:]]
    assert np.mean(late) > np.mean(plain) + 0.5


def observations(figure: Callable[[np.ndarray], np.ndarray], count: int, seed: int) -> Observations:
    generator = np.random.default_rng(seed)
    places, luck = generator.uniform(size=(count, 4)), generator.normal(size=count)
    scores = places[:, 0] + 0.5 * luck + 0.1 * generator.normal(size=count)
    return Observations(features=np.column_stack([places, figure(luck)]), scores=scores, extra=np.zeros(count))


def gate_of(data: Observations) -> GateState:
    states: list[GateState] = []
    kernel = fit_gated_kernel(data, states.append)
    assert (kernel.trend is not None) == states[0].is_open
    return states[0]


def test_the_gate_opens_for_what_foretells_and_stays_closed_for_the_rest() -> None:
    generator = np.random.default_rng(0)
    shuffled = [gate_of(observations(generator.permutation, 20, seed)) for seed in range(by_profile(12, 100))]
    assert sum(state.is_open for state in shuffled) <= len(shuffled) // 10 + 1
    useful = [gate_of(observations(lambda luck: 3.0 * luck - 2.0, 20, seed)) for seed in range(4)]
    assert all(state.is_open for state in useful)
    # A figure that is larger where scores are smaller foretells nothing, and neither does one that is the same for all.
    assert not gate_of(observations(np.negative, 20, 0)).is_open
    assert gate_of(observations(np.ones_like, 20, 0)).gain == 0.0


def test_a_closed_gate_leaves_the_kernel_that_there_would_be() -> None:
    data = observations(lambda luck: np.ones_like(luck), 15, 1)
    plain = dataclasses.replace(data, features=data.features[:, :-1])
    gated, alone = fit_gated_kernel(data), fit_kernel(plain)
    assert all(np.array_equal(getattr(gated, field.name), getattr(alone, field.name)) for field in dataclasses.fields(alone))
    places = np.random.default_rng(2).uniform(size=(5, 5))
    with_column, without = Posterior(gated, data), Posterior(alone, plain)
    first, second = with_column.covariance(places), without.covariance(places[:, :-1])
    assert np.array_equal(with_column.mean(first), without.mean(second))
    assert np.array_equal(with_column.deviation(first), without.deviation(second))


def test_a_trend_goes_on_beyond_the_observations_and_so_does_its_doubt() -> None:
    data = observations(lambda luck: luck, 30, 3)
    kernel = fit_gated_kernel(data)
    assert kernel.trend is not None
    posterior = Posterior(kernel, data)
    places = np.column_stack([np.full((3, 4), 0.5), [0.0, 4.0, 8.0]])
    covariance = posterior.covariance(places)
    mean, deviation = posterior.mean(covariance), posterior.deviation(covariance)
    assert np.diff(mean) == pytest.approx([2.0, 2.0], rel=0.15)
    assert deviation[2] > deviation[1] > deviation[0]
    assert (posterior.rough_deviation(covariance) >= deviation - 1e-9).all()


def test_scores_that_are_left_out_are_foretold_by_the_others() -> None:
    """The closed form against as many posteriors as there are scores."""
    data = observations(lambda luck: luck, 9, 4)
    kernel = dataclasses.replace(fit_kernel(data), trend=Trend(shift=0.1, scale=0.9, variance=0.7))
    total = 0.0
    for index in range(len(data.scores)):
        rest = np.arange(len(data.scores)) != index
        others = Observations(features=data.features[rest], scores=data.scores[rest], extra=data.extra[rest])
        posterior = Posterior(kernel, others)
        covariance = posterior.covariance(data.features[index : index + 1])
        variance = posterior.deviation(covariance)[0] ** 2 + kernel.spread**2 * (kernel.noise + JITTER)
        error = data.scores[index] - posterior.mean(covariance)[0]
        total -= 0.5 * (math.log(2 * math.pi * variance) + error**2 / variance)
    assert leave_one_out(kernel, data) == pytest.approx(total, rel=1e-9)


def test_the_state_of_the_gate_is_a_sentence() -> None:
    assert not GateState(gain=LEAST_GAIN - 0.1, trials=12).is_open
    assert str(GateState(gain=-0.5, trials=12)) == (
        "the supernet's scores do not guide the search: they change the log likelihood of 12 results by -0.5,"
        " and 3 are needed"
    )
