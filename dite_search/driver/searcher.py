"""Ray Tune's search algorithm: asks Optuna for the next trial, and tells it what became of each."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from dite_search.algorithms.admission import Decision, Stopped, gate_of
from dite_search.algorithms.cost_aware.candidates import Candidates, distributions_of
from dite_search.algorithms.samplers import sampler_of
from dite_search.config.problem import SearchProblem
from dite_search.config.search_config import SearchConfig
from dite_search.storage.outbox import Outbox
from dite_search.storage.pause import Pause
from dite_search.study.attributes import (
    ARCH,
    ARCH_ID,
    CONTINUES,
    EPOCH_KEY,
    INTERRUPTED,
    METRICS,
    ORIGIN,
    OUTAGE,
    REASON,
    REUSED,
    SECONDS,
    SEED,
    STARTED,
    UNDECIDED,
    UNEXPLAINED,
    WHERE,
)
from dite_search.study.study import DATABASE_AWAY, curve_of, epoch_name, is_blameless, reopen, storage_of
from search_spaces.common.objectives import MAXIMIZE, MEASURED, named
from trainers.training.loop import LOOP_FIGURES

MAX_REPLACED = 10
"""Suggestions in a row that are not trained, after which a point that is drawn at random takes their place."""


class StudySearch(OptunaSearch):
    """Optuna over a search space with several objectives, every trial recorded in the study as it goes.

    A suggestion is only trained when it has to be: one that breaks a rule of the space is told as failed, one over the
    budget as pruned and infeasible, and one that was trained before as what became of it then, all at no cost, and the
    next one takes its place. A trial that ends without a finite value of every objective is told as failed with its
    reason, never as a score, and one that was stopped before its last epoch as pruned. Since the study holds everything,
    Tune's own snapshots of the searcher stay empty.

    A database that does not answer stops no training: what is to be written waits, in order, and nothing new is suggested
    until it is written. A search that is killed meanwhile loses nothing either, as every training that goes on from its
    checkpoint reports its whole curve again. Where ``pause`` is asked for, nothing more is suggested, and what was stopped
    for it stays a running trial of the study.

    ``storage`` takes the place of the search's own, ``allowed`` narrows the space, and ``candidates`` are compared in place
    of the space's (all for replays); ``note`` is given a sentence when the database goes and when it comes back, and
    ``clock`` gives seconds.
    """

    def __init__(
        self,
        config: SearchProblem,
        *,
        storage: BaseStorage | None = None,
        allowed: Callable[[Any], bool] | None = None,
        candidates: Candidates | None = None,
        pause: Pause | None = None,
        note: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        gate = gate_of(config, allowed=allowed)
        if storage is None:
            assert isinstance(config, SearchConfig), "only a search file names a database"
            storage = storage_of(config)
        super().__init__(
            space=distributions_of(config.search_space),
            metric=list(config.objectives),
            mode=["max" if side == MAXIMIZE else "min" for side in config.directions],
            sampler=sampler_of(config, gate, candidates),
            storage=storage,
            study_name=config.name,
        )
        self._config, self._gate = config, gate
        self._generator = np.random.default_rng([config.seed, 1])
        self._followers: dict[int, list[optuna.Trial]] = {}
        # By number: the epochs that a trial took over, the metrics recorded last, the first epoch about which the scheduler
        # was not asked, and where the trial runs. A trial copies all its attributes to show one.
        self._taken_over: dict[int, int] = {}
        self._recorded: dict[int, dict[str, float]] = {}
        self._undecided: dict[int, int] = {}
        self._where: dict[int, Any] = {}
        self._pause = pause or Pause()
        self.outbox = Outbox("the study's database", DATABASE_AWAY, note=note, may_write=self._may_write, clock=clock)
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            self._remember(trial)
        if config.repeats > 1:
            self._enqueue_lost_repeats(trials)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its searcher with the experiment, and the study is the record of this one."""
        return {}

    @property
    def _study(self) -> optuna.Study:
        assert self._ot_study is not None, "the study is opened when the search is constructed"
        return self._ot_study

    def _may_write(self) -> bool:
        """Whether the study is known to be this driver's."""
        return not (self._pause.doubtful or self._pause.superseded)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next point to train, as ``{"number", "point", "seed", "repeat", "continues"}``; FINISHED when none is left.

        None where the database does not answer: Tune asks again.
        """
        if self._pause.asked:
            finished: str = Searcher.FINISHED
            return finished
        if not self.outbox.flush():
            return None
        try:
            return self._suggest(trial_id)
        except DATABASE_AWAY as error:
            self.outbox.failed(error)
            self._ot_trials.pop(trial_id, None)
            self.outbox.later(self._give_back)
            return None

    def _suggest(self, trial_id: str) -> dict[str, Any] | str:
        for attempt in itertools.count():
            if attempt == MAX_REPLACED:
                fresh = self._gate.fresh(self._generator)
                if fresh is None:
                    finished: str = Searcher.FINISHED
                    return finished
                self._study.enqueue_trial(fresh)
            super().suggest(trial_id)
            trial = self._ot_trials[trial_id]
            verdict = self._gate.judge(trial.params, continuing=CONTINUES in trial.user_attrs)
            if verdict.outcome == "train":
                return self._begin(trial, verdict)
            del self._ot_trials[trial_id]
            self._replace(trial, verdict)
        raise AssertionError("the loop ends with a point to train or with none left")

    def _begin(self, trial: optuna.Trial, verdict: Decision) -> dict[str, Any]:
        assert verdict.arch is not None
        earlier = trial.user_attrs
        seed = earlier.get(SEED, verdict.seed)
        stopped = verdict.continues
        trial.set_user_attr(STARTED, time.time() - earlier.get(SECONDS, 0.0))
        if stopped and CONTINUES not in earlier:
            self._take_over(trial, stopped)
        if ARCH not in earlier:
            trial.set_user_attr(ARCH_ID, verdict.arch.arch_id)
            trial.set_user_attr(SEED, seed)
            trial.set_user_attr(ARCH, verdict.arch.to_dict())
        # A constraint can be set once: that of the latency waits for its measurement.
        _set_constraints(
            trial, {name: value for name, value in verdict.excess.items() if name not in named(source=MEASURED)}
        )
        suggestion = {
            "number": trial.number,
            "point": dict(trial.params),
            "seed": seed,
            "repeat": seed - self._config.seed,
            "continues": trial.user_attrs.get(CONTINUES),
        }
        continued = suggestion["continues"]
        self._taken_over[trial.number] = continued["epoch"] if continued else 0
        if UNDECIDED in earlier:
            self._undecided[trial.number] = earlier[UNDECIDED]
        # Last, as it cannot fail: where the database goes away before, the trial has not begun.
        self._gate.begin(verdict.key, trial.number, seed)
        return suggestion

    def _give_back(self) -> None:
        """A trial that could not begin is suggested again, under its number."""
        followers = itertools.chain.from_iterable(self._followers.values())
        known = {trial.number for trial in (*self._ot_trials.values(), *followers)}
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if frozen.number not in known:
                reopen(self._study, frozen)

    def _take_over(self, trial: optuna.Trial, stopped: Stopped) -> None:
        """Give a trial the curve of the one that it continues."""
        for metrics in curve_of(self._study.get_trials(deepcopy=False)[stopped.last]):
            trial.set_user_attr(epoch_name(metrics[EPOCH_KEY]), metrics)
        trial.set_user_attr(CONTINUES, {"first": stopped.first, "last": stopped.last, "epoch": stopped.epoch})

    def _replace(self, trial: optuna.Trial, verdict: Decision) -> None:
        """Tell what is not trained as what it is."""
        if verdict.outcome == "known":
            assert verdict.trial is not None
            trial.set_user_attr(REUSED, verdict.trial)
            twin = self._study.get_trials(deepcopy=False)[verdict.trial]
            if twin.state is TrialState.RUNNING:
                self._followers.setdefault(twin.number, []).append(trial)
            else:
                self._follow(trial, twin)
            return
        trial.set_user_attr(REASON, verdict.problem)
        _set_constraints(trial, verdict.excess)
        state = TrialState.PRUNED if verdict.outcome == "over_budget" else TrialState.FAIL
        self._study.tell(trial, state=state)

    def _follow(self, trial: optuna.Trial, twin: FrozenTrial) -> None:
        """Tell a trial that was not trained what became of the one that was."""
        if self._study.get_trials(deepcopy=False)[trial.number].state.is_finished():
            return
        for name in (ARCH_ID, METRICS, REASON):
            if name in twin.user_attrs:
                trial.set_user_attr(name, twin.user_attrs[name])
        _set_constraints(trial, twin.constraints)
        self._study.tell(trial, twin.values if twin.state is TrialState.COMPLETE else None, state=twin.state)

    def _remember(self, trial: FrozenTrial) -> None:
        """Tell the gate of a trial of an earlier start."""
        attributes = trial.user_attrs
        if ARCH not in attributes or trial.state is TrialState.WAITING:
            return
        key = self._gate.key(self._config.network_from(attributes[ARCH]), trial.params)
        if is_blameless(trial):
            return
        seed = attributes.get(SEED, attributes.get(ORIGIN, {}).get("seed"))
        self._gate.begin(key, trial.number, self._config.seed if seed is None else seed)
        if trial.state in (TrialState.PRUNED, TrialState.FAIL):
            self._gate.end(key, _stopped(trial))

    def _enqueue_lost_repeats(self, trials: Sequence[FrozenTrial]) -> None:
        """Repeats that an earlier driver did not live to ask for."""
        points = [trial.system_attrs.get("fixed_params") or trial.params for trial in trials if not is_blameless(trial)]
        for trial in trials:
            first = trial.state is TrialState.COMPLETE and trial.user_attrs.get(SEED) == self._config.seed
            if first and REUSED not in trial.user_attrs:
                for _ in range(self._config.repeats - points.count(trial.params)):
                    self._study.enqueue_trial(trial.params)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch, or the reason a trial gives before it ends."""
        self.outbox.put(lambda: self._record(trial_id, result, decided=True))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell Optuna the values, or that the trial failed and why; and the same to the trials that waited for it."""
        if trial_id not in self._ot_trials or trial_id in self._completed_trials:
            return
        self._completed_trials.add(trial_id)
        # Whatever becomes of the pause later, this trial ended as things are now.
        paused = self._pause.asked
        self.outbox.put(lambda: self._end(trial_id, result or {}, error, paused))

    def _record(self, trial_id: str, result: Mapping[str, Any], *, decided: bool) -> None:
        """Write what a result says into its trial, and once: Tune gives a trial's last result with its end, or twice.

        ``decided`` says whether the scheduler was asked about the result, or would be asked no more.
        """
        trial = self._ot_trials[trial_id]
        where = _where(result)
        if where and self._where.get(trial.number) != where:
            trial.set_user_attr(WHERE, where)
            self._where[trial.number] = where
        if REASON in result:
            if result.get(OUTAGE):
                trial.set_user_attr(OUTAGE, True)
            trial.set_user_attr(REASON, result[REASON])
        elif EPOCH_KEY in result and result[EPOCH_KEY] > self._taken_over[trial.number]:
            self._record_epoch(trial, result, decided=decided)

    def _record_epoch(self, trial: optuna.Trial, result: Mapping[str, Any], *, decided: bool) -> None:
        number, epoch, metrics = trial.number, int(result[EPOCH_KEY]), epoch_metrics(result)
        if self._recorded.get(number) != metrics:
            if not decided and epoch_name(epoch) not in trial.user_attrs:
                # Before the epoch: a driver that dies between the two writes leaves no epoch that counts as decided.
                self._set_undecided(trial, epoch)
            trial.set_user_attr(epoch_name(epoch), metrics)
            self._recorded[number] = metrics
        if decided and epoch >= self._undecided.get(number, math.inf):
            self._set_undecided(trial, epoch + 1)

    def _set_undecided(self, trial: optuna.Trial, epoch: int) -> None:
        trial.set_user_attr(UNDECIDED, epoch)
        self._undecided[trial.number] = epoch

    def _end(self, trial_id: str, result: Mapping[str, Any], error: bool, paused: bool) -> None:
        trial = self._ot_trials[trial_id]
        if not self._study.get_trials(deepcopy=False)[trial.number].state.is_finished():
            # A result with which a trial is stopped, by whomever, comes here alone.
            has_ended = not paused or self._has_ended(trial, result)
            self._record(trial_id, result, decided=has_ended)
            if not has_ended:
                return
            self._conclude(trial, result, error)
        frozen = self._study.get_trials(deepcopy=False)[trial.number]
        key = self._gate.key(self._config.network_from(frozen.user_attrs[ARCH]), frozen.params)
        if is_blameless(frozen):
            self._gate.forget(key, trial.number)
        elif frozen.state is not TrialState.COMPLETE:
            self._gate.end(key, _stopped(frozen))
        elif frozen.user_attrs[SEED] == self._config.seed:
            for _ in range(self._config.repeats - 1):
                self.outbox.later(lambda: self._study.enqueue_trial(frozen.params))
        for follower in self._followers.pop(trial.number, []):
            self.outbox.later(partial(self._follow, follower, frozen))

    def _has_ended(self, trial: optuna.Trial, result: Mapping[str, Any]) -> bool:
        """Whether a trial that ends during a pause ended for its own reason, or with all that an undisturbed one reports."""
        epochs = self._config.train_config.epochs
        known = dict(result) | self._costs(trial)
        needed = (*self._config.objectives, *self._config.network_budget.costs)
        # What follows the last epoch carries its scores, and no epoch.
        whole = known.get(EPOCH_KEY, epochs) >= epochs
        return REASON in trial.user_attrs or (whole and not _missing({name: known.get(name) for name in needed}))

    def _conclude(self, trial: optuna.Trial, result: Mapping[str, Any], error: bool) -> None:
        attributes = trial.user_attrs
        trial.set_user_attr(SECONDS, time.time() - attributes[STARTED])
        known = dict(result) | self._costs(trial)
        excess = self._config.network_budget.excess(known)
        _set_constraints(trial, excess)
        if any(value > 0 for value in excess.values()):
            # Only a measured latency can turn out to be over a limit that its prediction was within.
            trial.set_user_attr(REASON, f"over budget: {self._config.network_budget.problem(known)}")
            self._study.tell(trial, state=TrialState.PRUNED)
            return
        epochs = self._config.train_config.epochs
        if not attributes.get(REASON) and not error and known.get(EPOCH_KEY, epochs) < epochs:
            self._study.tell(trial, state=TrialState.PRUNED)
            return
        values = {objective: known.get(objective) for objective in self._config.objectives}
        reason = attributes.get(REASON) or (UNEXPLAINED if error else _missing(values))
        if reason:
            trial.set_user_attr(REASON, reason)
            self._study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr(METRICS, {k: v for k, v in epoch_metrics(result).items() if k not in LOOP_FIGURES})
        self._study.tell(trial, [float(known[objective]) for objective in self._config.objectives])

    def _costs(self, trial: optuna.Trial) -> Mapping[str, float]:
        return self._config.costs_of(self._config.network_from(trial.user_attrs[ARCH]))

    def ending_of(self, trial_id: str) -> dict[str, Any]:
        """How a trial ended, for the tracking: why it ``failed``, or the epoch it was ``stopped_at``."""
        trial = self._study.get_trials(deepcopy=False)[self._ot_trials[trial_id].number]
        if not trial.state.is_finished():
            return {"failed": INTERRUPTED}
        if trial.state is TrialState.PRUNED and REASON not in trial.user_attrs:
            return {"stopped_at": int(curve_of(trial)[-1][EPOCH_KEY])}
        return {"failed": trial.user_attrs.get(REASON)}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the study is the record."""


_TUNE_KEYS = frozenset(
    {
        "timestamp",
        "done",
        "training_iteration",
        "trial_id",
        "date",
        "time_this_iter_s",
        "time_total_s",
        "pid",
        "hostname",
        "node_ip",
        "time_since_restore",
        "iterations_since_restore",
        "should_checkpoint",
        "checkpoint_dir_name",
        "experiment_tag",
        "checkpoint_path",
    }
)


def epoch_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of a trial's report, without the keys that Tune adds."""
    return {
        name: value
        for name, value in result.items()
        if name not in _TUNE_KEYS
        and not name.startswith("config/")
        and isinstance(value, int | float)
        and math.isfinite(value)
    }


def _where(result: Mapping[str, Any]) -> str:
    """The host and the process that a result comes from; nothing for one that is replayed."""
    return f"{result['hostname']}, process {result['pid']}" if {"hostname", "pid"} <= result.keys() else ""


def _stopped(trial: FrozenTrial) -> Stopped | None:
    """Return the training that a trial of this study left when the scheduler stopped it; None for any other trial."""
    curve = curve_of(trial)
    if trial.state is not TrialState.PRUNED or trial.user_attrs.keys() & {REASON, ORIGIN} or not curve:
        return None
    first = trial.user_attrs.get(CONTINUES, {}).get("first", trial.number)
    return Stopped(first=first, last=trial.number, epoch=int(curve[-1][EPOCH_KEY]), seed=trial.user_attrs[SEED])


def _set_constraints(trial: optuna.Trial, excess: Mapping[str, float]) -> None:
    for name, value in excess.items():
        if name not in trial.constraints:
            trial.set_constraint(name, value)


def _missing(values: Mapping[str, Any]) -> str:
    for objective, value in values.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"objective {objective} must be a finite number at the end of a trial, got {value!r}"
    return ""
