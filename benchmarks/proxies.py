"""Do zero-cost proxies foretell the accuracy of a network, beyond what its cost foretells?

    python -m benchmarks.proxies --table dite_search/tables/tiny_128 --output dite_search/tables/tiny_128/proxies.csv

Measures every proxy for every network of the space, in the mean over some seeds. A row is written for each network, its
parameters first. Figures that are there already are not measured again; remove the file for that. Then the rank correlation
of each with the final AP of the recorded table (``curves.csv``) is printed, plain and partial. The partial one is what is
left of it among networks alike in cost, or in all settings of the space. Brackets hold 95 % intervals of a bootstrap over
the networks. ``--costs`` adds what a proxy takes to compute.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from benchmarks.recorded_table import Key, final_scores, key_of, read_table
from dite_search.config.search_config import load_search
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import cost_of, preset
from search_spaces.space.search_space import SearchSpace
from trainers.evaluation.zero_cost_proxies import PROXIES, drawn_batch, measure

Vector = NDArray[np.float64]
Statistic = Callable[..., float]

BASELINES = ("log MACs", "log parameters")
CONTROLS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "given MACs": BASELINES[:1],
    "given MACs, parameters": BASELINES,
    "given settings": ("settings",),
}
"""The quantities that each column holds fixed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True, help="folder of a recorded table, with its search.yaml")
    parser.add_argument("--output", type=Path, required=True, help="file of the figures")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each figure's mean")
    parser.add_argument("--resamples", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--costs", action="store_true", help="time the proxies too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    space = load_search(options.table / "search.yaml").search_space
    if options.costs:
        print_costs(space)
    if not options.output.is_file():
        write_figures(space, options.output, seeds=options.seeds)
    figures = read_figures(space, options.output)
    accuracy = final_scores(read_table(space, options.table / "curves.csv"), "ap_gt")
    print_correlations(space, figures, accuracy, resamples=options.resamples)


def write_figures(space: SearchSpace, path: Path, *, seeds: int) -> None:
    """Every proxy of every point, the mean over the seeds 0, 1, ..., with 6 significant digits."""
    rows = []
    for count, point in enumerate(space.points(), start=1):
        measured = [measure(space.build(point), PROXIES, seed=seed) for seed in range(seeds)]
        means = [statistics.fmean(figures[name] for figures in measured) for name in PROXIES]
        rows.append([*point.values(), *(f"{value:.6g}" for value in means)])
        if count % 16 == 0:
            print(f"{count}/{space.count()} networks measured", flush=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*space.parameters, *PROXIES])
        writer.writerows(rows)
    print(f"wrote {path}")


def read_figures(space: SearchSpace, path: Path) -> dict[Key, dict[str, float]]:
    """The figures of every point.

    Raises InvalidInput for a file of other columns, such as one from before a proxy was added, or of other points.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        expected = [*space.parameters, *PROXIES]
        if reader.fieldnames != expected:
            raise InvalidInput(f"{path} must have the columns {', '.join(expected)}, got {reader.fieldnames}: remove it")
        figures = {key_of(space, row): {name: float(row[name]) for name in PROXIES} for row in reader}
    if figures.keys() != {key_of(space, point) for point in space.points()}:
        raise InvalidInput(f"{path} must have a row for each of the {space.count()} points of {space.name}: remove it")
    return figures


def partial_spearman(x: Vector, y: Vector, given: Vector) -> float:
    """Correlation of the ranks of x and y (n,) once their linear part in ``given`` (n, m) is taken away.

    Without columns in ``given`` it is Spearman's; NaN where nothing is left of x or y.
    """
    design = np.column_stack([np.ones(len(x)), given])
    ranks = np.column_stack([rankdata(x), rankdata(y)])
    left = ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
    lengths = np.linalg.norm(left, axis=0)
    if lengths.min() < 1e-9 * len(x) ** 1.5:
        return math.nan
    return float(left[:, 0] @ left[:, 1] / lengths.prod())


def kendall(x: Vector, y: Vector) -> float:
    """Kendall's τ-b."""
    return float(kendalltau(x, y).statistic)


def partial_kendall(x: Vector, y: Vector, z: Vector) -> float:
    """Kendall's partial τ of x and y given z (doi:10.1093/biomet/32.3-4.277); NaN where one of them is z's order."""
    xy, xz, yz = kendall(x, y), kendall(x, z), kendall(y, z)
    left = (1 - xz**2) * (1 - yz**2)
    return (xy - xz * yz) / math.sqrt(left) if left > 1e-12 else math.nan


def bootstrap(statistic: Statistic, columns: Sequence[Vector], *, resamples: int) -> tuple[float, float]:
    """The 95 % interval of a statistic of columns (n, ...), by percentiles over rows drawn with replacement."""
    generator = np.random.default_rng(0)
    count = len(columns[0])
    draws = (generator.integers(0, count, count) for _ in range(resamples))
    values = [statistic(*(column[rows] for column in columns)) for rows in draws]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def print_correlations(
    space: SearchSpace,
    figures: Mapping[Key, Mapping[str, float]],
    accuracy: Mapping[Key, list[float]],
    *,
    resamples: int,
) -> None:
    """Both tables, of the networks that are in the recorded one."""
    points = [point for point in space.points() if key_of(space, point) in accuracy]
    keys = [key_of(space, point) for point in points]
    costs = [cost_of(space.build(point)) for point in points]
    y = np.array([statistics.fmean(accuracy[key]) for key in keys])
    columns = {name: np.array([figures[key][name] for key in keys]) for name in PROXIES}
    columns["log MACs"] = np.log([cost.macs for cost in costs])
    columns["log parameters"] = np.log([cost.params for cost in costs])
    print(f"\n{len(keys)} of {space.count()} networks, final AP from {y.min():.3f} to {y.max():.3f}")
    print_agreement(accuracy)
    print_spearman(columns, y, indicators(space, keys), resamples=resamples)
    z = columns["log MACs"]
    print(f"\n{'Kendall':20}{'plain':>26}{'given MACs':>26}")
    for name, x in columns.items():
        plain = with_interval(kendall, (x, y), resamples=resamples)
        partial = "-" if x is z else with_interval(partial_kendall, (x, y, z), resamples=resamples)
        print(f"{name:20}{plain:>26}{partial:>26}")


def print_spearman(columns: Mapping[str, Vector], results: Vector, settings: Vector, *, resamples: int) -> None:
    """Print the rank correlation of each column with the results (n,), plain and given what `CONTROLS` holds fixed.

    Args:
        columns: Figures (n,) by their names, `BASELINES` among them.
        results: The results.
        settings: The settings (n, m) as `indicators` gives them.
        resamples: The draws of the bootstrap.
    """
    controls = {name: rankdata(columns[name])[:, None] for name in BASELINES} | {"settings": settings}
    print(f"\n{'Spearman':20}" + "".join(f"{label:>26}" for label in CONTROLS))
    for name, x in columns.items():
        cells = []
        for held in CONTROLS.values():
            given = np.column_stack([np.empty((len(results), 0)), *(controls[control] for control in held)])
            cells.append("-" if name in held else with_interval(partial_spearman, (x, results, given), resamples=resamples))
        print(f"{name:20}" + "".join(f"{cell:>26}" for cell in cells))


def print_agreement(accuracy: Mapping[Key, list[float]]) -> None:
    """How well one seed foretells another, which no figure of the network alone can better by much."""
    repeated = np.array([values[:2] for values in accuracy.values() if len(values) > 1])
    if len(repeated) > 2:
        correlation = partial_spearman(repeated[:, 0], repeated[:, 1], np.empty((len(repeated), 0)))
        difference = float(np.median(np.abs(repeated[:, 0] - repeated[:, 1])))
        print(f"two seeds of {len(repeated)} networks: Spearman {correlation:.2f}, median difference {difference:.3f}")


def with_interval(statistic: Statistic, columns: Sequence[Vector], *, resamples: int) -> str:
    """In words, and a dash where there is none."""
    value = statistic(*columns)
    if math.isnan(value):
        return "-"
    low, high = bootstrap(statistic, columns, resamples=resamples)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def indicators(space: SearchSpace, keys: list[Key]) -> Vector:
    """(n, m) of 0 and 1: for each parameter, each of its values but the first."""
    columns = [
        [float(key[index] == str(value)) for key in keys]
        for index, parameter in enumerate(space.choices.values())
        for value in parameter.values[1:]
    ]
    return np.array(columns).T


def print_costs(space: SearchSpace, *, runs: int = 3) -> None:
    """Seconds of processor time of each proxy on one thread, the median of some runs."""
    networks: dict[str, ArchConfig] = {space.name: next(space.enumerate()), "dite_hrnet_18": preset("dite_hrnet_18")}
    measure(networks[space.name], PROXIES, seed=0)
    print(f"{'seconds':20}" + "".join(f"{label:>16}" for label in networks))
    for name in ("the batch", *PROXIES):
        cells = [statistics.median(seconds(name, arch) for _ in range(runs)) for arch in networks.values()]
        print(f"{name:20}" + "".join(f"{cell:16.2f}" for cell in cells), flush=True)


def seconds(name: str, arch: ArchConfig) -> float:
    """Of one proxy, its network built anew, the batch given; or of drawing the batch."""
    batch = drawn_batch(arch, seed=0)
    start = time.process_time()
    if name in PROXIES:
        measure(arch, [name], seed=0, batch=batch)
    else:
        drawn_batch(arch, seed=0)
    return time.process_time() - start


if __name__ == "__main__":
    main()
