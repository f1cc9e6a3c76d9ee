"""The process of a trial: one training, reported epoch by epoch to Ray Tune."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ray import tune

from dite_search.config.search_config import SearchConfig
from dite_search.driver.measurers import measurer_of
from dite_search.study.attributes import EPOCH_KEY, OUTAGE, REASON
from dite_search.study.directory import checkpoint_location, trial_directory
from dite_search.study.weights import with_kept_weights
from search_spaces.common.errors import InvalidInput, StorageUnavailable
from search_spaces.common.files import write_mapping, write_text
from search_spaces.common.objectives import MEASURED, named
from search_spaces.common.retry import RetryPolicy
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import STORAGE_RETRY, Note, until_done, until_written
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.training import loop

ARCH_FILE = "arch.yaml"
ERROR_FILE = "error.txt"
STARTS_FILE = "starts.txt"
REMEMBERED_SECONDS = 600.0
"""Seconds in which starts of a trial count as following each other."""
START_RETRY = RetryPolicy(first_seconds=2.0, longest_seconds=60.0)
"""How long a start of a trial waits after others: what kills a process may take a while to go away."""
NOTE = "note"
"""Reported for whoever watches the search; no metric."""


@dataclass(frozen=True, kw_only=True)
class TrialRunner:
    """A trainable function for Ray Tune: the search and its data, applied to one suggested point.

    A failure of the training's own (a loss that is not finite, memory that runs out, a broken image) is reported as a
    reason. It ends the trial, because the same start would fail again. A process that dies reports nothing: Tune starts it
    anew, and the training goes on from its last checkpoint.
    """

    search: SearchConfig
    data: DataConfig

    def __call__(self, suggestion: Mapping[str, Any]) -> None:
        """Train the suggested point."""
        directory = trial_directory(self.search, suggestion["number"])
        place = checkpoint_location(self.search, suggestion["number"])
        try:
            back_off(directory)
            if suggestion["continues"]:
                take_checkpoint(checkpoint_location(self.search, suggestion["continues"]["last"]), place, tell)
            self._train(suggestion, directory, place)
        except Exception as error:
            # Whatever a training raises belongs to its trial; the search goes on with the others.
            keep_trace(directory / ERROR_FILE, traceback.format_exc(), error)
            tune.report({REASON: reason_of(error)} | ({OUTAGE: True} if isinstance(error, loop.OUTAGES) else {}))

    def _train(self, suggestion: Mapping[str, Any], directory: Path, place: Location) -> None:
        arch, budget = suggestion["arch"], self.search.network_budget
        training = self.search.search_space.train_config(suggestion["point"], self.search.train_config)
        config = with_kept_weights(self.search, dataclasses.replace(training, seed=suggestion["seed"]))
        patiently(lambda: write_mapping(directory / ARCH_FILE, arch.to_dict()), directory / ARCH_FILE)
        wanted = [name for name in named(source=MEASURED) if name in (*self.search.objectives, *budget.costs)]
        costs = {name: measured(name, self.search, arch, directory) for name in wanted}
        if not budget.allows(costs):
            # The prediction was within the limit, the measurement is not: the training is spared.
            tune.report({REASON: f"over budget: {budget.problem(costs)}"} | costs)
            return
        if costs:
            # Early stopping weighs them from the first decision on.
            tune.report(costs)
        metrics = self.learn(arch, config, place)
        if costs:
            tune.report({name: value for name, value in metrics.items() if name != EPOCH_KEY} | costs)

    def learn(self, arch: Architecture, config: TrainConfig, place: Location) -> loop.Metrics:
        """Train a network from its last checkpoint in ``place``, reporting every epoch; the metrics of the last."""
        resources = self.search.resources
        if resources.in_process:
            torch.set_num_threads(resources.cpus_per_worker)
            return loop.train(
                arch, config, self.data, directory=place, report=lambda metrics, _: tune.report(metrics), note=tell
            ).metrics
        # Ray Train is only imported where it is used: its import costs every trial process a second.
        from ray.tune.integration.ray_train import TuneReportCallback

        from trainers.training.ray_trainer import fit

        return fit(
            arch,
            config,
            self.data,
            directory=place,
            workers=resources.workers,
            max_workers=resources.max_workers,
            cpus_per_worker=resources.cpus_per_worker,
            gpus_per_worker=resources.gpus_per_worker,
            retries=self.search.retries,
            name=tune.get_context().get_trial_id(),
            storage=self.search.study_directory / "ray_train",
            callbacks=[TuneReportCallback()],  # type: ignore[no-untyped-call]
        )


def back_off(
    directory: Path, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait before a start that follows others closely: 2, 4, 8 … s, by `START_RETRY`.

    The trial's folder remembers the starts of the last `REMEMBERED_SECONDS`.
    """
    file = directory / STARTS_FILE
    starts = [float(line) for line in file.read_text().splitlines()] if file.is_file() else []
    recent = [start for start in starts if 0 <= clock() - start < REMEMBERED_SECONDS]
    lines = "".join(f"{start:.0f}\n" for start in [*recent, clock()])
    patiently(lambda: write_text(file, lines), file)
    if recent:
        sleep(START_RETRY.pause_after(len(recent)))


def patiently(write: Callable[[], None], path: Path) -> None:
    """Write a small file of a trial as a checkpoint is written: a disk that is full is waited for."""
    until_written(write, path, tell, STORAGE_RETRY)


def keep_trace(path: Path, trace: str, error: Exception) -> None:
    """Keep where a training failed; where it waited for its storage in vain, the reason in the study has to do."""
    seconds = 0.0 if isinstance(error, StorageUnavailable) else STORAGE_RETRY.total_seconds
    try:
        until_written(lambda: write_text(path, trace), path, tell, dataclasses.replace(STORAGE_RETRY, total_seconds=seconds))
    except InvalidInput as problem:
        tell(str(problem))


def tell(sentence: str) -> None:
    """Have the search say something about its trial."""
    tune.report({NOTE: sentence})


def take_checkpoint(earlier: Location, place: Location, note: Note) -> None:
    """Put the last checkpoint of a trial that was stopped where the one that continues it looks for its own."""
    store = CheckpointStore(place, note=note)
    until_done(lambda: store.take(CheckpointStore(earlier, note=note)), note, STORAGE_RETRY)


def measured(name: str, search: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Return a measured objective, whose measurer keeps files in the trial's folder and beside the studies."""
    measure = measurer_of(name, search)
    return until_written(lambda: measure(search, arch, directory), directory / name, tell, STORAGE_RETRY)


def reason_of(error: BaseException) -> str:
    """One line that says why a training failed: the deepest cause, which is what the training itself raised."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[-1]}"[:500]
