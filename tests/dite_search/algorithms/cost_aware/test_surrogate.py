"""The model of the accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dite_search.algorithms.cost_aware.surrogate import (
    CurveModel,
    LearningCurve,
    Observations,
    Posterior,
    fit_kernel,
    progress,
)


def observations(count: int = 12) -> Observations:
    features = np.linspace(0, 1, count)[:, None]
    return Observations(features=features, scores=0.3 + 0.4 * features[:, 0], extra=np.zeros(count))


def test_a_linear_accuracy_is_learned_and_sure_where_it_was_seen() -> None:
    data = observations()
    posterior = Posterior(fit_kernel(data), data)
    middle, beyond = posterior.covariance(np.array([[0.5]])), posterior.covariance(np.array([[3.0]]))
    assert posterior.mean(middle)[0] == pytest.approx(0.5, abs=0.02)
    assert posterior.deviation(middle)[0] < posterior.deviation(beyond)[0]
    assert posterior.rough_deviation(beyond)[0] >= posterior.deviation(beyond)[0] - 1e-9


def test_a_pending_trial_makes_its_neighbourhood_sure_and_changes_no_mean() -> None:
    data, place = observations(), np.array([[2.0]])
    kernel = fit_kernel(data)
    without, beside = Posterior(kernel, data), Posterior(kernel, data, place)
    assert beside.deviation(beside.covariance(place))[0] < without.deviation(without.covariance(place))[0]
    assert beside.mean(beside.covariance(place))[0] == pytest.approx(without.mean(without.covariance(place))[0])


def curve(*scores: float, losses: Sequence[float] = ()) -> LearningCurve:
    """A curve with the scores and losses of its first epochs."""
    return LearningCurve(scores=dict(enumerate(scores, start=1)), losses=dict(enumerate(losses, start=1)))


def test_a_curve_is_carried_to_its_end() -> None:
    finals = np.linspace(0.2, 0.8, 30)
    model = CurveModel([(curve(0.0, float(final) / 2), float(final)) for final in finals])
    carried = model.carry(2, curve(0.0, 0.3))
    assert carried is not None
    assert carried.score == pytest.approx(0.6, abs=0.02)
    assert model.carry(5, curve(0.0, 0.3)) is None, "no curve has this epoch"
    assert CurveModel([(curve(0.0, 0.1), 0.2)]).carry(2, curve(0.0, 0.1)) is None, "too few curves"


def test_losses_tell_where_nobody_has_scored_yet() -> None:
    finals = np.linspace(0.2, 0.8, 30)
    known = [(curve(0.0, losses=[2.0 - float(final)]), float(final)) for final in finals]
    carried = CurveModel(known).carry(1, curve(0.0, losses=[1.5]))
    assert carried is not None
    assert carried.score == pytest.approx(0.5, abs=0.02)
    assert CurveModel([(curve(0.0), final) for _, final in known]).carry(1, curve(0.0)) is None


def test_losses_that_some_trials_lack_are_left_out() -> None:
    finals = np.linspace(0.2, 0.8, 30)
    known = [(curve(float(final) / 2, losses=[1.0] if final < 0.5 else []), float(final)) for final in finals]
    carried = CurveModel(known).carry(1, curve(0.3, losses=[0.1]))
    assert carried is not None
    assert carried.score == pytest.approx(0.6, abs=0.02)


def test_what_a_curve_shows_is_its_last_values_and_their_means() -> None:
    shown = progress(curve(0.1, 0.2, 0.3, 0.4, 0.9, losses=[4.0, 2.0]), 4)
    assert shown.tolist() == pytest.approx([0.4, 0.3, 2.0, 3.0])
    assert np.isnan(progress(curve(0.1), 1)).tolist() == [False, False, True, True]
