"""The model of the accuracy."""

from __future__ import annotations

import numpy as np
import pytest

from dite_search.algorithms.cost_aware.surrogate import CurveModel, Observations, Posterior, fit_kernel


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


def test_a_curve_is_carried_to_its_end() -> None:
    finals = np.linspace(0.2, 0.8, 30)
    model = CurveModel([({2: float(final) / 2}, float(final)) for final in finals])
    carried = model.carry(2, 0.3)
    assert carried is not None
    assert carried.score == pytest.approx(0.6, abs=0.02)
    assert model.carry(5, 0.3) is None, "no curve has this epoch"
    assert CurveModel([({2: 0.1}, 0.2)]).carry(2, 0.1) is None, "too few curves"
