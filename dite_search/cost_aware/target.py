"""What a suggestion aims at: hypervolume beyond the front as it is, and as the pending trials are expected to leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto import reference_point
from dite_search.cost_aware.candidates import Point
from dite_search.cost_aware.improvement import expected_improvement
from dite_search.cost_aware.record import Record
from dite_search.cost_aware.surrogate import Posterior

Array = NDArray[np.float64]

WITH_NOISE = True
BELOW = 0.1
"""How far the reference lies below the worst score, as a part of the range of scores, where scores are below 0."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A front, ``scores`` (f,) and ``costs`` (f, k), and the corner that its hypervolume is measured from."""

    scores: Array
    costs: Array
    floor: float
    corner: Array

    @classmethod
    def of(cls, record: Record, posterior: Posterior, features: Callable[[Point], Array], pool_costs: Array) -> Target:
        """The target of a record; a pending trial counts with its expected score."""
        known = [(seen.score, seen.costs) for seen in record.front]
        waiting = [seen for seen in record.pending if seen.costs is not None]
        if waiting:
            means, _ = posterior.predict(np.array([features(seen.point) for seen in waiting]))
            known += [(float(mean), seen.costs) for mean, seen in zip(means, waiting, strict=True)]
        scores = np.array([score for score, _ in known])
        costs = np.array([cost for _, cost in known]).reshape(len(known), pool_costs.shape[1])
        worst, best = float(posterior.scores.min()), float(posterior.scores.max())
        return cls(
            scores=scores,
            costs=costs,
            floor=0.0 if worst >= 0 else worst - BELOW * (best - worst),
            corner=reference_point(np.vstack([pool_costs, costs]), ["minimize"] * pool_costs.shape[1]),
        )

    def order(self, posterior: Posterior, features: Array, costs: Array) -> NDArray[np.intp]:
        """The places of candidates, the one with the largest expected gain first; of equals the least certain."""
        mean, deviation = posterior.predict(features)
        if WITH_NOISE: deviation = np.sqrt(deviation**2 + posterior.kernel.noise*posterior.kernel.spread**2)
        gains = expected_improvement(
            mean,
            deviation,
            costs,
            front_scores=self.scores,
            front_costs=self.costs,
            reference_score=self.floor,
            reference_costs=self.corner,
        )
        return np.lexsort((-deviation, -gains))
