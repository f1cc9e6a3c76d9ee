"""Which trials the model of the accuracy learns from, and when its kernel is fitted anew.

Everything here follows from the seed and the study alone, so that a search which is resumed goes on alike; what is kept
from one suggestion to the next only saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import non_dominated
from dite_search.algorithms.cost_aware.candidates import Point
from dite_search.algorithms.cost_aware.expected_improvement import best_scores
from dite_search.algorithms.cost_aware.history import Record, Seen
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
    """Posteriors of the accuracy for the states of one study; ``features`` turns a point into a vector (d,)."""

    def __init__(self, features: Callable[[Point], Array], seed: Sequence[int]) -> None:
        self._features, self._seed = features, list(seed)
        self._kernel = _Latest(self._fit)
        self._curves = _Latest(_curve_model)
        self._rows = _Latest(lambda trials: self._chosen(trials, _curve_model(trials), MAX_ROWS))

    def posterior(self, record: Record) -> Posterior:
        """What is known of the accuracy now; there must be complete trials."""
        finished = record.finished
        settled = len(finished) if len(finished) <= MAX_ROWS else len(finished) - len(finished) % BATCH
        rows = (*self._rows(finished[:settled]), *finished[settled:], *(seen for seen in record.pending if seen.curve))
        pending = [self._features(seen.point) for seen in record.pending[-MAX_PENDING:]]
        return Posterior(
            self._kernel(finished[: milestone(len(finished))]),
            self._observations(rows, self._curves(finished)),
            np.array(pending) if pending else None,
        )

    def _fit(self, first: Sequence[Seen]) -> Kernel:
        curves = _curve_model(first)
        return fit_kernel(self._observations(self._chosen(first, curves, KERNEL_ROWS), curves))

    def _chosen(self, trials: Sequence[Seen], curves: CurveModel, limit: int) -> Sequence[Seen]:
        """The trials to learn from: those nearest below the front, and some by chance."""
        if len(trials) <= limit:
            return trials
        known = [(seen, found) for seen in trials if (found := _final(seen, curves)) and seen.costs is not None]
        scores, costs = np.array([found.score for _, found in known]), np.array([seen.costs for seen, _ in known])
        final = np.array([found.variance == 0.0 for _, found in known])
        directions = ["maximize"] + ["minimize"] * costs.shape[1]
        front = non_dominated(np.column_stack([scores[final], costs[final]]), directions)
        best = best_scores(
            costs, front_scores=scores[final][front], front_costs=costs[final][front], floor=float(scores.min())
        )
        nearest = np.argsort(best - scores, kind="stable")[: round(NEAR_FRONT * limit)]
        chance = np.random.default_rng(self._seed).random(1 + max(seen.number for seen in trials))
        chance[[known[index][0].number for index in nearest]] = -1.0
        return sorted(trials, key=lambda seen: chance[seen.number])[:limit]

    def _observations(self, trials: Iterable[Seen], curves: CurveModel) -> Observations:
        """A point's final scores, copies of one training once; without one, what its longest curve foretells."""
        ordered = sorted(trials, key=lambda seen: seen.number)
        final = {(seen.key, seen.score): seen for seen in ordered if seen.score is not None}
        ended = {key for key, _ in final}
        longest = {
            seen.key: seen for seen in sorted(ordered, key=lambda seen: max(seen.curve, default=0)) if seen.key not in ended
        }
        known = [(seen, found) for seen in (*final.values(), *longest.values()) if (found := _final(seen, curves))]
        return Observations(
            features=np.array([self._features(seen.point) for seen, _ in known]),
            scores=np.array([found.score for _, found in known]),
            extra=np.array([found.variance for _, found in known]),
        )


class _Latest(Generic[T]):
    """A function of the first trials that have ended, computed anew only when their number changes."""

    def __init__(self, function: Callable[[Sequence[Seen]], T]) -> None:
        self._function = function
        self._known: tuple[int, T] | None = None

    def __call__(self, trials: Sequence[Seen]) -> T:
        if self._known is None or self._known[0] != len(trials):
            self._known = (len(trials), self._function(trials))
        return self._known[1]


def milestone(count: int) -> int:
    """The largest number up to ``count`` at which a kernel is fitted: all small ones, then `GROWTH` times the one before."""
    reached = following = min(count, 1)
    while following <= count and count:
        reached, following = following, max(following + 1, round(following * GROWTH))
    return reached


def _curve_model(trials: Sequence[Seen]) -> CurveModel:
    latest = trials[-MAX_CURVES:]
    complete = [(seen.curve, seen.score) for seen in latest if seen.score is not None]
    return CurveModel(complete, [seen.curve for seen in latest if seen.score is None])


def _final(seen: Seen, curves: CurveModel) -> Carried | None:
    """The final score of a trial, or what its curve lets expect."""
    if seen.score is not None:
        return Carried(score=seen.score, variance=0.0)
    if not seen.curve:
        return None
    epoch = max(seen.curve)
    return curves.carry(epoch, seen.curve[epoch])
