"""The trainings of a table that a replay passes in a second of processor time, by sampler.

Run: ``python -m benchmarks.driver.replay_speed ../shared/data/tables/cells_100_epochs``. Each replay trains networks of
the table again and again, four side by side, until so many trainings have begun. The scheduler of the table's search
ranks rows of two objectives as staircases. In the same run it ranks them in arrays, which take any number of objectives.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from unittest import mock

from dite_search.algorithms import successive_halving
from dite_search.algorithms.dominance_ranks import LeveledRows
from dite_search.simulation.simulator import replay, replayed_config
from dite_search.simulation.tabular_benchmark import TabularBenchmark, load_table

WARM_UP = 100
"""Trainings of a replay before the clock runs: a sampler imports its libraries in the first."""


def trainings_a_second(table: TabularBenchmark, sampler: str, trainings: int) -> float:
    """Replay so many trainings of a table, and return how many passed in a second of processor time."""
    config = replayed_config(table, {"sampler": {"name": sampler}, "reuse": False})
    replay(table, config, workers=4, max_trials=min(WARM_UP, trainings), seed=1)
    began = time.process_time()
    replay(table, config, workers=4, max_trials=trainings, seed=0)
    return trainings / (time.process_time() - began)


def rows(table: TabularBenchmark, samplers: list[str], trainings: int) -> Iterator[str]:
    """Yield the rows of the table that is printed."""
    yield "| sampler | trainings a second, ranks as staircases | in arrays | ratio |"
    yield "| --- | --- | --- | --- |"
    for sampler in samplers:
        stairs = trainings_a_second(table, sampler, trainings)
        with mock.patch.object(successive_halving, "ranked_rows", LeveledRows):
            arrays = trainings_a_second(table, sampler, trainings)
        yield f"| `{sampler}` | {stairs:,.0f} | {arrays:,.0f} | {stairs / arrays:.2f} |"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", help="a recorded table, as dite-search replay takes it")
    parser.add_argument("--trainings", type=int, default=3000, help="trainings of a replay")
    parser.add_argument("--samplers", nargs="+", default=["random"])
    arguments = parser.parse_args()
    for row in rows(load_table(arguments.table), arguments.samplers, arguments.trainings):
        print(row, flush=True)


if __name__ == "__main__":
    main()
