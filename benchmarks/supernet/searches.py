"""Searches side by side at equal cost: those without shared weights, one that reads their scores, and their finalists alone.

    python -m benchmarks.supernet.searches dite_search/tables/drawn_48/search.yaml --directory runs

The search file is that of a recorded table, which lies beside it. The shared weights of its study were trained and scored by
``dite-search supernet train`` and ``score``. A search that uses them begins when their price is spent, in epochs of one
network. It is the epochs of the weights times the networks of a step, and the passes of all scores. Each budget is that
price and some whole trainings, and each search gets all of it. The figures are those of `benchmarks.search_cost`, on seed
means, and seeds are paired.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_cost.competitors import COMPETITORS, OURS_CHANGES, Competitor
from benchmarks.search_cost.recordings import completed
from benchmarks.search_cost.yardstick import Ended, Figures, Yardstick, paired
from benchmarks.supernet.spending import Spending
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.config.search_data import data_of
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.supernet.direct import spread_over_costs
from dite_search.supernet.place import FOLDER
from dite_search.supernet.scores import SETTINGS, InheritedScores, ScoresFile
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.supernet_config import PRIOR
from trainers.data.samples.held_out import training_parts

FINALISTS = (4, 8, 12)
"""Whole trainings that a budget holds beside the price of the shared weights."""
WITHOUT = ("random", "tpe", "nsga2", "gp", "ours")
"""Searches that get the price of the shared weights as trainings."""
OURS, READS, ALONE = "ours", "prior", "direct"


@dataclass(frozen=True, kw_only=True)
class SharedWeights:
    """The scores of shared weights, and what they cost.

    Args:
        folder: The folder of the study.
        scores: The inherited scores.
        spending: The price, of the finalists too.
        workers: The trainings side by side.
    """

    folder: Path
    scores: InheritedScores
    spending: Spending
    workers: int

    @property
    def price(self) -> int:
        """The epochs of one network that the weights and their scores cost, rounded up."""
        parts = self.spending.parts
        return int(np.ceil(parts["supernet"] + parts["scores"]))


def shared_weights_of(config: SearchConfig, *, finalists: int, workers: int) -> SharedWeights:
    """Return the scores in the folder of a study, with their price.

    Raises:
        InvalidInput: the study has no scores.
    """
    scores = ScoresFile(config.study_directory / FOLDER).read()
    if scores is None:
        raise InvalidInput(f"{config.study_directory} must have inherited scores: train and score shared weights first")
    settings = scores.identity[SETTINGS]
    parts = training_parts(data_of(config).people("train"), settings["held_out"], config.seed)
    return SharedWeights(
        folder=config.study_directory,
        scores=scores,
        workers=workers,
        spending=Spending(
            epochs=settings["epochs"],
            subnets=settings["subnets_per_step"],
            scored=len(scores.networks),
            images=min(int(scores.identity["calibration_images"]), len(parts.learned)) + len(parts.held_out),
            training_images=len(parts.learned),
            finalists=finalists,
            finalist_epochs=config.train_config.epochs,
        ),
    )


def finalists_of(shared: SharedWeights, yardstick: Yardstick, *, seed: int, count: int) -> list[Ended]:
    """Return the trainings of the finalists alone, one after another."""
    values = shared.scores.values()
    networks = [each.arch for each in shared.scores.networks]
    chosen = spread_over_costs(
        np.array([values[arch.arch_id] for arch in networks]),
        np.array([float(cost_of(arch).macs) for arch in networks]),
        count,
    )
    length = yardstick.table.config.train_config.epochs
    return [
        Ended(
            epochs=shared.price + number * length,
            network=networks[place].arch_id,
            training=yardstick.training(seed, networks[place].arch_id, 0),
        )
        for number, place in enumerate(chosen, start=1)
    ]


def figures_of(
    name: str, shared: SharedWeights, yardstick: Yardstick, *, seed: int, finalists: Sequence[int]
) -> list[Figures]:
    """Return the figures of one search with one seed at every budget."""
    length = yardstick.table.config.train_config.epochs
    budgets = [shared.price + count * length for count in finalists]
    if name == ALONE:
        trained = [finalists_of(shared, yardstick, seed=seed, count=count) for count in finalists]
        return [
            yardstick.figures(ended, seed=seed, budgets=[budget])[0] for ended, budget in zip(trained, budgets, strict=True)
        ]
    spent = shared.price if name == READS else 0
    found, _ = completed(_competitor(name, shared), yardstick, workers=shared.workers, seed=seed, epochs=budgets[-1] - spent)
    ended = [dataclasses.replace(one, epochs=spent + one.epochs) for one in found]
    return yardstick.figures(ended, seed=seed, budgets=budgets)


def _competitor(name: str, shared: SharedWeights) -> Competitor:
    if name != READS:
        return next(one for one in COMPETITORS if one.name == name)
    changes: dict[str, Any] = {
        **OURS_CHANGES,
        "directory": str(shared.folder.parent),
        "supernet": {"use": PRIOR, "study": shared.folder.name},
    }
    return Competitor(name=name, label="this search, scores as a prior", group="ours", changes=changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("search", type=Path, help="the search file of a recorded table, whose curves lie beside it")
    parser.add_argument("--directory", type=Path, default=Path("runs"), help="folder of the study with the scores")
    parser.add_argument("--finalists", type=int, nargs="+", default=FINALISTS, help="trainings beside the shared weights")
    parser.add_argument("--seeds", type=int, default=100, help="runs of each search")
    parser.add_argument("--slow-seeds", type=int, default=20, help="runs of Optuna's GP, which takes minutes")
    parser.add_argument("--only", nargs="+", default=(*WITHOUT, READS, ALONE), help="searches")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    options = parser.parse_args()
    config = load_search(options.search, changes={"directory": str(options.directory.absolute())})
    yardstick, finalists = Yardstick(load_table(str(options.search.parent))), sorted(options.finalists)
    shared = shared_weights_of(config, finalists=finalists[-1], workers=options.workers)
    length = config.train_config.epochs
    parts = ", ".join(f"{name} {epochs:.0f}" for name, epochs in shared.spending.parts.items())
    print(f"epochs of one network: {parts}; a training takes {length}")
    found: dict[str, dict[int, list[Figures]]] = {}
    for name in options.only:
        seeds = range(options.slow_seeds if name == "gp" else options.seeds)
        found[name] = {seed: figures_of(name, shared, yardstick, seed=seed, finalists=finalists) for seed in seeds}
        _print_row(name, found, finalists)


def _print_row(name: str, found: dict[str, dict[int, list[Figures]]], finalists: Sequence[int]) -> None:
    """Print the mean regrets of a search, and its ratio to this search where that was run before."""
    own, cells = found[name], []
    for place, count in enumerate(finalists):
        cell = f"{statistics.fmean(figures[place].regret for figures in own.values()):.4f}"
        if name != OURS and OURS in found:
            pair = paired(*({seed: each[place].regret for seed, each in found[one].items()} for one in (name, OURS)))
            low, high = pair.interval
            cell += f", {pair.ratio:.2f} times this search's ({pair.difference:+.4f}, {low:+.4f} to {high:+.4f})"
        cells.append(f"with {count}: {cell}")
    print(f"{name:8} {len(own):4} seeds  " + "; ".join(cells), flush=True)


if __name__ == "__main__":
    main()
