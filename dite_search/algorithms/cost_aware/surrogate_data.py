"""Which trials the model of the accuracy learns from, and when its kernel is fitted anew.

Everything here follows from the seed and the study alone, so that a resumed search goes on alike. Results that are kept from
one suggestion to the next only save time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import non_dominated
from dite_search.algorithms.cost_aware.candidates import Point
from dite_search.algorithms.cost_aware.expected_improvement import best_scores
from dite_search.algorithms.cost_aware.history import Observation, TrialHistory
from dite_search.algorithms.cost_aware.surrogate import Carried, CurveModel, Kernel, Observations, Posterior, fit_kernel

Array = NDArray[np.float64]
T = TypeVar("T")

MAX_ROWS = 256
"""Finished trials that a model learns from, and up to `BATCH` more; a posterior costs O(n³), and O(n²) a candidate."""
BATCH = 32
"""Trials that end before it is chosen anew which of them a model learns from."""
NEAR_FRONT = 0.6
"""Part of these that lie nearest below the front; the others are spread by chance over all trials."""
KERNEL_ROWS = 150
"""Finished trials that a kernel is fitted to."""
GROWTH = 1.2
"""A kernel is fitted anew when so many times the trials have ended as the last time."""
MAX_CURVES = 400
"""Latest trials whose curves say how scores go on."""
MAX_PENDING = 200
"""Latest pending trials that the model knows of."""


class Learner:
    """Posteriors of the accuracy for the states of one study.

    Args:
        features: Turns a point into a vector (d,).
        seed: The seed of what is chosen by chance.
        fit: Returns the kernel of observations.
    """

    def __init__(
        self,
        features: Callable[[Point], Array],
        seed: Sequence[int],
        fit: Callable[[Observations], Kernel] = fit_kernel,
    ) -> None:
        self._features, self._seed, self._fit_kernel = features, list(seed), fit
        self._kernel = _Latest(self._fit)
        self._curves = _Latest(_curve_model)
        self._rows = _Latest(lambda trials: self._chosen(trials, _curve_model(trials), MAX_ROWS))

    def posterior(self, history: TrialHistory) -> Posterior:
        """Return the posterior of the accuracy after the trials so far; at least one trial must be complete."""
        finished = history.finished
        settled = len(finished) if len(finished) <= MAX_ROWS else len(finished) - len(finished) % BATCH
        rows = (
            *self._rows(finished[:settled]),
            *finished[settled:],
            *(observation for observation in history.pending if observation.curve),
        )
        pending = [self._features(observation.point) for observation in history.pending[-MAX_PENDING:]]
        return Posterior(
            self._kernel(finished[: milestone(len(finished))]),
            self._observations(rows, self._curves(finished)),
            np.array(pending) if pending else None,
        )

    def _fit(self, first: Sequence[Observation]) -> Kernel:
        curves = _curve_model(first)
        return self._fit_kernel(self._observations(self._chosen(first, curves, KERNEL_ROWS), curves))

    def _chosen(self, trials: Sequence[Observation], curves: CurveModel, limit: int) -> Sequence[Observation]:
        """The trials to learn from: those nearest below the front, and some by chance."""
        if len(trials) <= limit:
            return trials
        known = [
            (observation, found)
            for observation in trials
            if (found := _final(observation, curves)) and observation.costs is not None
        ]
        scores, costs = (
            np.array([found.score for _, found in known]),
            np.array([observation.costs for observation, _ in known]),
        )
        final = np.array([found.variance == 0.0 for _, found in known])
        directions = ["maximize"] + ["minimize"] * costs.shape[1]
        front = non_dominated(np.column_stack([scores[final], costs[final]]), directions)
        best = best_scores(
            costs, front_scores=scores[final][front], front_costs=costs[final][front], floor=float(scores.min())
        )
        nearest = np.argsort(best - scores, kind="stable")[: round(NEAR_FRONT * limit)]
        chance = np.random.default_rng(self._seed).random(1 + max(observation.number for observation in trials))
        chance[[known[index][0].number for index in nearest]] = -1.0
        return sorted(trials, key=lambda observation: chance[observation.number])[:limit]

    def _observations(self, trials: Iterable[Observation], curves: CurveModel) -> Observations:
        """A point's final scores, copies of one training once; without one, what its longest curve foretells."""
        ordered = sorted(trials, key=lambda observation: observation.number)
        final = {
            (observation.key, observation.score): observation for observation in ordered if observation.score is not None
        }
        ended = {key for key, _ in final}
        longest = {
            observation.key: observation
            for observation in sorted(ordered, key=lambda observation: max(observation.curve, default=0))
            if observation.key not in ended
        }
        known = [
            (observation, found)
            for observation in (*final.values(), *longest.values())
            if (found := _final(observation, curves))
        ]
        return Observations(
            features=np.array([self._features(observation.point) for observation, _ in known]),
            scores=np.array([found.score for _, found in known]),
            extra=np.array([found.variance for _, found in known]),
        )


class _Latest(Generic[T]):
    """A function of the first trials that have ended, computed anew only when their number changes."""

    def __init__(self, function: Callable[[Sequence[Observation]], T]) -> None:
        self._function = function
        self._known: tuple[int, T] | None = None

    def __call__(self, trials: Sequence[Observation]) -> T:
        if self._known is None or self._known[0] != len(trials):
            self._known = (len(trials), self._function(trials))
        return self._known[1]


def milestone(count: int) -> int:
    """The largest number up to ``count`` at which a kernel is fitted: all small ones, then `GROWTH` times the one before."""
    reached = following = min(count, 1)
    while following <= count and count:
        reached, following = following, max(following + 1, round(following * GROWTH))
    return reached


def _curve_model(trials: Sequence[Observation]) -> CurveModel:
    latest = trials[-MAX_CURVES:]
    complete = [(observation.curve, observation.score) for observation in latest if observation.score is not None]
    return CurveModel(complete, [observation.curve for observation in latest if observation.score is None])


def _final(observation: Observation, curves: CurveModel) -> Carried | None:
    """The final score of a trial, or what its curve lets expect."""
    if observation.score is not None:
        return Carried(score=observation.score, variance=0.0)
    if not observation.curve:
        return None
    epoch = max(observation.curve)
    return curves.carry(epoch, observation.curve[epoch])
