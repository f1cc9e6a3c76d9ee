"""The next candidate of one study, from what the study holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dite_search.algorithms.cost_aware.acquisition import Price, Target
from dite_search.algorithms.cost_aware.candidate_pool import Pool, Pools, joined
from dite_search.algorithms.cost_aware.candidates import Candidates, Point
from dite_search.algorithms.cost_aware.history import HistorySchema, Trial, TrialHistory
from dite_search.algorithms.cost_aware.initial_design import most_different
from dite_search.algorithms.cost_aware.surrogate_data import Learner

Array = NDArray[np.float64]

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
    ) -> None:
        self._candidates, self._startup_trials, self._seed = candidates, startup_trials, seed
        self._price = price
        self._history = TrialHistory(candidates, schema)
        self._pools = Pools(candidates, schema.costs, size=pool_size, seed=seed)
        self._learner = Learner(candidates.features, [seed, 5])
        self._second = Learner(self._all_features, [seed, 5])
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
        features, record = self._candidates.features, self._history
        posterior = self._learner.posterior(record)
        target = Target.of(record, posterior, features, fresh.costs, self._price)
        leading = fresh.subset(target.best(posterior, fresh.features, fresh.costs, SHORT_LIST))
        if not fixed and not self._pools.complete:
            near = self._pools.near(leading.points[:PROMISING_CANDIDATES], NEIGHBOURS, number).without(used)
            both = joined([leading, near])
            leading = both.subset(target.best(posterior, both.features, both.costs, SHORT_LIST))
        if not len(self._candidates.expensive(leading.points[0])):
            return leading.points[0]
        posterior = self._second.posterior(record)
        target = Target.of(record, posterior, self._all_features, fresh.costs, self._price)
        known = np.array([self._all_features(point) for point in leading.points])
        return leading.points[int(target.best(posterior, known, leading.costs, 1)[0])]

    def _all_features(self, point: Point) -> Array:
        return np.concatenate([self._candidates.features(point), self._candidates.expensive(point)])
