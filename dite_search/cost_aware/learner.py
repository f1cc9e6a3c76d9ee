"""Which trials the model of the accuracy learns from, and when its kernel is fitted anew.

Everything here follows from the seed and the study alone, so that a search which is resumed goes on alike; what is kept
from one suggestion to the next only saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto import non_dominated
from dite_search.cost_aware.candidates import Point
from dite_search.cost_aware.improvement import best_scores
from dite_search.cost_aware.record import Record, Seen
from dite_search.cost_aware.surrogate import Carried, CurveModel, Kernel, Observations, Posterior, fit_kernel

Array = NDArray[np.float64]

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


@dataclass(frozen=True)
class _Kept:
    """What was computed of the first ``count`` finished trials."""

    count: int
    kernel: Kernel | None = None
    curves: CurveModel | None = None
    rows: tuple[Seen, ...] = ()


class Learner:
    """Posteriors of the accuracy for the states of one study; ``features`` turns a point into a vector (d,)."""

    def __init__(self, features: Callable[[Point], Array], seed: Sequence[int]) -> None:
        self._features, self._seed = features, list(seed)
        self._kernel, self._curves, self._rows = _Kept(0), _Kept(0), _Kept(0)

    def posterior(self, record: Record) -> Posterior:
        """What is known of the accuracy now; there must be complete trials."""
        finished = record.finished
        kernel = self._kernel_of(finished[: milestone(len(finished))])
        curves = self._curves_of(finished)
        settled = len(finished) if len(finished) <= MAX_ROWS else len(finished) - len(finished) % BATCH
        rows = (*self._rows_of(finished[:settled]), *finished[settled:], *(seen for seen in record.pending if seen.curve))
        pending = [self._features(seen.point) for seen in record.pending[-MAX_PENDING:]]
        return Posterior(kernel, self._observations(rows, curves), np.array(pending) if pending else None)

    def _kernel_of(self, first: list[Seen]) -> Kernel:
        if self._kernel.kernel is None or self._kernel.count != len(first):
            curves = _curve_model(first)
            data = self._observations(self._chosen(first, curves, KERNEL_ROWS), curves)
            self._kernel = _Kept(len(first), kernel=fit_kernel(data))
        assert self._kernel.kernel is not None
        return self._kernel.kernel

    def _curves_of(self, finished: list[Seen]) -> CurveModel:
        if self._curves.curves is None or self._curves.count != len(finished):
            self._curves = _Kept(len(finished), curves=_curve_model(finished))
        assert self._curves.curves is not None
        return self._curves.curves

    def _rows_of(self, settled: list[Seen]) -> tuple[Seen, ...]:
        if self._rows.count != len(settled):
            self._rows = _Kept(len(settled), rows=tuple(self._chosen(settled, _curve_model(settled), MAX_ROWS)))
        return self._rows.rows

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
        """Equal scores of one point are copies of one training, and count once."""
        found = {
            (seen.key, final.score): (self._features(seen.point), final)
            for seen in sorted(trials, key=lambda seen: seen.number)
            if (final := _final(seen, curves))
        }
        return Observations(
            features=np.array([features for features, _ in found.values()]),
            scores=np.array([final.score for _, final in found.values()]),
            extra=np.array([final.variance for _, final in found.values()]),
        )


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
