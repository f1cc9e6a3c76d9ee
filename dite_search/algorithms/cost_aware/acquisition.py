"""The gain of a suggestion: hypervolume beyond the present front, and beyond the front that pending trials should leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import non_dominated, reference_point, score_floor
from dite_search.algorithms.cost_aware.candidates import Point
from dite_search.algorithms.cost_aware.expected_improvement import expected_improvement
from dite_search.algorithms.cost_aware.history import TrialHistory
from dite_search.algorithms.cost_aware.surrogate import Posterior

Array = NDArray[np.float64]

EXACT_CANDIDATES = 256
"""Candidates that are weighed exactly."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A front, ``scores`` (f,) and ``costs`` (f, k), and the corner that its hypervolume is measured from."""

    scores: Array
    costs: Array
    floor: float
    corner: Array

    @classmethod
    def of(
        cls, history: TrialHistory, posterior: Posterior, features: Callable[[Point], Array], pool_costs: Array
    ) -> Target:
        """The target of a history; a pending trial counts with its expected score."""
        known = [observation.result for observation in history.front]
        waiting = [observation for observation in history.pending if observation.costs is not None]
        if waiting:
            means = posterior.mean(posterior.covariance(np.array([features(observation.point) for observation in waiting])))
            known += [(float(mean), *(observation.costs or ())) for mean, observation in zip(means, waiting, strict=True)]
        values = np.array(known).reshape(len(known), 1 + pool_costs.shape[1])
        values = values[non_dominated(values, ["maximize"] + ["minimize"] * pool_costs.shape[1])]
        return cls(
            scores=values[:, 0],
            costs=values[:, 1:],
            floor=score_floor(posterior.scores),
            corner=reference_point(np.vstack([pool_costs, values[:, 1:]]), ["minimize"] * pool_costs.shape[1]),
        )

    def best(self, posterior: Posterior, features: Array, costs: Array, count: int) -> NDArray[np.intp]:
        """The places of the ``count`` candidates with the largest expected gains, in order; of equals the least certain.

        The gain is that of a trial's own score, chance of its training included, as it is such scores that make the front.
        Of many candidates only those are weighed exactly that an upper bound of the uncertainty lets seem best.
        """
        covariance = posterior.covariance(features)
        mean, places = posterior.mean(covariance), np.arange(len(features))
        if len(features) > EXACT_CANDIDATES:
            places = self._order(mean, posterior.rough_deviation(covariance), posterior.noise, costs)[:EXACT_CANDIDATES]
        order = self._order(mean[places], posterior.deviation(covariance[places]), posterior.noise, costs[places])
        return places[order[:count]]

    def _order(self, mean: Array, deviation: Array, noise: float, costs: Array) -> NDArray[np.intp]:
        gains = expected_improvement(
            mean,
            np.hypot(deviation, noise),
            costs,
            front_scores=self.scores,
            front_costs=self.costs,
            reference_score=self.floor,
            reference_costs=self.corner,
        )
        return np.lexsort((-deviation, -gains))
