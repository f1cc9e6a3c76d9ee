"""The trials of a study as they are read: their curves, whether they count as spent, and their records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from dite_search.config.search_config import SearchConfig
from dite_search.study.attributes import (
    ARCH,
    ARCH_ID,
    CONFIRMS,
    CONTINUES,
    EPOCH,
    EPOCH_KEY,
    LATE_MLFLOW_RUN,
    METRICS,
    MLFLOW_RUN,
    NOT_ITS_OWN,
    ORIGIN,
    OUTAGE,
    OWN_COSTS,
    REASON,
    REUSED,
    SECONDS,
    SEED,
    UNDECIDED,
)
from dite_search.study.directory import (
    checkpoint_location,
)
from dite_search.study.protocol import protocol_of, provenance_of
from dite_search.study.study import open_study, readable
from search_spaces.families.architecture import Architecture
from search_spaces.families.cost import Cost, extended, own_values
from search_spaces.registry import architecture_from, cost_of
from trainers.checkpoints.location import LAST, PREVIOUS, Location, below, located

STATUSES = {
    TrialState.COMPLETE: TrialStatus.COMPLETE,
    TrialState.PRUNED: TrialStatus.STOPPED,
    TrialState.FAIL: TrialStatus.FAILED,
    TrialState.RUNNING: TrialStatus.RUNNING,
    TrialState.WAITING: TrialStatus.WAITING,
}
"""The status of a trial by its state in the study."""


def epoch_name(epoch: float) -> str:
    """The name of the attribute that holds an epoch's metrics; names sort as epochs do."""
    return f"{EPOCH}{int(epoch):06d}"


def curve_of(trial: FrozenTrial) -> list[dict[str, float]]:
    """The metrics of a trial's epochs, in order."""
    return [value for name, value in sorted(trial.user_attrs.items()) if name.startswith(EPOCH)]


def read_study(config: SearchConfig, study: optuna.Study | None = None) -> StudyRecord:
    """Everything the study knows, as records.

    Raises:
        InvalidInput: its database cannot be read, or is damaged.
    """
    opened = study or open_study(config)
    with readable(config):
        return StudyReader(config, opened).read()


class StudyReader:
    """Reads a study that stays open again and again: a trial that has ended is made into a record once."""

    def __init__(self, config: SearchConfig, study: optuna.Study, networks: TrialNetworks | None = None) -> None:
        self._config, self._study, self._networks = config, study, networks or TrialNetworks()
        self._ended: dict[int, TrialRecord] = {}

    def read(self) -> StudyRecord:
        """Everything the study knows by now."""
        config, trials, noted = self._config, self._study.get_trials(deepcopy=False), self._study.user_attrs
        return StudyRecord(
            name=config.name,
            directory=config.study_directory,
            objectives=config.objectives,
            trials=[self._record(trial, noted) for trial in trials if ARCH in trial.user_attrs],
            protocol=protocol_of(config),
            provenance=provenance_of(config),
            over_budget=sum(any(excess > 0 for excess in trial.constraints.values()) for trial in trials),
            reused=sum(REUSED in trial.user_attrs for trial in trials),
        )

    def _record(self, trial: FrozenTrial, noted: Mapping[str, Any]) -> TrialRecord:
        if not trial.state.is_finished():
            return self._read(trial)
        record = self._ended.get(trial.number) or self._read(trial)
        if record.mlflow_run_id is None and (run := noted.get(f"{LATE_MLFLOW_RUN}{trial.number}")):
            record = replace(record, mlflow_run_id=run)
        self._ended[trial.number] = record
        return record

    def _read(self, trial: FrozenTrial) -> TrialRecord:
        attributes = trial.user_attrs
        arch, cost = self._networks.of(trial)
        origin = attributes.get(ORIGIN, {})
        place = located(origin["folder"]) if origin else checkpoint_location(self._config, trial.number)
        return TrialRecord(
            number=trial.number,
            status=STATUSES[trial.state],
            reason=attributes.get(REASON, ""),
            arch=arch,
            cost=cost,
            parameters=self._config.search_space.effective(trial.params),
            seed=attributes.get(SEED, origin.get("seed")),
            metrics=attributes.get(METRICS, {}),
            curve=curve_of(trial),
            seconds=attributes.get(SECONDS, 0.0),
            checkpoint=_last_checkpoint(place, attributes),
            mlflow_run_id=attributes.get(MLFLOW_RUN),
            epochs_before=attributes.get(CONTINUES, {}).get("epoch", 0),
            confirms=attributes.get(CONFIRMS),
            origin=f"trial {origin['trial']} of {origin['study']}" if origin else "",
        )


def frozen_of(trial: optuna.Trial) -> FrozenTrial:
    """Return a trial as its storage holds it; the trial's own properties copy all attributes each time."""
    return trial.storage.get_trial(trial._trial_id)


def is_complete(trial: FrozenTrial) -> bool:
    """Whether a trial has the values of all objectives."""
    return trial.state is TrialState.COMPLETE


def is_blameless(trial: FrozenTrial) -> bool:
    """Whether a trial failed through no fault of what it trained, which may then be trained anew."""
    attributes = trial.user_attrs
    return trial.state is TrialState.FAIL and (attributes.get(REASON) in NOT_ITS_OWN or OUTAGE in attributes)


class TrialNetworks:
    """The networks of a study's trials with their costs: each is read from the study once in a process, or not at all."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Architecture, Cost]] = {}

    # Any: the networks of a table that is replayed are kept too, and nothing reads them.
    def keep(self, number: int, arch: Any, cost: Any) -> None:
        """Remember the network of a trial that this process built itself."""
        self._known[number] = arch, cost

    def of(self, trial: FrozenTrial) -> tuple[Architecture, Cost]:
        """Return the network of a trial that has one, and its cost."""
        if trial.number not in self._known:
            arch = architecture_from(trial.user_attrs[ARCH])
            self._known[trial.number] = arch, extended(cost_of(arch), trial.user_attrs.get(OWN_COSTS, {}))
        return self._known[trial.number]


def network_attributes(arch: Any, cost: Any) -> dict[str, Any]:
    """Return what a trial of the study says of its network, from which `TrialNetworks` reads it again."""
    own = own_values(cost)
    return {ARCH_ID: arch.arch_id, **({OWN_COSTS: own} if own else {}), ARCH: arch.to_dict()}


def rung_records(config: SearchConfig, networks: TrialNetworks | None = None) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Yield each report of a study's trials once: trial number, epoch, and the metrics of the epoch with the costs.

    Epochs about which the scheduler was not asked, as when a pause stopped a trial, are left out. The trial reports them
    again, and they are decided then.
    """
    networks = networks or TrialNetworks()
    for trial in open_study(config).get_trials(deepcopy=False):
        if ARCH not in trial.user_attrs or trial.user_attrs.get(SEED, config.seed) != config.seed:
            continue
        number = trial.user_attrs.get(CONTINUES, {}).get("first", trial.number)
        costs = networks.of(trial)[1].objectives
        undecided = math.inf if trial.state.is_finished() else trial.user_attrs.get(UNDECIDED, math.inf)
        for metrics in curve_of(trial):
            if metrics[EPOCH_KEY] >= undecided:
                break
            yield number, int(metrics[EPOCH_KEY]), costs | trial.user_attrs.get(METRICS, {}) | metrics


def _last_checkpoint(place: Location, attributes: Mapping[str, Any]) -> Location | None:
    """The checkpoint of a trial, if there is one."""
    if isinstance(place, Path):
        return next((path for path in (place / LAST, place / PREVIOUS) if path.is_file()), None)
    # A store is not asked for each record: an epoch is reported once its checkpoint is in its place.
    return below(place, LAST) if any(name.startswith(EPOCH) for name in attributes) else None
