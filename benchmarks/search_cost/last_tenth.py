"""Whether the last tenth of a budget is better spent on what has begun: paired searches on a recorded table.

``python -m benchmarks.search_cost.last_tenth`` prints a line for each sampler. It has the share of the table's
hypervolume that complete trainings reach within a budget of epochs, with and without the rule. It ends with their
difference over seeds.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from analysis.pareto.front import hypervolume, reference_point
from analysis.study.trial_status import TrialStatus
from dite_search.simulation.replay_study import ReplayStorage, create_replay
from dite_search.simulation.simulator import Simulation, replayed_config, simulation_on
from dite_search.simulation.tabular_benchmark import TabularBenchmark, load_table
from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.limits import FINISHING_SHARE, Limits


def covered(table: TabularBenchmark, *, sampler: str, seed: int, epochs: int, workers: int, finishing_share: float) -> float:
    """Return the share of a table's hypervolume that the complete trainings of a search reach within a budget of epochs.

    Args:
        table: The recorded table.
        sampler: The sampler of the search.
        seed: The seed of the search.
        epochs: The budget.
        workers: The trainings side by side.
        finishing_share: The share of the budget from which on the rest is for what has begun.
    """
    config = replayed_config(table, {"sampler": {"name": sampler}, "scheduler": {"name": "pareto"}, "seed": seed})
    storage, simulated = ReplayStorage(), list[Simulation]()
    create_replay(config, storage)
    simulation = simulation_on(
        table,
        config,
        storage,
        workers=workers,
        allowance=Allowance(
            Account(clock=lambda: simulated[0].seconds if simulated else 0.0),
            Limits(epochs=epochs),
            goals=[*config.rungs, config.train_config.epochs],
            finishing_share=finishing_share,
        ),
    )
    simulated.append(simulation)
    complete = {ended.arch.arch_id for ended in simulation.run() if ended.status is TrialStatus.COMPLETE}
    corner = reference_point(table.matrix(list(table.points)), table.directions)
    volumes = [
        hypervolume(table.matrix(names), corner, table.directions) for names in (sorted(complete), list(table.points))
    ]
    return volumes[0] / volumes[1]


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="tiny_128", help="recorded table")
    parser.add_argument("--samplers", nargs="+", default=["cost_aware", "tpe", "random"], help="samplers")
    parser.add_argument("--epochs", type=int, default=300, help="budget of a search")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    parser.add_argument("--seeds", type=int, default=30, help="paired searches of each sampler")
    options = parser.parse_args()
    table = load_table(options.table)
    for sampler in options.samplers:
        found = np.array(
            [
                [
                    covered(
                        table,
                        sampler=sampler,
                        seed=seed,
                        epochs=options.epochs,
                        workers=options.workers,
                        finishing_share=share,
                    )
                    for share in (FINISHING_SHARE, math.inf)
                ]
                for seed in range(options.seeds)
            ]
        )
        gain = found[:, 0] - found[:, 1]
        error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else math.nan
        means = f"{found[:, 0].mean():.4f} with the rule, {found[:, 1].mean():.4f} without"
        print(f"{sampler:<11} {options.epochs} epochs: {means}; difference {gain.mean():+.4f} ± {error:.4f}", end="")
        print(f", better in {(gain > 0).sum()}, worse in {(gain < 0).sum()} of {len(gain)}")


if __name__ == "__main__":
    main()
