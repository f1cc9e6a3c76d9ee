"""A driver as ``dite-search search`` and ``resume`` are, whose trials report recorded curves instead of training.

Everything else is real: Ray Tune and its processes, the data, the study, MLflow, the checkpoints' place. An epoch takes a
moment, so that a search of many trials is over in seconds, and can be killed at any of them.

    python -m tests.integration.replaying_driver FILE_OR_STUDY
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from dite_search import runner, trainable
from dite_search.config import load_search
from dite_search.folder import SEARCH_FILE, load_config
from dite_search.recorded import load_table
from dite_search.trainable import TrialRunner, patiently
from search_spaces.arch import ArchConfig
from search_spaces.files import write_json
from search_spaces.hyperparameters import TrainConfig
from trainers.engine import Metrics
from trainers.location import Location

TABLE = "tiny_128"
SECONDS_VARIABLE = "REPLAYED_SECONDS_AN_EPOCH"
"""Names the environment variable of a driver whose epochs take longer than a moment."""
CURVE_FILE = "curve.json"

SHORT_BACK_OFF = 0.5
"""Seconds: starts of a trial that follow each other wait, but not as long as a whole search of these."""

table = functools.cache(load_table)


@dataclass(frozen=True, kw_only=True)
class ReplayingRunner(TrialRunner):
    """Reports the recorded curve of a network, from the epoch after its own little checkpoint on.

    An epoch takes ``seconds``; ``continued`` are the epochs that an earlier trial, which this one continues, has done.
    """

    seconds: float = 0.02
    continued: int = 0

    def __call__(self, suggestion: Mapping[str, Any]) -> None:
        """Do what every trial does, in a process of its own."""
        trainable.LONGEST_BACK_OFF = SHORT_BACK_OFF
        continues = suggestion["continues"]
        runner = dataclasses.replace(self, continued=continues["epoch"] if continues else 0)
        super(ReplayingRunner, runner).__call__(suggestion)

    def learn(self, arch: ArchConfig, config: TrainConfig, place: Location) -> Metrics:
        """Go through the curve of a network."""
        from ray import tune

        curve = table(TABLE).curve(arch.arch_id, config.seed - self.search.seed)[: config.epochs]
        assert isinstance(place, Path)
        file = place / CURVE_FILE
        done = json.loads(file.read_text()) if file.is_file() else [dict(metrics) for metrics in curve[: self.continued]]
        for metrics in done:
            tune.report(dict(metrics))
        for metrics in curve[len(done) :]:
            time.sleep(self.seconds)
            done.append(dict(metrics))
            patiently(lambda: write_json(file, done), file)
            tune.report(dict(metrics))
        return done[-1]


def main(target: str) -> None:
    """Begin the search of a file, or go on with it where its study exists."""
    seconds = float(os.environ.get(SECONDS_VARIABLE, ReplayingRunner.seconds))
    runner.TrialRunner = functools.partial(ReplayingRunner, seconds=seconds)  # type: ignore[assignment,misc]
    config, console = load_search(target), Console(file=io.StringIO())
    if (config.study_directory / SEARCH_FILE).is_file():
        runner.resume_search(load_config(config.study_directory), console)
    else:
        runner.run_search(config, console)


if __name__ == "__main__":
    # Under its own name, so that the processes of the trials find the runner in it.
    importlib.import_module("tests.integration.replaying_driver").main(sys.argv[1])
