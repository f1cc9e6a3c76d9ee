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
class Price:
    """The price of a training: the ``exponent``-th power of the cost in a ``column``, which gains are divided by."""

    exponent: float = 0.0
    column: int = 0

    def of(self, costs: Array) -> Array:
        """The prices (n,) of candidates with costs (n, k); a cost of 0 is as cheap as the cheapest above it."""
        if not self.exponent:
            return np.ones(len(costs))
        column = costs[:, self.column]
        least = column[column > 0].min(initial=np.inf)
        prices: Array = np.maximum(column, least if np.isfinite(least) else 1.0) ** self.exponent
        return prices


@dataclass(frozen=True, kw_only=True)
class Target:
    """A front, and the corner that its hypervolume is measured from.

    Costs above 0 are measured by their logarithms, because a limit is chosen among orders of magnitude. Without logarithms
    the dear end of the front takes nearly all of the volume.

    Args:
        scores: the scores of the front, (f,).
        costs: the costs of the front in the units of the volume, (f, k).
        floor: the score of the corner.
        corner: the costs of the corner in the units of the volume, (k,).
        logarithmic: the columns of costs that are measured by their logarithms, (k,).
        price: the price of a training, which gains are divided by.
    """

    scores: Array
    costs: Array
    floor: float
    corner: Array
    logarithmic: NDArray[np.bool_]
    price: Price

    @classmethod
    def of(
        cls, history: TrialHistory, posterior: Posterior, features: Callable[[Point], Array], pool_costs: Array, price: Price
    ) -> Target:
        """The target of a history; a pending trial counts with its expected score."""
        known = [observation.result for observation in history.front]
        waiting = [observation for observation in history.pending if observation.costs is not None]
        if waiting:
            means = posterior.mean(posterior.covariance(np.array([features(observation.point) for observation in waiting])))
            known += [(float(mean), *(observation.costs or ())) for mean, observation in zip(means, waiting, strict=True)]
        values = np.array(known).reshape(len(known), 1 + pool_costs.shape[1])
        return cls.beyond(values, pool_costs, score_floor(posterior.scores), price)

    @classmethod
    def beyond(cls, results: Array, pool_costs: Array, floor: float, price: Price) -> Target:
        """The target beyond the front of ``results`` (f, 1 + k), rows of a score and its costs, for candidates' costs."""
        values = results[non_dominated(results, ["maximize"] + ["minimize"] * pool_costs.shape[1])]
        corner = reference_point(np.vstack([pool_costs, values[:, 1:]]), ["minimize"] * pool_costs.shape[1])
        logarithmic = np.vstack([pool_costs, values[:, 1:]]).min(axis=0) > 0
        return cls(
            scores=values[:, 0],
            costs=_measured(values[:, 1:], logarithmic),
            floor=floor,
            corner=_measured(corner[None], logarithmic)[0],
            logarithmic=logarithmic,
            price=price,
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

    def gains(self, mean: Array, deviation: Array, costs: Array) -> Array:
        """Return the expected gains in volume (n,) of scores with means (n,) and deviations (n,), at costs (n, k)."""
        return expected_improvement(
            mean,
            deviation,
            _measured(costs, self.logarithmic),
            front_scores=self.scores,
            front_costs=self.costs,
            reference_score=self.floor,
            reference_costs=self.corner,
        )

    def _order(self, mean: Array, deviation: Array, noise: float, costs: Array) -> NDArray[np.intp]:
        gains = self.gains(mean, np.hypot(deviation, noise), costs)
        return np.lexsort((-deviation, -gains / self.price.of(costs)))


def _measured(costs: Array, logarithmic: NDArray[np.bool_]) -> Array:
    """The costs (n, k) in the units of the volume."""
    return np.where(logarithmic, np.log(np.where(logarithmic, costs, 1.0)), costs)
