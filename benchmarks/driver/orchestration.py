"""The cost of a search beyond the training itself: seconds a trial, against the same trainings in a plain loop.

Run: ``python -m benchmarks.driver.orchestration``. Trials run one at a time on one core. The first starts the trial's
process and imports torch there; it is shown apart, since every later trial finds the process warm.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.config.search_data import data_of
from dite_search.driver.ray_session import start_ray
from dite_search.driver.run_search import run_search
from trainers.training import loop


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        config = parse_search(
            {
                "name": "orchestration",
                "space": "tiny",
                "data": {"synthetic": {"train_images": 100, "val_images": 16}},
                "trials": trials,
                "training": {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 2},
                "max_concurrent": 1,
                "directory": folder,
            },
            "benchmark",
        )
        data_of(config)
        start_ray()
        study = run_search(config, Console(file=io.StringIO()))
        beyond = [trial.seconds - trial.curve[-1]["seconds"] for trial in study.trials]
        whole = sum(trial.seconds for trial in study.trials[1:])
        plain = sum(
            _plain_seconds(config, trial.parameters, Path(folder) / f"plain{trial.number}") for trial in study.trials[1:]
        )
    print(f"{trials} trials of 2 epochs, one at a time, on one core")
    print(f"first trial, its process included     {beyond[0]:6.2f} s beyond its training")
    print(f"later trials, median (largest)        {statistics.median(beyond[1:]):6.2f} s ({max(beyond[1:]):.2f} s)")
    print(f"search over plain loop, later trials  {whole / plain:6.2f} x ({whole:.1f} s over {plain:.1f} s)")


def _plain_seconds(config: SearchConfig, point: dict[str, int | float | str], directory: Path) -> float:
    """The same training called directly in this process."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    space = config.search_space
    loop.train(
        space.build(point),
        space.train_config(point, config.train_config),
        data_of(config),
        directory=directory,
        report=lambda *_: None,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
