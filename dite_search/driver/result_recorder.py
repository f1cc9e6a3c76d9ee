"""Writes what trials report into the study, and reads from it how they ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from analysis.study.trial_status import TrialStatus
from dite_search.algorithms.admission import Stopped
from dite_search.config.problem import SearchProblem
from dite_search.study.attributes import (
    CONTINUES,
    EPOCH_KEY,
    ORIGIN,
    OUTAGE,
    REASON,
    SEED,
    UNDECIDED,
    UNEXPLAINED,
    WHERE,
)
from dite_search.study.reader import STATUSES, curve_of, epoch_name
from search_spaces.starting_weights import WEIGHTS_TAKEN

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


class ResultRecorder:
    """Writes results into running trials, each epoch once: Tune gives a trial's last result with its end, or twice."""

    def __init__(self, batch: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        # By number: the epochs that a trial took over, the metrics recorded last, the first epoch about which the scheduler
        # was not asked, and where the trial runs.
        self._batch = batch
        self._taken_over: dict[int, int] = {}
        self._recorded: dict[int, dict[str, float]] = {}
        self._undecided: dict[int, int] = {}
        self._where: dict[int, str] = {}

    def begin(self, number: int, *, taken_over: int, undecided: int | None) -> None:
        """Expect results of a trial.

        Args:
            number: the number of the trial.
            taken_over: epochs that the trial has from the stopped one that it continues.
            undecided: the first epoch that is recorded although the scheduler was not asked about it, if there is one.
        """
        self._taken_over[number] = taken_over
        if undecided is not None:
            self._undecided[number] = undecided

    def record(self, trial: optuna.Trial, result: Mapping[str, Any], *, decided: bool) -> None:
        """Write what a result says into its trial.

        ``decided`` says whether the scheduler was asked about the result, or would be asked no more.
        """
        number, where, attributes, metrics = trial.number, _where(result), dict[str, Any](), dict[str, float]()
        if where and self._where.get(number) != where:
            attributes[WHERE] = where
        if REASON in result:
            if result.get(OUTAGE):
                attributes[OUTAGE] = True
            attributes[REASON] = result[REASON]
        elif EPOCH_KEY in result and result[EPOCH_KEY] > self._taken_over[number]:
            metrics = epoch_metrics(result)
            attributes |= self._epoch(trial, int(result[EPOCH_KEY]), metrics, decided=decided)
        if not attributes:
            return
        with self._batch():
            for name, value in attributes.items():
                trial.set_user_attr(name, value)
        # Only what is written counts as such, as a report that finds no database comes again.
        if WHERE in attributes:
            self._where[number] = where
        if UNDECIDED in attributes:
            self._undecided[number] = attributes[UNDECIDED]
        if metrics:
            self._recorded[number] = metrics

    def _epoch(self, trial: optuna.Trial, epoch: int, metrics: dict[str, float], *, decided: bool) -> dict[str, Any]:
        """Return the attributes that an epoch brings, in the order in which they are written."""
        number, attributes = trial.number, dict[str, Any]()
        if WEIGHTS_TAKEN in metrics and WEIGHTS_TAKEN not in _attributes(trial):
            attributes[WEIGHTS_TAKEN] = metrics[WEIGHTS_TAKEN]
        if self._recorded.get(number) != metrics:
            if not decided and epoch_name(epoch) not in _attributes(trial):
                # Before the epoch: a driver that dies between the two writes leaves no epoch that counts as decided.
                attributes[UNDECIDED] = epoch
            attributes[epoch_name(epoch)] = metrics
        if decided and epoch >= self._undecided.get(number, math.inf):
            attributes[UNDECIDED] = epoch + 1
        return attributes


def _attributes(trial: optuna.Trial) -> Mapping[str, Any]:
    """Return the attributes of a trial; those of Optuna's trial are copied each time."""
    return trial.storage.get_trial(trial._trial_id).user_attrs


def epoch_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that a trial reported, without what Tune adds; numbers that are not finite are left out."""
    return {
        name: value
        for name, value in result.items()
        if name not in _TUNE_KEYS
        and not name.startswith("config/")
        and isinstance(value, int | float)
        and math.isfinite(value)
    }


def set_constraints(trial: optuna.Trial, excess: Mapping[str, float]) -> None:
    """Write by how much a trial is over each limit, where the study does not have it yet: a constraint is set once."""
    for name, value in excess.items():
        if name not in trial.constraints:
            trial.set_constraint(name, value)


def missing_objective(values: Mapping[str, Any]) -> str:
    """Return a sentence on the first objective that is no finite number; nothing where all are."""
    for objective, value in values.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"objective {objective} must be a finite number at the end of a trial, got {value!r}"
    return ""


def is_whole(config: SearchProblem, known: Mapping[str, Any]) -> bool:
    """Whether the last figures of a training, costs included, are all that one reports that nothing disturbs."""
    epochs = config.train_config.epochs
    needed = (*config.objectives, *config.network_budget.costs)
    # What follows the last epoch carries its scores, and no epoch.
    has_all = not missing_objective({name: known.get(name) for name in needed})
    return bool(known.get(EPOCH_KEY, epochs) >= epochs and has_all)


def conclusion(config: SearchProblem, known: Mapping[str, Any], *, reason: str, error: bool) -> tuple[TrialState, str]:
    """Return the state in which a trial ends, and the reason for it, if any.

    Args:
        config: The search.
        known: The last figures of the training, costs included.
        reason: The reason that the training gave itself.
        error: Whether its process broke.
    """
    if not config.network_budget.allows(known):
        # Only a measured latency can turn out to be over a limit that its prediction was within.
        return TrialState.PRUNED, f"over budget: {config.network_budget.problem(known)}"
    epochs = config.train_config.epochs
    if not reason and not error and known.get(EPOCH_KEY, epochs) < epochs:
        return TrialState.PRUNED, ""
    missing = missing_objective({objective: known.get(objective) for objective in config.objectives})
    found = reason or (UNEXPLAINED if error else missing)
    return (TrialState.FAIL, found) if found else (TrialState.COMPLETE, "")


def stopped_training(trial: FrozenTrial) -> Stopped | None:
    """Return the training that the scheduler stopped with a trial; None for any other trial, and one of another study."""
    curve = curve_of(trial)
    if trial.state is not TrialState.PRUNED or trial.user_attrs.keys() & {REASON, ORIGIN} or not curve:
        return None
    first = trial.user_attrs.get(CONTINUES, {}).get("first", trial.number)
    return Stopped(first=first, last=trial.number, epoch=int(curve[-1][EPOCH_KEY]), seed=trial.user_attrs[SEED])


def ending_of(trial: FrozenTrial) -> TrialStatus:
    """Return what became of a training: one that turned out over the budget has failed, though its trial is pruned."""
    status = STATUSES[trial.state]
    return TrialStatus.FAILED if status is TrialStatus.STOPPED and REASON in trial.user_attrs else status


def _where(result: Mapping[str, Any]) -> str:
    """Return the host and the process that a result comes from; nothing for one that is replayed."""
    return f"{result['hostname']}, process {result['pid']}" if {"hostname", "pid"} <= result.keys() else ""
