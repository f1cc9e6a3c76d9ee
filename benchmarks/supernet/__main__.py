"""Do inherited scores foretell what trained networks reach, beyond what their costs foretell, and what do they cost?

    python -m benchmarks.supernet --table dite_search/tables/tiny_128 --scores first=runs/a/supernet/inherited.csv

The table is that of `benchmarks.recorded_table`, and scores are those of ``dite-search supernet score``. Several of them
are compared with one another: supernets of other seeds, or one that was scored with other calibrations. Printed are rank
correlations with the final AP, in the mean over the seeds of a network: plain, and given costs or all settings. Then follow
the effects of every setting, with a mark where supernet and trainings are more than 3 standard errors apart. Regret is the
AP lost where only the first k networks within a limit on MACs are trained, in the mean over eight limits. Brackets hold 95 %
intervals of a bootstrap over the networks. With ``--epochs`` the cost is counted in epochs of one network.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import statistics
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.agreement import front_kept, main_effects, regret_within
from benchmarks.proxies import (
    indicators,
    kendall,
    partial_kendall,
    partial_spearman,
    print_agreement,
    print_spearman,
    with_interval,
)
from benchmarks.recorded_table import Key, final_scores, key_of, read_table
from benchmarks.supernet.spending import Spending
from dite_search.config.search_config import load_search
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.search_space import SearchSpace

Vector = NDArray[np.float64]

FIGURE = "inherited_ap_gt"
TRAINED_FIRST = (1, 3, 5)
"""Networks that are trained within each limit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True, help="folder of a recorded table, with its search.yaml")
    parser.add_argument("--scores", action="append", required=True, metavar="LABEL=FILE", help="a table of inherited scores")
    parser.add_argument("--resamples", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--epochs", type=int, help="epochs of the supernet; prints the cost")
    parser.add_argument("--subnets", type=int, default=4, help="networks of a step")
    parser.add_argument("--images", type=int, default=2000, help="images that one score reads")
    parser.add_argument("--training-images", type=int, default=451, help="training images of an epoch")
    parser.add_argument("--finalists", type=int, default=12, help="networks that are trained in the end")
    options = parser.parse_args()
    space = load_search(options.table / "search.yaml").search_space
    accuracy = final_scores(read_table(space, options.table / "curves.csv"), "ap_gt")
    tables = {label: read_scores(space, Path(file)) for label, file in map(labelled, options.scores)}
    for label, scores in tables.items():
        print_table(space, label, scores, accuracy, resamples=options.resamples)
    for first, second in itertools.combinations(tables, 2):
        print(f"\n{first} and {second}: Spearman {stability(tables[first], tables[second]):+.2f}")
    print_agreement(accuracy)
    if options.epochs:
        spending = Spending(
            epochs=options.epochs,
            subnets=options.subnets,
            scored=max(map(len, tables.values())),
            images=options.images,
            training_images=options.training_images,
            finalists=options.finalists,
            finalist_epochs=last_epoch(options.table / "curves.csv"),
        )
        words = ", ".join(f"{name} {value:.0f}" for name, value in spending.parts.items())
        print(f"\nepochs of one network: {words}, in all {sum(spending.parts.values()):.0f}")


def labelled(text: str) -> tuple[str, str]:
    """Return the label and the file of an option ``LABEL=FILE``.

    Raises InvalidInput where one is missing.
    """
    label, _, file = text.partition("=")
    if not label or not file:
        raise InvalidInput(f"--scores must be LABEL=FILE, got {text!r}")
    return label, file


def read_scores(space: SearchSpace, path: Path) -> dict[Key, float]:
    """The inherited score of every network of a table, by its point.

    Raises InvalidInput for a file of other columns.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in (*space.parameters, FIGURE) if name not in (reader.fieldnames or ())]
        if missing:
            raise InvalidInput(f"{path} must have the columns of space {space.name} and {FIGURE}, but lacks {missing[0]}")
        return {key_of(space, row): float(row[FIGURE]) for row in reader}


def last_epoch(path: Path) -> int:
    """The last epoch of a recorded table."""
    with path.open(newline="") as file:
        return max(int(row["epoch"]) for row in csv.DictReader(file))


def stability(first: Mapping[Key, float], second: Mapping[Key, float]) -> float:
    """Spearman's correlation of two tables, over the networks of both."""
    common = [key for key in first if key in second]
    x, y = (np.array([table[key] for key in common]) for table in (first, second))
    return partial_spearman(x, y, np.empty((len(common), 0)))


def print_table(
    space: SearchSpace, label: str, scores: Mapping[Key, float], accuracy: Mapping[Key, list[float]], *, resamples: int
) -> None:
    """All figures of one table of scores, of the networks that were trained too."""
    points = [point for point in space.points() if key_of(space, point) in accuracy.keys() & scores.keys()]
    keys = [key_of(space, point) for point in points]
    costs = [cost_of(space.build(point)) for point in points]
    results = np.array([statistics.fmean(accuracy[key]) for key in keys])
    foretold, macs = np.array([scores[key] for key in keys]), np.array([float(cost.macs) for cost in costs])
    columns = {label: foretold, "log MACs": np.log(macs), "log parameters": np.log([cost.params for cost in costs])}
    print(f"\n{label}: {len(keys)} networks, inherited from {foretold.min():.3f} to {foretold.max():.3f}")
    print_spearman(columns, results, indicators(space, keys), resamples=resamples)
    plain = with_interval(kendall, (foretold, results), resamples=resamples)
    partial = with_interval(partial_kendall, (foretold, results, columns["log MACs"]), resamples=resamples)
    print(f"{'Kendall':20}{plain:>26}{partial:>26}")
    print(f"\n{'effect':28}{'supernet':>10}{'trained':>10}{'error':>10}")
    for effect in main_effects(points, foretold, results):
        named = f"{effect.setting} {effect.value}"
        print(f"{named:28}{effect.foretold:+10.3f}{effect.trained:+10.3f}{effect.error:10.3f}{' apart' * effect.is_apart}")
    print(f"\n{'regret':20}" + "".join(f"{f'k = {first}':>10}" for first in TRAINED_FIRST) + f"{'front kept':>14}")
    for name, ranking in {label: foretold, "by MACs": macs}.items():
        losses = [regret_within(ranking, results, macs, first=first) for first in TRAINED_FIRST]
        print(f"{name:20}" + "".join(f"{loss:10.3f}" for loss in losses) + f"{front_kept(ranking, results, macs):14.1%}")


if __name__ == "__main__":
    main()
