"""The next candidate of one study, from what the study holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dite_search.algorithms.cost_aware.acquisition import Price, Target
from dite_search.algorithms.cost_aware.candidate_pool import Pool, Pools, joined
from dite_search.algorithms.cost_aware.candidates import Candidates, Point
from dite_search.algorithms.cost_aware.gated_prior import GateState, fit_gated_kernel
from dite_search.algorithms.cost_aware.history import HistorySchema, Trial, TrialHistory
from dite_search.algorithms.cost_aware.initial_design import most_different
from dite_search.algorithms.cost_aware.surrogate import fit_kernel
from dite_search.algorithms.cost_aware.surrogate_data import Learner

Array = NDArray[np.float64]
Prior = Callable[[Sequence[Point]], Sequence[float] | Array]
"""Points to a figure for each that may foretell its accuracy; larger is better."""

SHORT_LIST = 16
"""Candidates that are looked at closely: compared once more where there are expensive features."""
PROMISING_CANDIDATES = 8
"""Candidates whose neighbours are looked at as well …"""
NEIGHBOURS = 2
"""… so many of each."""


class Suggester:
    """Suggests candidates for one study under one seed; see `CostAwareSampler`."""

    def __init__(
        self,
        candidates: Candidates,
        schema: HistorySchema,
        *,
        startup_trials: int,
        pool_size: int,
        seed: int,
        price: Price,
        prior: Prior | None = None,
        told: Callable[[GateState], None] = lambda state: None,
    ) -> None:
        self._prior, self._foretold = prior, dict[str, float]()
        self._candidates, self._startup_trials, self._seed = candidates, startup_trials, seed
        self._price = price
        self._history = TrialHistory(candidates, schema)
        self._pools = Pools(candidates, schema, size=pool_size, seed=seed)
        fit = fit_kernel if prior is None else partial(fit_gated_kernel, told=told)
        self._learner = Learner(self._features, [seed, 5], fit)
        # The gate of the first says enough.
        self._second = Learner(self._all_features, [seed, 5], fit_kernel if prior is None else fit_gated_kernel)
        self._given: dict[int, Point] = {}

    def suggest(self, trials: Sequence[Trial], number: int, fixed: Mapping[str, Any]) -> Point:
        """The point for the trial of this number, with some values ``fixed``, after the ``trials`` of the study."""
        self._history.update(trials, own=number, given=self._given)
        running = {seen.number for seen in self._history.pending}
        point = self._next(number, fixed)
        # Until it is run, a trial shows none of the parameters that were suggested for it.
        self._given = {n: earlier for n, earlier in self._given.items() if n in running} | {number: point}
        return point

    def _next(self, number: int, fixed: Mapping[str, Any]) -> Point:
        record = self._history
        pool = self._pools.draw(number, [(seen.key, seen.point) for seen in record.front], fixed)
        used = record.uses()
        fresh = pool.without(used)
        if not len(fresh):
            fresh = self._pools.rest(used, fixed)
        if not len(fresh):
            fresh = pool
        known = len(record.finished) + len(record.pending)
        if known < self._startup_trials or record.complete < max(2, self._startup_trials // 2):
            return self._spread(fresh, number)
        return self._best(fresh, number, fixed, used)

    def _spread(self, fresh: Pool, number: int) -> Point:
        """A point unlike those that were tried."""
        seen = [one for one in (*self._history.finished, *self._history.pending) if one.costs is not None]
        width = fresh.features.shape[1]
        place = most_different(
            fresh.features,
            fresh.costs,
            seen_features=np.array([self._candidates.features(one.point) for one in seen]).reshape(len(seen), width),
            seen_costs=np.array([one.costs for one in seen]).reshape(len(seen), fresh.costs.shape[1]),
            strata=self._startup_trials,
            generator=np.random.default_rng([self._seed, 6, number]),
        )
        return fresh.points[place]

    def _best(self, fresh: Pool, number: int, fixed: Mapping[str, Any], used: set[str]) -> Point:
        """The point from which most is to be expected."""
        features, record = self._features, self._history
        posterior = self._learner.posterior(record)
        target = Target.of(record, posterior, features, fresh.costs, self._price)
        leading = fresh.subset(target.best(posterior, self._of_pool(fresh), fresh.costs, SHORT_LIST))
        if not fixed and not self._pools.complete:
            near = self._pools.near(leading.points[:PROMISING_CANDIDATES], NEIGHBOURS, number).without(used)
            both = joined([leading, near])
            leading = both.subset(target.best(posterior, self._of_pool(both), both.costs, SHORT_LIST))
        if not len(self._candidates.expensive(leading.points[0])):
            return leading.points[0]
        posterior = self._second.posterior(record)
        target = Target.of(record, posterior, self._all_features, fresh.costs, self._price)
        known = np.array([self._all_features(point) for point in leading.points])
        return leading.points[int(target.best(posterior, known, leading.costs, 1)[0])]

    def _features(self, point: Point) -> Array:
        """The features of a point, with its forecast as the last where there is a prior."""
        return np.concatenate([self._candidates.features(point), self._forecasts([self._candidates.key(point)], [point])[0]])

    def _all_features(self, point: Point) -> Array:
        forecast = self._forecasts([self._candidates.key(point)], [point])[0]
        return np.concatenate([self._candidates.features(point), self._candidates.expensive(point), forecast])

    def _of_pool(self, pool: Pool) -> Array:
        """The features of a pool, with forecasts as the last column where there is a prior."""
        return pool.features if self._prior is None else np.hstack([pool.features, self._forecasts(pool.keys, pool.points)])

    def _forecasts(self, keys: Sequence[str], points: Sequence[Point]) -> Array:
        """The forecast of each point (n, 1); without a prior (n, 0)."""
        if self._prior is None:
            return np.empty((len(points), 0))
        new = {key: point for key, point in zip(keys, points, strict=True) if key not in self._foretold}
        if new:
            self._foretold |= dict(zip(new, np.asarray(self._prior(list(new.values())), np.float64).tolist(), strict=True))
        return np.array([self._foretold[key] for key in keys])[:, None]
