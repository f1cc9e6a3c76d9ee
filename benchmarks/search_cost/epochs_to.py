"""The cost of a search: epochs of training until a recorded table's hypervolume is found, by this search and by others.

    python -m benchmarks.search_cost.epochs_to --output runs/search_cost --plot search_cost.png

Every network of the table was trained to its end before, so a search is replayed in seconds
(`dite_search.simulation.simulator`). The simulated workers take the recorded times, and every finished epoch counts, those
of trainings that are stopped or trained again too. Only trials that ran to their last epoch count into the hypervolume, for
everyone alike. Runs end at 99 % of the hypervolume of the whole table or when the epochs are used up. Finished runs are kept
in ``--output``, and are not run again.

Syne Tune's MOASHA is the one competitor that is not among the dependencies. ``pip install -e '.[peers]'`` brings all
that Syne Tune asks for, some of it large; ``pip install --no-deps syne-tune==0.16.0 dill psutil sortedcontainers`` does too.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.search_cost.competitors import COMPETITORS, Competitor, within_budget
from benchmarks.search_cost.runs import Run, Terms, run_all
from benchmarks.search_cost.summary import FRACTIONS, best_peer, interval, markdown
from dite_search.simulation.tabular_benchmark import load_table

COST = "mmacs"
CAP = 3
"""Epochs that everyone may spend, in trainings of the whole table."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", default="tiny_128", help="a recorded table: shipped, or a folder")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each competitor")
    parser.add_argument("--first-seed", type=int, default=0, help="of those")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(c.name for c in COMPETITORS))
    parser.add_argument("--output", type=Path, default=Path("runs/search_cost"), help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--plot", type=Path, help="picture of the curves to write")
    options = parser.parse_args()
    chosen = [competitor for competitor in COMPETITORS if not options.only or competitor.name in options.only]
    table = load_table(options.table)
    terms = Terms(table=options.table, workers=options.workers, epochs=CAP * table.epochs)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    keep = {"output": options.output, "jobs": options.jobs}
    runs = run_all(chosen, terms, seeds, **keep)
    print(f"{len(table)} networks, {len(table.front)} on the front, {table.epochs} epochs in all; {options.seeds} seeds,")
    print(f"{terms.workers} workers, at most {terms.epochs:,} epochs; medians (quartiles)\n")
    print_table(chosen, runs, terms)
    if options.plot:
        # Only this option needs matplotlib.
        from benchmarks.search_cost.plot import draw

        draw([c for c in chosen if c.group != "part"], runs, target=terms.target, path=options.plot)
    if not options.only:
        limit = float(np.median(table.values()[:, table.config.objectives.index(COST)]))
        terms = dataclasses.replace(terms, budget=(f"{COST} <= {limit:.6g}",))
        chosen = within_budget()
        print(f"\nWithin a budget of {terms.budget[0]}, the median of the table\n")
        print_table(chosen, run_all(chosen, terms, seeds, **keep), terms)


def print_table(competitors: Sequence[Competitor], runs: Mapping[str, Sequence[Run]], terms: Terms) -> None:
    """The table, and how sure the ratios of this search are."""
    against = [competitor for competitor in competitors if competitor.name == "random"]
    best = best_peer(competitors, runs)
    against += [best] if best not in against else []
    print(markdown(competitors, runs, epochs=terms.epochs, against=against))
    for other in against if "ours" in runs else ():
        low, high = interval(runs["ours"], runs[other.name], FRACTIONS[-1])
        print(f"\nThis search over {other.label}, 95 % of resampled seeds: {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
