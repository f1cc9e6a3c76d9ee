"""Record the learning curve of every network of a search file: the recipe of the table that replays are run on.

    python -m benchmarks.recorded_table --output runs/tiny_128 --jobs 2

Each network trains for itself, on one thread (or on the GPU where there is one). A recording that was cut off goes on from
the last epoch of each network; finished networks are not trained again. All networks are trained with the first seed before
one is trained with the next. Trainings of a table beside the search file are not trained again. ``curves.csv`` of the
output holds a row for each epoch of each training, those of that table too. It grows with every training, and beside the
search file it lets a recording go on elsewhere. A search file of another name than ``search.yaml`` gives the table its name.
``--also`` scores every trained network by another metric too, which stands in the row of its last epoch. In the end the
spread of networks is printed beside that of seeds.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import multiprocessing
import shutil
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch

from analysis.errors.predictions import predictions_with
from analysis.statistics.agreement import seed_share
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.config.search_data import data_of
from search_spaces.common.files import write_json
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from search_spaces.space.search_space import SearchSpace
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST
from trainers.data.config import DataConfig
from trainers.data.keypoint_sets.metric import OKS, PCK, Metric
from trainers.evaluation.scoring import score
from trainers.networks.load import load_network
from trainers.processes.distributed import Worker, default_device
from trainers.training.loop import train

TABLES = Path(__file__).parents[1] / "dite_search" / "tables"
KEPT = ("epoch", "ap_gt", "pck", "loss", "seconds")
"""The figures of an epoch that are kept; ``seconds`` are since the start of training, on the machine that recorded it."""
Key = tuple[str, ...]
"""The values of a point as they stand in a table, in the order of the space."""
Training = tuple[Key, int]
"""A point and the seed."""
Rows = list[dict[str, str]]
"""The epochs of a training, as cells of a table."""


def spread(points: Mapping[Key, Point], count: int, order: Mapping[Key, float]) -> list[Point]:
    """Return ``count`` points, evenly spread over the ranks of their figures in ``order``."""
    ranked = sorted(points, key=lambda key: order[key])
    return [points[ranked[int(index)]] for index in np.linspace(0, len(ranked) - 1, count).round()]


def key_of(space: SearchSpace, values: Mapping[str, object]) -> Key:
    """Return the key of a point, or of a row of a table."""
    return tuple(str(values[name]) for name in space.parameters)


def final_scores(trainings: Mapping[Training, Rows], figure: str) -> dict[Key, list[float]]:
    """Return the figure of the last epoch of each training by point, in the order of the seeds."""
    scores: dict[Key, list[float]] = {}
    for (key, _), rows in sorted(trainings.items(), key=lambda item: item[0][1]):
        last = max(rows, key=lambda row: int(row["epoch"]))
        scores.setdefault(key, []).append(float(last[figure]))
    return scores


def record(config: SearchConfig, point: Point, seed: int, output: Path, also: str | None = None) -> Path:
    """Train one network and keep its curve, with the figure of another metric; nothing where it is kept already."""
    arch = config.search_space.build(point)
    kept = output / "curves" / f"{arch.arch_id}-{seed}.json"
    if kept.is_file():
        return kept
    torch.set_num_threads(1)
    recipe, data, folder = (
        dataclasses.replace(config.train_config, seed=seed),
        data_of(config),
        output / "running" / kept.stem,
    )
    result = train(
        arch,
        recipe,
        data,
        directory=folder,
        report=lambda metrics, checkpoint: None,
        worker=Worker(device=default_device()),
    )
    curve = [{name: metrics[name] for name in KEPT if name in metrics} for metrics in result.curve]
    if also is not None:
        curve[-1] |= figure_by(also, folder / LAST, recipe, data)
    write_json(kept, {"point": point, "seed": seed, "curve": curve})
    shutil.rmtree(folder)
    return kept


def figure_by(metric: str, checkpoint: Path, recipe: TrainConfig, data: DataConfig) -> dict[str, float]:
    """Return the figure of a trained network by a metric, under its name in tables."""
    arch, network = load_network(checkpoint)
    found = predictions_with(arch, network, recipe, data, flip_test=recipe.flip_test)
    metrics = score(found.dataset, found.predictions, dataclasses.replace(data, metric=Metric(name=metric))).metrics
    return {name: metrics[name] for name in KEPT if name in metrics}


def read_table(space: SearchSpace, path: Path) -> dict[Training, Rows]:
    """Return the trainings of a table by point and seed; none where there is no file."""
    trainings: dict[Training, Rows] = {}
    if path.is_file():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                trainings.setdefault((key_of(space, row), int(row["seed"])), []).append(row)
    return trainings


def read_kept(space: SearchSpace, output: Path) -> dict[Training, Rows]:
    """Return the trainings of a recording that are kept so far."""
    trainings: dict[Training, Rows] = {}
    for path in (output / "curves").glob("*.json"):
        kept = json.loads(path.read_text())
        values = {name: str(kept["point"][name]) for name in space.parameters} | {"seed": str(kept["seed"])}
        trainings[key_of(space, values), kept["seed"]] = [
            values | {name: f"{figure:.6g}" for name, figure in metrics.items()} for metrics in kept["curve"]
        ]
    return trainings


def write_table(space: SearchSpace, trainings: Mapping[Training, Rows], path: Path) -> None:
    """Write one row for each epoch of each training, by seeds, and then in the order of the space."""
    place = {key_of(space, point): index for index, point in enumerate(space.points())}
    figures = [name for name in KEPT if any(name in rows[-1] for rows in trainings.values())]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*space.parameters, "seed", *figures], lineterminator="\n")
        writer.writeheader()
        for _, rows in sorted(trainings.items(), key=lambda item: (item[0][1], place[item[0][0]])):
            writer.writerows(rows)


def print_noise(scores: Mapping[Key, Sequence[float]]) -> None:
    """Print the spread of networks beside that of seeds."""
    share = seed_share(list(scores.values()))
    if share is not None:
        best = max(map(statistics.fmean, scores.values()))
        print(f"{share}; the best mean is {best:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--search", type=Path, default=TABLES / "tiny_128" / "search.yaml", help="the search file")
    parser.add_argument("--output", type=Path, default=Path("runs/tiny_128"), help="folder of the recording")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once")
    parser.add_argument("--networks", type=int, help="train so many networks alone, spread evenly: a pilot")
    parser.add_argument("--ranked", type=Path, help="a table over whose ranks they are spread, instead of over MACs")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each network")
    parser.add_argument("--also", choices=(OKS, PCK), help="another metric of every trained network")
    arguments = parser.parse_args()
    output = arguments.output.absolute()
    config = load_search(arguments.search, changes={"directory": str(output)})
    space, name = config.search_space, arguments.search.stem
    table = output / ("curves.csv" if name == "search" else f"{name}.csv")
    data_of(config)
    by_key = {key_of(space, point): point for point in space.points()}
    points = list(by_key.values())
    if arguments.networks is not None:
        order = {key: cost_of(space.build(point)).objectives["mmacs"] for key, point in by_key.items()}
        if arguments.ranked is not None:
            ranked = final_scores(read_table(space, arguments.ranked), "ap_gt")
            order = {key: statistics.fmean(scores) for key, scores in ranked.items()}
        points = spread(by_key, arguments.networks, order)
    recorded = read_table(space, arguments.search.parent / table.name)
    jobs = [(point, config.seed + seed) for seed in range(arguments.seeds) for point in points]
    jobs = [(point, seed) for point, seed in jobs if (key_of(space, point), seed) not in recorded]
    print(f"{len(recorded)} trainings are recorded beside the search file, {len(jobs)} are to be trained", flush=True)
    with ProcessPoolExecutor(arguments.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(record, config, point, seed, output, arguments.also) for point, seed in jobs]
        for count, done in enumerate(as_completed(running), start=1):
            print(f"{count}/{len(jobs)} {done.result().stem}", flush=True)
            write_table(space, recorded | read_kept(space, output), table)
    print_noise(final_scores(recorded | read_kept(space, output), config.accuracy))
    print(f"wrote {table}")


if __name__ == "__main__":
    main()
