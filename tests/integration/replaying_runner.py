"""Trials that report recorded curves instead of training, in processes that import what a trial's process imports."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dite_search.driver import trainable
from dite_search.driver.trainable import TrialRunner, tell
from search_spaces.common.retry import RetryPolicy
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import until_done
from trainers.checkpoints.store import CheckpointStore
from trainers.training.loop import Metrics

TABLE = "tiny_128"
"""The shipped table that searches replay."""
MOMENTS = ("begun", "saved", "reported")
"""When a trial can interrupt its driver: in an epoch, between the epoch's checkpoint and its report, and after both."""

NO_STATE = {"network": {}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
"""The learner's state in the checkpoint of a training that learns nothing."""
SHORT_BACK_OFF = 0.5
"""Seconds: starts of a trial that follow each other wait, but not as long as a whole search of these."""


@functools.cache
def recorded_curves() -> Mapping[str, Sequence[Sequence[Mapping[str, float]]]]:
    """Return the curves of every training of the table, by the network.

    A driver reads them for its trials: what reads a table takes a trial's process a second of a processor to import.
    """
    from dite_search.simulation.tabular_benchmark import load_table

    return {
        arch_id: [[dict(epoch) for epoch in curve] for curve in curves]
        for arch_id, curves in load_table(TABLE).curves.items()
    }


@dataclass(frozen=True, kw_only=True)
class ReplayingRunner(TrialRunner):
    """Reports the recorded curve of a network, from the epoch after its own checkpoint on.

    Args:
        seconds: The time that an epoch takes.
        curves: The curves of every training, by the network.
        driver: The process that gets a SIGINT.
        interrupt: The moment and the epoch of the SIGINT.
    """

    seconds: float = 0.02
    curves: Mapping[str, Sequence[Sequence[Mapping[str, float]]]] = field(default_factory=recorded_curves)
    driver: int = 0
    interrupt: tuple[str, int] | None = None

    def __call__(self, suggestion: Mapping[str, Any]) -> None:
        """Do what every trial does, in a process of its own."""
        trainable.START_RETRY = RetryPolicy(longest_seconds=SHORT_BACK_OFF)
        super().__call__(suggestion)

    def learn(self, arch: ArchConfig, config: TrainConfig, place: Location) -> Metrics:
        """Go through the curve of a network."""
        from ray import tune

        curves = self.curves[arch.arch_id]
        curve = curves[(config.seed - self.search.seed) % len(curves)][: config.epochs]
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
