"""Syne Tune's multi-objective ASHA as a competitor: its own suggestions and decisions, on this project's simulated clock.

Syne Tune's tuner calls its scheduler in the order kept here. All objectives are minimised there, so the accuracy is handed
on as an error, 1 - accuracy; the costs come as they are.

In version 0.16 the default priority is not what its documentation says. ``nondominated_sort`` returns the items in their
order, best first, where the rung expects the place of each item. A new trial is then judged by the *number* of the trial
that is last in the order, whatever it scored itself. `AsReleased` keeps that, and `AsDocumented` gives every trial its
place. Both only compute what the decision about the newest trial reads. The original sorts all trials of a rung anew for
each, which takes hours over a long search. ``tests/benchmarks`` compares them with the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.tune.schedulers import FIFOScheduler
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, loguniform, uniform
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import MOPriority, NonDominatedPriority
from syne_tune.optimizer.schedulers.multiobjective.non_dominated_priority import compute_epsilon_net

from analysis.study.trial_status import TrialStatus
from benchmarks.search_cost.competitors import MoashaSettings
from dite_search.algorithms.dominance_ranks import insert_rank
from dite_search.simulation.tabular_benchmark import TabularBenchmark
from dite_search.study.attributes import EPOCH_KEY
from search_spaces.common.objectives import MAXIMIZE
from search_spaces.families.parameter import Parameter, Range
from search_spaces.space.candidate import candidate_of

EPOCH_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
"""When every trial was created: Syne Tune asks, and MOASHA does not look."""
FIRST_OBJECTIVE = 0
"""The objective whose best trial comes first on a front: Syne Tune's default."""


class Moasha:
    """MOASHA in the place of a replay's searcher and scheduler."""

    def __init__(self, table: TabularBenchmark, settings: MoashaSettings, *, seed: int) -> None:
        # Its suggestions and brackets come from numpy's global generator.
        np.random.seed(seed)
        self._space, self._objectives, self._seed = table.config.search_space, table.config.objectives, table.config.seed
        self._table = table
        self._epochs = table.config.train_config.epochs
        self._moasha = MOASHA(
            {name: _domain(parameter) for name, parameter in self._space.parameters.items()},
            metrics=list(self._objectives),
            time_attr=EPOCH_KEY,
            multiobjective_priority=AsDocumented() if settings.documented else AsReleased(),
            max_t=self._epochs,
            grace_period=settings.grace_period,
            reduction_factor=settings.reduction_factor,
            brackets=settings.brackets,
            random_seed=seed,
        )
        self._trials: dict[str, Trial] = {}
        self._costs: dict[str, dict[str, float]] = {}
        self._stopped: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """The next point, as `dite_search.driver.searcher.StudySearch.suggest`; one that was not recorded is drawn again."""
        while True:
            point = self._moasha.suggest().config
            candidate = candidate_of(self._space, point)
            if candidate.arch in self._table:
                break
        trial = Trial(trial_id=len(self._trials), config=point, creation_time=EPOCH_ZERO)
        self._trials[trial_id], self._costs[trial_id] = trial, candidate.cost.objectives
        self._moasha.on_trial_add(trial)
        carried = {"arch": candidate.arch, "costs": candidate.cost.objectives, "key": candidate.key}
        return {"number": trial.trial_id, "point": point, **carried, "seed": self._seed, "repeat": 0, "continues": None}

    def decide(self, trial_id: str, result: Mapping[str, Any]) -> str:
        """Ray Tune's word for what MOASHA says to a result; a trial at its last epoch has ended anyway."""
        figures = {**result, **self._costs[trial_id]}
        minimised = {
            name: 1 - figures[name] if side == MAXIMIZE else figures[name]
            for name, side in zip(self._objectives, self._table.directions, strict=True)
        }
        epoch = int(result[EPOCH_KEY])
        decision = self._moasha.on_trial_result(self._trials[trial_id], {EPOCH_KEY: epoch, **minimised})
        if decision != SchedulerDecision.STOP:
            return str(FIFOScheduler.CONTINUE)
        self._moasha.on_trial_remove(self._trials[trial_id])
        if epoch < self._epochs:
            self._stopped.add(trial_id)
        return str(FIFOScheduler.STOP)

    def ending_of(self, trial_id: str) -> TrialStatus:
        """Return what became of a trial, as `dite_search.driver.searcher.StudySearch.ending_of`."""
        return TrialStatus.STOPPED if trial_id in self._stopped else TrialStatus.COMPLETE

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: the scheduler's half has told MOASHA."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing, as Syne Tune's tuner says nothing more of a trial that was told to stop."""


class MoashaScheduler(FIFOScheduler):
    """The scheduler's half of `Moasha`."""

    def __init__(self, moasha: Moasha) -> None:
        super().__init__()
        self._moasha = moasha

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return self._moasha.decide(trial.trial_id, result)


class AsReleased(NonDominatedPriority):
    """The decisions of `NonDominatedPriority`, computed from the worst front alone.

    Its figures are the numbers of all trials in their order. A decision reads how many are below the last of them, the
    number of a trial of the worst front. Here that number comes last, and all others before it in any order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ranks = _Ranks()

    def priority_unsafe(self, objectives: NDArray[np.float64]) -> NDArray[np.int64]:
        ranks = self._ranks(objectives)
        worst = np.flatnonzero(ranks == ranks.max())
        return _permutation_ending_with(int(worst[_place_of_last(objectives[worst])]), len(objectives))


class AsDocumented(MOPriority):
    """Non-dominated sorting, an epsilon-net within each front (Salinas et al. 2021): the newest trial's place comes last."""

    def __init__(self) -> None:
        super().__init__()
        self._ranks = _Ranks()

    def priority_unsafe(self, objectives: NDArray[np.float64]) -> NDArray[np.int64]:
        ranks = self._ranks(objectives)
        place = _place_of_last(objectives[ranks == ranks[-1]])
        return _permutation_ending_with(int((ranks < ranks[-1]).sum()) + place, len(objectives))


def _domain(parameter: Parameter) -> Any:
    """Return a parameter as Syne Tune sees it."""
    if isinstance(parameter, Range):
        return (loguniform if parameter.log else uniform)(parameter.low, parameter.high)
    return choice(list(parameter.values))


def _place_of_last(front: NDArray[np.float64]) -> int:
    """The place of the last row of a front in its epsilon-net, in which copies of a row come after all others."""
    first = np.sort(np.unique(front, axis=0, return_index=True)[1])
    if first[-1] < len(front) - 1:
        return len(front) - 1
    # What the function calls an order is the place of each item in it.
    return int(compute_epsilon_net(front[first], dim=FIRST_OBJECTIVE)[-1])


class _Ranks:
    """The front of every row, 0 for what nothing dominates: (n, m) to (n,), all minimised.

    A rung asks again each time that it has one row more, so what is known of the rows before is kept.
    """

    def __init__(self) -> None:
        self._known: list[tuple[NDArray[np.float64], NDArray[np.int32]]] = []

    def __call__(self, objectives: NDArray[np.float64]) -> NDArray[np.int32]:
        count = len(objectives)
        place = next(
            (place for place, (rows, _) in enumerate(self._known) if np.array_equal(rows, objectives[:-1])), len(self._known)
        )
        ranks = self._known[place][1] if place < len(self._known) else np.zeros(0, np.int32)
        for index in range(len(ranks), count):
            # Ranks of earlier rows change in place.
            rank = insert_rank(objectives[:index], ranks, objectives[index])
            ranks = np.append(ranks, np.int32(rank))
        self._known[place : place + 1] = [(objectives.copy(), ranks)]
        return ranks.copy()


def _permutation_ending_with(value: int, count: int) -> NDArray[np.int64]:
    return np.append(np.delete(np.arange(count), value), value)
