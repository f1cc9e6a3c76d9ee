"""Replays of recorded tables: a search as in production, on a simulated clock, with nothing trained.

The searcher, its sampler and its gate, the scheduler and the study are those of a search. Ray's loop around them is
replaced, with its calls and their order kept. So are the training (its curve is looked up) and the time it takes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from analysis.pareto.front import Array, hypervolume, non_dominated
from analysis.study.trial_status import TrialStatus
from dite_search.config.problem import SearchProblem
from dite_search.config.search_config import SearchConfig
from dite_search.driver.budgeted_search import BudgetedSearch
from dite_search.driver.scheduler import BudgetScheduler, scheduler_of
from dite_search.driver.searcher import StudySearch
from dite_search.simulation.recorded_curves import Curve
from dite_search.simulation.replay_study import ReplayStorage, create_replay
from dite_search.simulation.replayed_training import ReplayedTraining, ReplayedTrial
from dite_search.simulation.table_search import TableSearch
from dite_search.simulation.tabular_benchmark import TabularBenchmark
from dite_search.spending.allowance import Allowance
from dite_search.storage.pause import Pause
from dite_search.study.attributes import ARCH_ID, REUSED
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import SIGNS
from search_spaces.space.candidate import CandidateCache
from search_spaces.space.network_space import Network


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A training that ended, the training number ``repeat`` of its network, and where the simulation stood then.

    Args:
        arch: The network.
        status: ``complete``, ``stopped`` (by the scheduler) or ``failed`` (by a rule of the searcher).
        epochs: The epochs that all trainings together had finished.
        seconds: The simulated time.
    """

    arch: Network
    repeat: int
    status: TrialStatus
    epochs: int
    seconds: float


class Simulation:
    """A search whose trainings are looked up, several side by side, each epoch taking the time of its curve.

    The search goes on until the searcher has nothing left or a limit is reached; ``trials`` of the search is no limit. Of
    events at the same time, the one that began first comes first. ``epochs``, ``seconds`` and ``trainings`` (those that have
    begun) say where the simulation stands.

    Args:
        config: The search.
        curve_of: Returns the curve of a network's training number ``repeat``. Its times are its ``seconds``, or its epochs
            where it has none.
        workers: The number of trainings side by side.
        storage: The storage of the study (`create_study`).
        allowed: Whether a network has a curve.
        candidates: The networks of the space that were built before.
        max_epochs: The epochs of all trainings; the simulation stops before an epoch that would pass them.
        max_trials: The number of trainings; the simulation stops when so many have begun and ended.
        allowance: The budget of the search, whose clock reads ``seconds``; ``max_trials`` then counts networks.
        pause: Ends the search early.
    """

    def __init__(
        self,
        config: SearchProblem,
        curve_of: Callable[[Any, int], Curve],
        *,
        workers: int,
        storage: BaseStorage,
        allowed: Callable[[Any], bool] | None = None,
        candidates: CandidateCache | None = None,
        max_epochs: int | None = None,
        max_trials: int | None = None,
        allowance: Allowance | None = None,
        pause: Pause | None = None,
    ) -> None:
        own = config.candidates() if isinstance(config, TableSearch) else None
        # Any: it is handed stand-ins for Ray's controller and trials.
        self.scheduler: Any = scheduler_of(config) or FIFOScheduler()  # type: ignore[no-untyped-call]
        options: dict[str, Any] = {"storage": storage, "allowed": allowed, "candidates": candidates, "sampled_from": own}
        self._allowance = allowance
        if allowance is None:
            self.searcher = StudySearch(config, pause=pause, **options)
        else:
            self.searcher = BudgetedSearch(config, allowance=allowance, asked=max_trials, pause=pause, **options)
            self.scheduler = BudgetScheduler(self.scheduler, allowance)
        self._config, self._curve_of, self._workers = config, curve_of, workers
        self._max_epochs, self._max_trials = max_epochs, max_trials
        self._running: list[tuple[float, int, ReplayedTraining]] = []
        self._exhausted = False
        self.epochs, self.seconds, self.trainings = 0, 0.0, 0

    def run(self) -> Iterator[Ended]:
        """Each training as it ends."""
        self._start()
        while self._running:
            self.seconds, order, training = heapq.heappop(self._running)
            self.epochs += training.span
            if self._max_epochs is not None and self.epochs > self._max_epochs:
                self.epochs -= training.span
                return
            status = self._report(training)
            if status is None:
                heapq.heappush(self._running, (training.due, order, training))
                continue
            repeat = training.trial.config["repeat"]
            yield Ended(arch=training.arch, repeat=repeat, status=status, epochs=self.epochs, seconds=self.seconds)
            self._start()

    def _start(self) -> None:
        """Give every idle worker a training, as far as there are any."""
        spent = self._has_begun_all or self.epochs == self._max_epochs
        while not spent and not self._exhausted and len(self._running) < self._workers:
            trial_id = f"{self.trainings:08d}"
            suggestion = self.searcher.suggest(trial_id)
            if not isinstance(suggestion, dict):
                self._exhausted = suggestion == Searcher.FINISHED
                return
            arch = suggestion["arch"]
            curve = self._curve_of(arch, suggestion["repeat"])
            trial = ReplayedTrial(trial_id=trial_id, config=suggestion)
            training = ReplayedTraining(trial=trial, arch=arch, curve=curve, began=self.seconds)
            if suggestion["continues"]:
                training.skip(suggestion["continues"]["epoch"])
            self.scheduler.on_trial_add(None, trial)
            heapq.heappush(self._running, (training.due, self.trainings, training))
            if self._allowance:
                self._allowance.start(trial_id)
            self.trainings += 1
            spent = self._has_begun_all

    @property
    def _has_begun_all(self) -> bool:
        """Whether as many trainings have begun as may; under a budget the searcher counts them."""
        return self._allowance is None and self.trainings == self._max_trials

    def _report(self, training: ReplayedTraining) -> TrialStatus | None:
        """Tell what the next epoch brought, in the order of Ray's controller; what became of the training if it ended."""
        trial, result = training.trial, training.advance()
        decision = self.scheduler.on_trial_result(None, trial, result)
        assert decision in (TrialScheduler.CONTINUE, TrialScheduler.STOP), f"a replay cannot {decision} a trial"
        stops = decision == TrialScheduler.STOP
        if not stops:
            self.searcher.on_trial_result(trial.trial_id, result)
        trial.last_result = result
        if not stops and training.goes_on:
            return None
        self.scheduler.on_trial_complete(None, trial, result)
        self.searcher.on_trial_complete(trial.trial_id, result)
        trial.status = "TERMINATED"
        return self.searcher.ending_of(trial.trial_id)


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """The result of a replay, and its expense.

    The arrays (n,) have an entry for the start and one for each training that ended.

    Args:
        epochs: The epochs that all trainings together had finished by then.
        seconds: The simulated time, or epochs where no times were recorded.
        fractions: The part of the hypervolume that the table holds within the budget, reached by complete trainings alone.
        spent: Every finished epoch, those of running trainings too.
        trials: The number of trainings by status, with those that were running at the end.
        reused: The number of suggestions that were not trained, because they had been.
        over_budget: The number of suggestions that were not trained, because they were over the budget.
    """

    epochs: NDArray[np.int64]
    seconds: Array
    fractions: Array
    spent: int
    trials: Mapping[TrialStatus, int]
    reused: int
    over_budget: int

    def epochs_to(self, fraction: float) -> int | None:
        """Epochs spent until a fraction (0 to 1) of the hypervolume was reached; None where it never was."""
        reached = np.flatnonzero(self.fractions >= fraction)
        return int(self.epochs[reached[0]]) if len(reached) else None


def replayed_config(table: TabularBenchmark, changes: Mapping[str, Any]) -> SearchConfig | TableSearch:
    """The table's own search with some fields replaced; of a section, only what is given of it.

    Raises:
        InvalidInput: a field is unknown or its value is not allowed.
    """
    return table.config.replaced(changes, f"table {table.name}")


def simulation_on(
    table: TabularBenchmark, config: SearchConfig | TableSearch, storage: ReplayStorage, **options: Any
) -> Simulation:
    """Return the simulation of a search over the networks and curves of a table; ``options`` are those of `Simulation`."""
    return Simulation(
        config,
        lambda arch, repeat: table.curve(arch.arch_id, repeat),
        storage=storage,
        allowed=table.__contains__,
        candidates=table.candidates if config.search_space == table.candidates.space else None,
        **options,
    )


def replay(
    table: TabularBenchmark,
    config: SearchConfig | TableSearch,
    *,
    workers: int,
    max_epochs: int | None = None,
    max_trials: int | None = None,
    target: float | None = None,
    seed: int,
) -> ReplayResult:
    """Run a search over a table, in place of every training the one that was recorded, until `Simulation` ends.

    ``target`` is a fraction of the hypervolume to stop at. ``seed`` takes the place of the search's; the first seed of a
    network in the table is the first one of the search.

    Raises:
        InvalidInput: a number is out of its range, no network of the table is within the budget, or nothing would end the
            replay.
    """
    _check(config, workers=workers, max_epochs=max_epochs, max_trials=max_trials, target=target)
    config = config.replaced({"seed": seed}, f"table {table.name}")
    coverage, storage = _Coverage(table, config), ReplayStorage()
    known = create_replay(config, storage)
    coverage.add(*(trial.user_attrs[ARCH_ID] for trial in known if trial.state is TrialState.COMPLETE))
    simulation = simulation_on(table, config, storage, workers=workers, max_epochs=max_epochs, max_trials=max_trials)
    progress: list[tuple[int, float, float]] = [(0, 0.0, coverage.fraction)]
    trials: Counter[TrialStatus] = Counter()
    for ended in simulation.run():
        trials[ended.status] += 1
        if ended.status is TrialStatus.COMPLETE:
            coverage.add(ended.arch.arch_id)
        progress.append((ended.epochs, ended.seconds, coverage.fraction))
        if target is not None and coverage.fraction >= target:
            break
    study = optuna.load_study(study_name=config.name, storage=storage).get_trials(deepcopy=False)
    epochs, seconds, fractions = zip(*progress, strict=True)
    return ReplayResult(
        epochs=np.array(epochs, np.int64),
        seconds=np.array(seconds, np.float64),
        fractions=np.array(fractions, np.float64),
        spent=simulation.epochs,
        trials={
            **{status: trials[status] for status in (TrialStatus.COMPLETE, TrialStatus.STOPPED, TrialStatus.FAILED)},
            TrialStatus.RUNNING: simulation.trainings - trials.total(),
        },
        reused=sum(REUSED in trial.user_attrs for trial in study),
        over_budget=sum(any(excess > 0 for excess in trial.constraints.values()) for trial in study),
    )


class _Coverage:
    """Which fraction of the hypervolume within the budget the networks seen so far have."""

    def __init__(self, table: TabularBenchmark, config: SearchProblem) -> None:
        self._table, self._signs = table, np.array([SIGNS[side] for side in table.directions])
        within = [arch_id for arch_id in table.points if config.network_budget.allows(table.finals[arch_id])]
        if not within:
            limits = " and ".join(map(str, config.network_budget.constraints))
            raise InvalidInput(f"budget {limits} must be met by a network of table {table.name}, but none meets it")
        self._whole = self._volume(table.matrix(within))
        self._within, self._seen = frozenset(within), set[str]()
        self._front = table.matrix(())
        self.fraction = 0.0

    def add(self, *networks: str) -> None:
        """Take in complete networks by ``arch_id``; those that are not in the table, or over the budget, add nothing."""
        new = [arch_id for arch_id in dict.fromkeys(networks) if arch_id in self._within and arch_id not in self._seen]
        if not new:
            return
        self._seen.update(new)
        known, signs = self._front, self._signs
        rows = np.vstack([known, self._table.matrix(new)])
        if len(new) == 1 and len(known) and (known * signs <= rows[-1] * signs).all(axis=1).any():
            return
        # What the front dominates adds nothing, and most networks are dominated.
        self._front = rows[non_dominated(rows, self._table.directions)]
        self.fraction = self._volume(self._front) / self._whole

    def _volume(self, values: Array) -> float:
        return hypervolume(values, self._table.reference, self._table.directions)


def _check(
    config: SearchProblem, *, workers: int, max_epochs: int | None, max_trials: int | None, target: float | None
) -> None:
    for name, number in (("workers", workers), ("max_epochs", max_epochs), ("max_trials", max_trials)):
        if number is not None and number < 1:
            raise InvalidInput(f"{name} must be at least 1, got {number}")
    if target is not None and not 0 < target <= 1:
        raise InvalidInput(f"target must be a fraction above 0 and at most 1, got {target}")
    if not config.reuse and max_epochs is None and max_trials is None:
        raise InvalidInput("max_epochs or max_trials must be given where reuse is false, which never runs out of networks")
