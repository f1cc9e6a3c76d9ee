"""Backfill of curves: epochs that a trial's checkpoint holds and its study lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import column, insert, table

from dite_search.config.search_config import SearchConfig
from dite_search.study.attributes import ARCH, EPOCH_KEY, ORIGIN, REASON, STARTED, UNDECIDED
from dite_search.study.directory import checkpoint_location
from dite_search.study.reader import curve_of, epoch_name
from dite_search.study.study import storage_of
from search_spaces.common.errors import InvalidInput, StorageUnavailable
from search_spaces.registry import architecture_from
from trainers.checkpoints.location import LAST, below

Metrics = Mapping[str, float]

_ATTRIBUTES = table("trial_user_attributes", column("trial_id"), column("key"), column("value_json"))
"""Optuna's own table of attributes: Optuna itself changes no trial that has ended."""


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """The result of `backfill_curves`: ``epochs`` added, and the numbers of the ``trials`` that got some."""

    epochs: int
    trials: tuple[int, ...]


def backfill_curves(config: SearchConfig, note: Callable[[str], None] = lambda sentence: None) -> Backfill:
    """Add to each trial of a study the epochs that its checkpoint holds and the study lacks.

    The caller holds the lease of the study, and opens the study anew to read what was added. ``note`` is given a sentence
    for each curve whose gap no checkpoint fills.

    Raises:
        StorageUnavailable: the place of the checkpoints does not answer.
    """
    storage = storage_of(config)
    study = optuna.load_study(study_name=config.name, storage=storage)
    epochs, added = config.train_config.epochs, {}
    for trial in study.get_trials(deepcopy=False):
        if not may_lack_epochs(trial, epochs):
            continue
        reason = "no checkpoint of the trial holds them"
        try:
            found = missing_epochs(trial, _checkpoint_curve(config, trial), epochs)
        except StorageUnavailable:
            raise
        except InvalidInput as error:
            found, reason = [], str(error)
        if found:
            _write(storage, trial, found)
            added[trial.number] = len(found)
        elif _has_gap(trial, epochs):
            note(f"trial {trial.number} lacks epochs of its curve: {reason}")
    return Backfill(epochs=sum(added.values()), trials=tuple(added))


def may_lack_epochs(trial: FrozenTrial, epochs: int) -> bool:
    """Return whether the checkpoint of a trial can hold epochs that the study lacks; of ``epochs`` each trial trains.

    The scheduler's decision is the end of the curve of a trial that it stopped.
    """
    attributes = trial.user_attrs
    if ARCH not in attributes or STARTED not in attributes or ORIGIN in attributes:
        return False
    return _has_gap(trial, epochs) if trial.state is TrialState.COMPLETE or _is_stopped(trial) else True


def missing_epochs(trial: FrozenTrial, curve: Sequence[Metrics], epochs: int) -> list[Metrics]:
    """Return the epochs of a checkpoint's ``curve`` that a trial lacks, of the ``epochs`` that each trial trains.

    Raises:
        InvalidInput: the two curves contradict each other: they are of different trainings.
    """
    own = {int(metrics[EPOCH_KEY]): metrics for metrics in curve_of(trial)}
    last = max(own, default=0) if _is_stopped(trial) else epochs
    theirs = {int(metrics[EPOCH_KEY]): _finite(metrics) for metrics in curve if metrics[EPOCH_KEY] <= last}
    for epoch, metrics in own.items():
        if epoch in theirs and not theirs[epoch].items() <= metrics.items():
            raise InvalidInput(f"its checkpoint must tell the same curve, but differs from the study in epoch {epoch}")
    return [metrics for epoch, metrics in theirs.items() if epoch not in own]


def _is_stopped(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.PRUNED and REASON not in trial.user_attrs


def _has_gap(trial: FrozenTrial, epochs: int) -> bool:
    """Whether a trial that has ended lacks an epoch that it has trained."""
    own = {int(metrics[EPOCH_KEY]) for metrics in curve_of(trial)}
    last = epochs if trial.state is TrialState.COMPLETE else max(own, default=0)
    return not own.issuperset(range(1, last + 1))


def _checkpoint_curve(config: SearchConfig, trial: FrozenTrial) -> Sequence[Metrics]:
    """The curve in the newest whole checkpoint of a trial; empty where there is none.

    Raises:
        InvalidInput: the checkpoint is damaged or of another network, or its place does not answer.
    """
    # torch takes seconds to import, and few studies lack anything.
    from trainers.checkpoints.store import CheckpointStore
    from trainers.checkpoints.torch_file import BrokenFile

    place = checkpoint_location(config, trial.number)
    try:
        checkpoint = CheckpointStore(place, note=lambda sentence: None).load()
    except BrokenFile:
        # Its own words advise a training that begins.
        raise InvalidInput(f"no checkpoint of the trial in {place} is whole") from None
    if checkpoint is None:
        return ()
    arch = architecture_from(trial.user_attrs[ARCH])
    if checkpoint.arch.arch_id != arch.arch_id:
        raise InvalidInput(
            f"checkpoint {below(place, LAST)} must be of network {arch.arch_id}, got {checkpoint.arch.arch_id}"
        )
    return checkpoint.curve


def _write(storage: optuna.storages.RDBStorage, trial: FrozenTrial, found: Sequence[Metrics]) -> None:
    """Write epochs into a trial, all or none; a scheduler is still to be asked about those of one that goes on."""
    first = min(int(metrics[EPOCH_KEY]) for metrics in found)
    if not trial.state.is_finished() and first < trial.user_attrs.get(UNDECIDED, math.inf):
        storage.set_trial_user_attr(trial._trial_id, UNDECIDED, first)
    rows = [_row(trial._trial_id, epoch_name(metrics[EPOCH_KEY]), metrics) for metrics in found]
    with storage.engine.begin() as connection:
        connection.execute(insert(_ATTRIBUTES), rows)


def _row(trial_id: int, key: str, value: Metrics) -> dict[str, Any]:
    return {"trial_id": trial_id, "key": key, "value_json": json.dumps(dict(value))}


def _finite(metrics: Metrics) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
