"""The model of inherited scores: what a network would score in the shared weights, for all networks of a space.

Shape legend: n scored networks, q queries.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from dite_search.algorithms.cost_aware.candidates import Point, SpaceCandidates
from dite_search.algorithms.cost_aware.surrogate import Observations, Posterior, fit_kernel
from dite_search.supernet.scores import InheritedScores
from search_spaces.common.errors import InvalidInput
from search_spaces.space.candidate import Candidate, candidate_of
from search_spaces.space.search_space import SearchSpace

Array = NDArray[np.float64]

LEAST_SCORED = 8
"""Scored networks that a model needs."""
KERNEL_ROWS = 150
"""Scored networks that the kernel of the model is fitted to."""
MOST_ROWS = 1000
"""Scored networks that the model learns from: a posterior costs O(n³)."""
POINTS_AT_ONCE = 2000
"""Points that are forecast together: a covariance takes the memory of points times networks."""


class InheritedPredictor:
    """Inherited scores of any points of a space: those that were measured, and forecasts of the others.

    Larger is better, whatever the figure.

    Args:
        space: The space.
        scores: The scores of some of its networks.
        candidate: Returns a point's network with its costs.

    Raises:
        InvalidInput: too few networks of the space have scores.
    """

    def __init__(
        self,
        space: SearchSpace,
        scores: InheritedScores,
        candidate: Callable[[Mapping[str, Any]], Candidate] | None = None,
    ) -> None:
        self._candidate = candidate or partial(candidate_of, space)
        self._features = SpaceCandidates(space, candidate=self._candidate).features
        values = scores.values()
        known = [(each.arch.arch_id, space.point_of(each.arch)) for each in scores.networks if each.arch.arch_id in values]
        # Actors end in any order, and forecasts follow from the scores alone.
        points = {arch_id: point for arch_id, point in sorted(known, key=lambda pair: pair[0]) if point is not None}
        if len(points) < LEAST_SCORED:
            raise InvalidInput(
                f"inherited scores must be of {LEAST_SCORED} networks of space {space.name} or more, got {len(points)}"
            )
        self._known = {arch_id: values[arch_id] for arch_id in points}
        rows = list(points)[:MOST_ROWS]
        data = Observations(
            features=np.array([self._features(points[arch_id]) for arch_id in rows]),
            scores=np.array([self._known[arch_id] for arch_id in rows]),
            extra=np.zeros(len(rows)),
        )
        few = Observations(
            features=data.features[:KERNEL_ROWS], scores=data.scores[:KERNEL_ROWS], extra=data.extra[:KERNEL_ROWS]
        )
        with warnings.catch_warnings():
            # A score follows from the network alone, so that the noise is at its lower bound.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._posterior = Posterior(fit_kernel(few), data)

    def predict(self, points: Sequence[Point]) -> Array:
        """Return the score (q,) of each point: its own where it has one, else the forecast."""
        if not points:
            return np.empty(0)
        starts = range(0, len(points), POINTS_AT_ONCE)
        forecast = np.concatenate([self._forecast(points[start : start + POINTS_AT_ONCE]) for start in starts])
        ids = [self._candidate(point).arch.arch_id for point in points]
        return np.array([self._known.get(arch_id, value) for arch_id, value in zip(ids, forecast.tolist(), strict=True)])

    def _forecast(self, points: Sequence[Point]) -> Array:
        features = np.array([self._features(point) for point in points])
        return self._posterior.mean(self._posterior.covariance(features))
