"""Ray Tune's search algorithm: asks Optuna for the next trial, and tells it what became of each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from analysis.trials import DIRECTIONS
from dite_search.config import SearchConfig
from dite_search.study import (
    ARCH,
    ARCH_ID,
    EPOCH,
    METRICS,
    MLFLOW_RUN,
    REASON,
    SECONDS,
    STARTED,
    distributions_of,
    sampler_of,
    storage_of,
)
from search_spaces.arch import ArchConfig
from search_spaces.cost import cost_of
from search_spaces.errors import InvalidInput
from trainers.engine import LOOP_FIGURES

MAX_INVALID = 20
"""Invalid suggestions in a row after which a valid point is drawn instead."""

UNEXPLAINED = "the trial's process ended without giving a reason (killed, or out of memory)"


class StudySearch(OptunaSearch):
    """Optuna over a search space with several objectives, every trial recorded in the study as it goes.

    A suggestion that breaks a rule of the space is told as failed, at no cost, and replaced. A trial that ends without a
    finite value of every objective is told as failed with its reason, never as a score, and one that was stopped before its
    last epoch as pruned. Since the study holds everything,
    Tune's own snapshots of the searcher stay empty.
    """

    def __init__(self, config: SearchConfig) -> None:
        super().__init__(
            space=distributions_of(config),
            metric=list(config.objectives),
            mode=["max" if DIRECTIONS[objective] == "maximize" else "min" for objective in config.objectives],
            sampler=sampler_of(config),
            storage=storage_of(config),
            study_name=config.name,
        )
        self._config = config
        self._generator = np.random.default_rng([config.seed, 1])

    @property
    def _study(self) -> optuna.Study:
        assert self._ot_study is not None, "the study is opened when the search is constructed"
        return self._ot_study

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next valid point, as ``{"number": …, "point": {…}}``."""
        space = self._config.search_space
        for attempt in range(MAX_INVALID + 1):
            if attempt == MAX_INVALID:
                self._study.enqueue_trial(space.sample(self._generator))
            super().suggest(trial_id)
            trial = self._ot_trials[trial_id]
            point = dict(trial.params)
            try:
                arch = space.build(point)
            except InvalidInput as error:
                trial.set_user_attr(REASON, f"not a valid network: {error}")
                self._study.tell(trial, state=TrialState.FAIL)
                del self._ot_trials[trial_id]
                continue
            trial.set_user_attr(ARCH, arch.to_dict())
            trial.set_user_attr(ARCH_ID, arch.arch_id)
            trial.set_user_attr(STARTED, time.time())
            return {"number": trial.number, "point": point}
        raise AssertionError("a point drawn from the space is valid")

    def set_mlflow_run(self, trial_id: str, run_id: str) -> None:
        """Remember where the tracking server holds the trial."""
        self._ot_trials[trial_id].set_user_attr(MLFLOW_RUN, run_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch, or the reason a trial gives before it ends."""
        trial = self._ot_trials[trial_id]
        if REASON in result:
            trial.set_user_attr(REASON, result[REASON])
        elif EPOCH_KEY in result:
            trial.set_user_attr(f"{EPOCH}{int(result[EPOCH_KEY]):06d}", epoch_metrics(result))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell Optuna the values, or that the trial failed and why."""
        if trial_id not in self._ot_trials or trial_id in self._completed_trials:
            return
        self._completed_trials.add(trial_id)
        trial = self._ot_trials[trial_id]
        attributes = trial.user_attrs
        trial.set_user_attr(SECONDS, time.time() - attributes[STARTED])
        known = (result or {}) | cost_of(ArchConfig.from_dict(attributes[ARCH])).objectives
        values = {objective: known.get(objective) for objective in self._config.objectives}
        reason = attributes.get(REASON) or (UNEXPLAINED if error else _missing(values))
        if reason:
            trial.set_user_attr(REASON, reason)
            self._study.tell(trial, state=TrialState.FAIL)
            return
        epochs = self._config.train_config.epochs
        if known.get(EPOCH_KEY, epochs) < epochs:
            self._study.tell(trial, state=TrialState.PRUNED)
            return
        trial.set_user_attr(METRICS, {k: v for k, v in epoch_metrics(result or {}).items() if k not in LOOP_FIGURES})
        self._study.tell(trial, [float(known[objective]) for objective in self._config.objectives])

    def reason_of(self, trial_id: str) -> str | None:
        """Why the trial failed; None for one that did not."""
        reason: str | None = self._ot_trials[trial_id].user_attrs.get(REASON)
        return reason

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the study is the record."""


EPOCH_KEY = "epoch"
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
    """What a trial reported, without what Tune adds; numbers that are not finite are left out."""
    return {
        name: value
        for name, value in result.items()
        if name not in _TUNE_KEYS
        and not name.startswith("config/")
        and isinstance(value, int | float)
        and math.isfinite(value)
    }


def _missing(values: Mapping[str, Any]) -> str:
    for objective, value in values.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"objective {objective} must be a finite number at the end of a trial, got {value!r}"
    return ""
