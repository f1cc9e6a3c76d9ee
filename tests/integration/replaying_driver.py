"""A driver as ``dite-search search`` and ``resume`` are, whose trials report recorded curves instead of training.

Everything else is real: Ray Tune and its processes, the data, the study, MLflow, the checkpoints' place. An epoch takes a
moment, so that a search of many trials is over in seconds, and can be killed at any of them.

    python -m tests.integration.replaying_driver FILE_OR_STUDY
"""

from __future__ import annotations

import functools
import importlib
import io
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from dite_search.config.search_config import load_search
from dite_search.driver import run_search, trainable
from dite_search.driver.trainable import TrialRunner, tell
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.directory import SEARCH_FILE, load_config
from search_spaces.common.retry import RetryPolicy
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import until_done
from trainers.checkpoints.store import CheckpointStore
from trainers.training.loop import Metrics

TABLE = "tiny_128"
SECONDS_VARIABLE = "REPLAYED_SECONDS_AN_EPOCH"
"""Names the environment variable of a driver whose epochs take longer than a moment."""
INTERRUPT_VARIABLE = "REPLAYED_INTERRUPT"
"""Names the environment variable of a driver that its own trial interrupts: a moment and an epoch, as in ``saved 12``."""
MOMENTS = ("begun", "saved", "reported")
"""When a trial can interrupt its driver: in an epoch, between the epoch's checkpoint and its report, and after both."""

NO_STATE = {"network": {}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
"""The learner's state in the checkpoint of a training that learns nothing."""
SHORT_BACK_OFF = 0.5
"""Seconds: starts of a trial that follow each other wait, but not as long as a whole search of these."""

table = functools.cache(load_table)


@dataclass(frozen=True, kw_only=True)
class ReplayingRunner(TrialRunner):
    """Reports the recorded curve of a network, from the epoch after its own checkpoint on.

    Args:
        seconds: The time that an epoch takes.
        driver: The process that gets a SIGINT.
        interrupt: The moment and the epoch of the SIGINT.
    """

    seconds: float = 0.02
    driver: int = 0
    interrupt: tuple[str, int] | None = None

    def __call__(self, suggestion: Mapping[str, Any]) -> None:
        """Do what every trial does, in a process of its own."""
        trainable.START_RETRY = RetryPolicy(longest_seconds=SHORT_BACK_OFF)
        super().__call__(suggestion)

    def learn(self, arch: ArchConfig, config: TrainConfig, place: Location) -> Metrics:
        """Go through the curve of a network."""
        from ray import tune

        curve = table(TABLE).curve(arch.arch_id, config.seed - self.search.seed)[: config.epochs]
        store = CheckpointStore(place, note=tell)
        checkpoint = until_done(store.load, tell)
        done = list(checkpoint.curve) if checkpoint else []
        for metrics in done:
            tune.report(dict(metrics))
        for epoch, metrics in enumerate(curve[len(done) :], start=len(done) + 1):
            self._reach("begun", epoch)
            time.sleep(self.seconds)
            done.append(dict(metrics))
            new = Checkpoint(arch=arch, train=config, data=self.data.to_dict(), state=NO_STATE, curve=done)
            until_done(functools.partial(store.save, new), tell)
            self._reach("saved", epoch)
            tune.report(dict(metrics))
            self._reach("reported", epoch)
        return done[-1]

    def _reach(self, moment: str, epoch: int) -> None:
        if self.interrupt == (moment, epoch):
            os.kill(self.driver, signal.SIGINT)


def main(target: str) -> None:
    """Begin the search of a file, or go on with it where its study exists."""
    seconds = float(os.environ.get(SECONDS_VARIABLE, ReplayingRunner.seconds))
    moment, _, epoch = os.environ.get(INTERRUPT_VARIABLE, "").partition(" ")
    run_search.TrialRunner = functools.partial(  # type: ignore[assignment,misc]
        ReplayingRunner, seconds=seconds, driver=os.getpid(), interrupt=(moment, int(epoch)) if moment else None
    )
    config, console = load_search(target), Console(file=io.StringIO())
    if (config.study_directory / SEARCH_FILE).is_file():
        run_search.resume_search(load_config(config.study_directory), console)
    else:
        run_search.run_search(config, console)


if __name__ == "__main__":
    # Under its own name, so that the processes of the trials find the runner in it.
    importlib.import_module("tests.integration.replaying_driver").main(sys.argv[1])
