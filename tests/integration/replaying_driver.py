"""A driver as ``dite-search search`` and ``resume`` are, whose trials report recorded curves instead of training.

Everything else is real: Ray Tune and its processes, the study, MLflow, the checkpoints' place. An epoch takes a moment, so
that a search of many trials is over in seconds, and can be killed at any of them.

    python -m tests.integration.replaying_driver FILE_OR_STUDY
"""

from __future__ import annotations

import functools
import importlib
import io
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from dite_search import runner
from dite_search.config import SearchConfig, load_search
from dite_search.recorded import load_table
from dite_search.study import SEARCH_FILE, load_config, trial_directory
from dite_search.trainable import TrialRunner
from search_spaces.files import write_json
from trainers.data.source import DataConfig

TABLE = "tiny_128"
SECONDS_AN_EPOCH = 0.02
CURVE_FILE = "curve.json"

table = functools.cache(load_table)


class ReplayingRunner(TrialRunner):
    """Reports the recorded curve of a network, from the epoch after its own little checkpoint on."""

    def __call__(self, suggestion: Mapping[str, Any]) -> None:
        """Go through the curve of the suggested point."""
        from ray import tune

        arch = self.search.search_space.build(suggestion["point"])
        curve = table(TABLE).curve(arch.arch_id, suggestion["repeat"])[: self.search.train_config.epochs]
        continued = suggestion["continues"]["epoch"] if suggestion["continues"] else 0
        file = trial_directory(self.search, suggestion["number"]) / CURVE_FILE
        done = json.loads(file.read_text()) if file.is_file() else [dict(metrics) for metrics in curve[:continued]]
        for metrics in done:
            tune.report(metrics)
        for metrics in curve[len(done) :]:
            time.sleep(SECONDS_AN_EPOCH)
            done.append(dict(metrics))
            write_json(file, done)
            tune.report(dict(metrics))


def checked_data(config: SearchConfig, console: Console) -> DataConfig:
    """Data that no one looks at."""
    return DataConfig(root=config.study_directory, format="coco", name="none")


def main(target: str) -> None:
    """Begin the search of a file, or go on with it where its study exists."""
    runner.TrialRunner = ReplayingRunner  # type: ignore[misc]
    runner.checked_data = checked_data
    config, console = load_search(target), Console(file=io.StringIO())
    if (config.study_directory / SEARCH_FILE).is_file():
        runner.resume_search(load_config(config.study_directory), console)
    else:
        runner.run_search(config, console)


if __name__ == "__main__":
    # Under its own name, so that the processes of the trials find the runner in it.
    importlib.import_module("tests.integration.replaying_driver").main(sys.argv[1])
