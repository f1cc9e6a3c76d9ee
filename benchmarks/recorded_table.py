"""Record the learning curve of every network of a search file: the recipe of the table that replays are run on.

    python -m benchmarks.recorded_table --output runs/tiny_128 --jobs 2

Each network trains for itself, on one thread (or on the GPU where there is one). A recording that was cut off goes on from
the last epoch of each network; finished networks are not trained again. A few networks, spread evenly over the costs, are
trained with more seeds. At the end ``curves.csv`` holds a row for each epoch of each training.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch

from dite_search.config.search_config import SearchConfig, load_search
from dite_search.config.search_data import data_of
from search_spaces.common.files import write_json
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from trainers.processes.distributed import Worker, default_device
from trainers.training.loop import train

TABLES = Path(__file__).parents[1] / "dite_search" / "tables"
KEPT = ("epoch", "ap_gt", "loss", "seconds")
"""The figures of an epoch that are kept; ``seconds`` are since the start of training, on the machine that recorded it."""


def jobs_of(config: SearchConfig, *, repeated: int, seeds: int) -> list[tuple[Point, int]]:
    """Every point with the search's seed; ``repeated`` points, evenly spread by MACs, with ``seeds`` seeds in all."""
    space = config.search_space
    points = list(space.points())
    by_cost = sorted(points, key=lambda point: cost_of(space.build(point)).objectives["mmacs"])
    chosen = [by_cost[int(index)] for index in np.linspace(0, len(points) - 1, repeated).round()]
    more = [(point, config.seed + seed) for seed in range(1, seeds) for point in chosen]
    return [(point, config.seed) for point in points] + more


def record(config: SearchConfig, point: Point, seed: int, output: Path) -> Path:
    """Train one network and keep its curve; nothing where it is kept already."""
    arch = config.search_space.build(point)
    kept = output / "curves" / f"{arch.arch_id}-{seed}.json"
    if kept.is_file():
        return kept
    torch.set_num_threads(1)
    result = train(
        arch,
        dataclasses.replace(config.train_config, seed=seed),
        data_of(config),
        directory=output / "running" / kept.stem,
        report=lambda metrics, checkpoint: None,
        worker=Worker(device=default_device()),
    )
    curve = [{name: metrics[name] for name in KEPT if name in metrics} for metrics in result.curve]
    write_json(kept, {"point": point, "seed": seed, "curve": curve})
    shutil.rmtree(output / "running" / kept.stem)
    return kept


def write_table(config: SearchConfig, kept: list[Path], path: Path) -> None:
    """One row for each epoch of each training, in the order of the recording."""
    names = list(config.search_space.parameters)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "seed", *KEPT])
        for source in kept:
            recorded = json.loads(source.read_text())
            for metrics in recorded["curve"]:
                figures = [metrics["epoch"]] + [f"{metrics[name]:.6g}" for name in KEPT[1:]]
                writer.writerow([*(recorded["point"][name] for name in names), recorded["seed"], *figures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--search", type=Path, default=TABLES / "tiny_128" / "search.yaml", help="the search file")
    parser.add_argument("--output", type=Path, default=Path("runs/tiny_128"), help="folder of the recording")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once")
    parser.add_argument("--repeated", type=int, default=15, help="networks trained with more than one seed")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of those")
    arguments = parser.parse_args()
    output = arguments.output.absolute()
    config = load_search(arguments.search, changes={"directory": str(output)})
    data_of(config)
    jobs = jobs_of(config, repeated=arguments.repeated, seeds=arguments.seeds)
    with ProcessPoolExecutor(arguments.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(record, config, point, seed, output) for point, seed in jobs]
        for count, done in enumerate(as_completed(running), start=1):
            print(f"{count}/{len(jobs)} {done.result().stem}", flush=True)
    write_table(config, [done.result() for done in running], output / "curves.csv")
    print(f"wrote {output / 'curves.csv'}")


if __name__ == "__main__":
    main()
