"""The time and memory of a large search's bookkeeping at 10,000 finished trials: study, sampler, gate and scheduler.

Run: ``python -m benchmarks.driver.bookkeeping``. Searches over the space ``dite_hrnet`` are simulated, 100 workers side by
side. Nothing is trained. A made-up formula stands for every learning curve, so the scores mean nothing, and the time
between them is measured. Each study is first filled with finished trials by the random sampler, and memory is noted every
1,000. Then each sampler goes on in it, and the clock runs. The first trials, for which a sampler may have to read the whole
study, are timed apart from those after them. A training is everything that Tune's driver does for one trial. The searcher
suggests it: it asks the sampler, judges the point and writes the start of the trial. For each report the scheduler is asked
and the epoch written. At last the study is told how the trial ended. ``--url`` adds a database server to the storages.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from optuna.storages import BaseStorage, InMemoryStorage

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.simulation.recorded_curves import Curve
from dite_search.simulation.simulator import Simulation
from dite_search.study.study import create_study, storage_of
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import cost_of

BLOCK = 1000
"""Trials between looks at the memory."""
MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Process time, time by the clock (both in seconds) and resident memory (in bytes) after so many trials."""

    trials: int
    processor: float
    wall: float
    memory: int


class MadeUpCurves:
    """A formula in the place of a training: larger networks end higher, with some noise, and take longer."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self.seconds = 0.0

    def __call__(self, arch: ArchConfig, repeat: int) -> Curve:
        """The curve of a network; its processor time is added to ``seconds``, to be taken off what is measured."""
        began = time.process_time()
        cost = cost_of(arch)
        noise = int(hashlib.sha256(f"{arch.arch_id} {repeat}".encode()).hexdigest()[:8], 16) / 16**8
        top = 0.3 + 0.08 * math.log2(1 + cost.mmacs / 50) + 0.1 * noise
        curve = [
            {
                "epoch": epoch,
                "ap_gt": min(1.0, top * (1 - math.exp(-3 * epoch / self._epochs))),
                "loss": 1 / epoch,
                "seconds": epoch * cost.mmacs,
            }
            for epoch in range(1, self._epochs + 1)
        ]
        self.seconds += time.process_time() - began
        return curve


def search(sampler: str, seed: int, epochs: int, directory: str) -> SearchConfig:
    """The search whose bookkeeping is measured: the default scheduler and gate, and a sampler."""
    fields: dict[str, Any] = {
        "name": "bookkeeping",
        "space": "dite_hrnet",
        "data": {"synthetic": {}},
        "sampler": {"name": sampler},
        "seed": seed,
        "trials": 1_000_000,
        "training": {"epochs": epochs},
        "directory": directory,
    }
    return parse_search(fields, "benchmark")


PARTS = {"suggestion": "suggest", "report": "on_trial_result", "end": "on_trial_complete"}
"""The methods of a searcher that are timed, by what they do."""


class Stopwatch:
    """Process time of the parts of each training: suggestions, reports and ends."""

    def __init__(self, simulation: Simulation) -> None:
        self.seconds: dict[str, list[float]] = {part: [] for part in PARTS}
        for part, method in PARTS.items():
            self._time(simulation.searcher, part, method)

    def _time(self, searcher: Any, part: str, method: str) -> None:
        call = getattr(searcher, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds[part].append(time.process_time() - began)

        setattr(searcher, method, timed)

    def __str__(self) -> str:
        return ", ".join(
            f"{1000 * float(np.median(found)):.1f} ms a {part}" for part, found in self.seconds.items() if found
        )


def run(simulation: Simulation, curves: MadeUpCurves, block: int = BLOCK) -> list[Reading]:
    """Run to the end, with a reading before and after every block, the formula's own time taken off."""
    process, readings = psutil.Process(), []

    def read(trials: int) -> None:
        processor, wall = time.process_time() - curves.seconds, time.perf_counter() - curves.seconds
        readings.append(Reading(trials=trials, processor=processor, wall=wall, memory=process.memory_info().rss))

    read(0)
    count = 0
    for count, _ in enumerate(simulation.run(), start=1):
        if count % block == 0:
            read(count)
    if count % block:
        read(count)
    return readings


def filled(
    storage: BaseStorage, config: SearchConfig, *, trials: int, workers: int, block: int = BLOCK
) -> tuple[Simulation, list[Reading]]:
    """A new study with so many finished trials, and the readings on the way."""
    create_study(config, storage=storage)
    curves = MadeUpCurves(config.train_config.epochs)
    simulation = Simulation(config, curves, workers=workers, storage=storage, max_trials=trials)
    return simulation, run(simulation, curves, block)


def growth(readings: Sequence[Reading]) -> float:
    """MiB of memory for every 1,000 trials, the first block apart, in which everything is loaded."""
    after = readings[1:]
    slope = np.polyfit([reading.trials for reading in after], [reading.memory for reading in after], 1)[0]
    return float(slope) * 1000 / MEBIBYTE


def milliseconds(before: Reading, after: Reading) -> str:
    """Per trial: process time, and by the clock."""
    trials = after.trials - before.trials
    processor, wall = after.processor - before.processor, after.wall - before.wall
    return f"{1000 * processor / trials:7.1f} ms a training of processor time ({1000 * wall / trials:.1f} by the clock)"


def measure(
    kind: str, samplers: Sequence[str], *, trials: int, measured: int, workers: int, epochs: int, url: str | None = None
) -> None:
    """Fill one study, then go on in it with each sampler."""
    with tempfile.TemporaryDirectory() as directory:
        config = search("random", 0, epochs, directory)
        if kind == "server":
            config = config.replaced({"study_url": url, "name": f"bookkeeping-{os.getpid()}"}, "benchmark")
        config.study_directory.mkdir(parents=True)
        storage: BaseStorage = InMemoryStorage() if kind == "memory" else storage_of(config)
        filling, readings = filled(storage, config, trials=trials, workers=workers)
        print(f"storage {kind}: {trials:,} trials of {epochs} epochs by sampler random, {workers} workers")
        print(f"  first {readings[1].trials:,}: {milliseconds(*readings[:2])}")
        print(f"  last {readings[-1].trials - readings[-2].trials:,}:  {milliseconds(*readings[-2:])}")
        if len(readings) > 2:
            before, after = (readings[place].memory / MEBIBYTE for place in (0, -1))
            print(f"  memory {before:.0f} MiB before, {after:.0f} after: {growth(readings):.1f} MiB for every 1,000 trials")
        if kind == "sqlite":
            size = sum(path.stat().st_size for path in Path(directory).rglob("*.db*"))
            print(f"  study on disk {size / MEBIBYTE:.0f} MiB")
        for seed, sampler in enumerate(samplers, start=1):
            changes = {"sampler": {"name": sampler}, "seed": seed}
            config, curves = config.replaced(changes, "benchmark"), MadeUpCurves(epochs)
            going_on = Simulation(config, curves, workers=workers, storage=storage, max_trials=measured)
            going_on.scheduler = filling.scheduler  # It remembers every trial at its rungs.
            watch = Stopwatch(going_on)
            start, first, *_, last = run(going_on, curves, block=workers)
            memory = (last.memory - start.memory) / MEBIBYTE
            print(f"  {sampler:<10} first {first.trials}: {milliseconds(start, first)}")
            print(
                f"  {'':<10} then {last.trials - first.trials}:  {milliseconds(first, last)}; memory {memory:+.0f} MiB",
            )
            print(f"  {'':<10} medians: {watch}", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000, help="finished trials before the measurement")
    parser.add_argument(
        "--measured", type=int, default=300, help="trials measured for each sampler, twice the workers or more"
    )
    parser.add_argument("--workers", type=int, default=100, help="trials side by side")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a trial, each validated")
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe", "nsga2", "cost_aware"])
    parser.add_argument("--storages", nargs="+", default=["memory", "sqlite"], choices=["memory", "sqlite"])
    parser.add_argument("--url", help="the URL of a PostgreSQL database, which is measured as well")
    arguments = parser.parse_args()
    for kind in [*arguments.storages, *(["server"] if arguments.url else [])]:
        measure(
            kind,
            arguments.samplers,
            trials=arguments.trials,
            measured=arguments.measured,
            workers=arguments.workers,
            epochs=arguments.epochs,
            url=arguments.url,
        )


if __name__ == "__main__":
    main()
