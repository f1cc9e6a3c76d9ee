"""`CostAwareSampler`: an Optuna sampler for an accuracy that has to be learned and costs that are known before a trial."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from dite_search.cost_aware.candidates import Candidates, Point
from dite_search.cost_aware.improvement import MAX_LEVELS
from dite_search.cost_aware.learner import Learner
from dite_search.cost_aware.pool import Pool, Pools, joined
from dite_search.cost_aware.record import Reading, Record
from dite_search.cost_aware.startup import most_different
from dite_search.cost_aware.surrogate import Curve
from dite_search.cost_aware.target import Target
from search_spaces.errors import InvalidInput, unknown_name

Array = NDArray[np.float64]

PROMISING = 8
"""Candidates whose neighbours are looked at as well."""
NEIGHBOURS = 2
"""Neighbours of each."""
SHORT_LIST = 16
"""Candidates that are compared once more when there are expensive features."""


class CostAwareSampler(BaseSampler):
    """Suggests the candidate from which the largest gain in hypervolume is to be expected.

    Only the accuracy is modelled (`surrogate`): the costs of a candidate are exact and free. The first ``startup_trials``
    are spread over costs and features; after them the candidates of a pool of ``pool_size`` are compared by their expected
    hypervolume improvement (`improvement`), with trials that are still running taken to end as predicted. A point that the
    study holds is not suggested again while there are others, nor ever one that is not allowed. Without costs among the
    objectives this is plain expected improvement.

    ``objectives`` names the study's values in their order, with ``directions`` (``maximize`` or ``minimize``); ``accuracy``
    is the one that is learned, and every other is a cost that the candidates know. ``curve`` gives a trial's accuracy at
    each epoch (default: its intermediate values) and ``epochs`` the length of a full training, so that trials that run or
    were pruned teach something too. ``repeatable`` tells which failed trials may be tried again (default: none).

    Suggestions follow from ``seed``, the study and the number of the trial: a search that is resumed goes on alike. One
    sampler serves one study at a time, from any number of threads.

    Raises:
        InvalidInput: the objectives do not hold the accuracy and costs to minimise, or a number is out of its range.
    """

    def __init__(
        self,
        candidates: Candidates,
        *,
        objectives: Sequence[str],
        directions: Sequence[str],
        accuracy: str,
        epochs: int | None = None,
        startup_trials: int = 10,
        pool_size: int = 2000,
        seed: int | None = None,
        curve: Callable[[FrozenTrial], Curve] | None = None,
        repeatable: Callable[[FrozenTrial], bool] | None = None,
        continues: bool = False,
    ) -> None:
        _check(objectives, directions, accuracy)
        for name, value in (("startup_trials", startup_trials), ("pool_size", pool_size)):
            if value < 2:
                raise InvalidInput(f"{name} must be at least 2, got {value}")
        self._candidates, self._startup, self._pool_size = candidates, startup_trials, pool_size
        self._reading = Reading(
            score=list(objectives).index(accuracy),
            sign=1.0 if directions[list(objectives).index(accuracy)] == "maximize" else -1.0,
            costs=tuple(name for name in objectives if name != accuracy),
            epochs=epochs,
            curve=curve or (lambda trial: trial.intermediate_values),
            repeatable=repeatable or (lambda trial: False),
            continues=continues,
        )
        self._seed = _entropy() if seed is None else seed
        self._lock = threading.Lock()
        self._forget()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters of the candidates are chosen together."""
        return dict(self._candidates.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point; values that were fixed when the trial was enqueued are kept."""
        with self._lock:
            if study.study_name != self._study:
                self._forget()
                self._study = study.study_name
            fixed = {name: v for name, v in trial.system_attrs.get("fixed_params", {}).items() if name in search_space}
            self._record.update(study.get_trials(deepcopy=False), own=trial.number, given=self._given)
            running = {seen.number for seen in self._record.pending}
            point = self._suggest(trial.number, fixed)
            self._given = {n: earlier for n, earlier in self._given.items() if n in running} | {trial.number: point}
            return dict(point)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that the candidates do not have: by chance."""
        seed = zlib.crc32(f"{self._seed} {trial.number} {param_name}".encode())
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Another seed, as Optuna asks for when it copies a sampler to several workers."""
        with self._lock:
            self._seed = _entropy()
            self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def _forget(self) -> None:
        """Begin anew with the study, under the present seed."""
        candidates = self._candidates
        self._study: str | None = None
        self._given: dict[int, Point] = {}
        self._record = Record(candidates, self._reading)
        self._pools = Pools(candidates, self._reading.costs, size=self._pool_size, seed=self._seed)
        self._learner = Learner(candidates.features, [self._seed, 5])
        self._second = Learner(self._all_features, [self._seed, 5])

    def _suggest(self, number: int, fixed: Mapping[str, Any]) -> Point:
        record = self._record
        pool = self._pools.draw(number, [(seen.key, seen.point) for seen in record.front], fixed)
        used = record.uses()
        fresh = pool.without(used)
        if not len(fresh):
            fresh = self._pools.rest(used, fixed)
        if not len(fresh):
            fresh = pool
        known = len(record.finished) + len(record.pending)
        if known < self._startup or record.complete < max(2, self._startup // 2):
            return self._spread(fresh, number)
        return self._best(fresh, number, fixed, used)

    def _spread(self, fresh: Pool, number: int) -> Point:
        """A point unlike those that were tried."""
        seen = [one for one in (*self._record.finished, *self._record.pending) if one.costs is not None]
        width = fresh.features.shape[1]
        place = most_different(
            fresh.features,
            fresh.costs,
            seen_features=np.array([self._candidates.features(one.point) for one in seen]).reshape(len(seen), width),
            seen_costs=np.array([one.costs for one in seen]).reshape(len(seen), fresh.costs.shape[1]),
            strata=self._startup,
            generator=np.random.default_rng([self._seed, 6, number]),
        )
        return fresh.points[place]

    def _best(self, fresh: Pool, number: int, fixed: Mapping[str, Any], used: set[str]) -> Point:
        """The point from which most is to be expected."""
        features, record = self._candidates.features, self._record
        posterior = self._learner.posterior(record)
        target = Target.of(record, posterior, features, fresh.costs)
        leading = fresh.subset(target.best(posterior, fresh.features, fresh.costs, SHORT_LIST))
        if not fixed and not self._pools.complete:
            near = self._pools.near(leading.points[:PROMISING], NEIGHBOURS, number).without(used)
            both = joined([leading, near])
            leading = both.subset(target.best(posterior, both.features, both.costs, SHORT_LIST))
        if not len(self._candidates.expensive(leading.points[0])):
            return leading.points[0]
        posterior = self._second.posterior(record)
        target = Target.of(record, posterior, self._all_features, fresh.costs)
        known = np.array([self._all_features(point) for point in leading.points])
        return leading.points[target.best(posterior, known, leading.costs, 1)[0]]

    def _all_features(self, point: Point) -> Array:
        return np.concatenate([self._candidates.features(point), self._candidates.expensive(point)])


def _check(objectives: Sequence[str], directions: Sequence[str], accuracy: str) -> None:
    """Refuse objectives that are not one accuracy and costs to minimise."""
    names = ", ".join(objectives) or "none"
    if len(directions) != len(objectives):
        raise InvalidInput(f"directions must be one for each of the objectives {names}, got {len(directions)}")
    for direction in directions:
        if direction not in ("maximize", "minimize"):
            raise unknown_name("direction", direction, ("maximize", "minimize"))
    if list(objectives).count(accuracy) != 1:
        raise InvalidInput(f"objectives must hold exactly one accuracy, {accuracy}, got {names}")
    for name, direction in zip(objectives, directions, strict=True):
        if name != accuracy and direction != "minimize":
            raise InvalidInput(f"objectives besides the accuracy {accuracy} must be costs to minimize, got {name} to {direction}")
    if len(objectives) - 1 > max(MAX_LEVELS):
        raise InvalidInput(f"objectives must hold at most {max(MAX_LEVELS)} costs, got {len(objectives) - 1}")


def _entropy() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
