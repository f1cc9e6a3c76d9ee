"""Whether gains should be divided by the price of a training: paired searches, accounted in compute and in hours.

    python -m benchmarks.search_cost.priced --table tiny_128 --exponents 0 0.5 --seeds 100

Each search runs until its account holds the budget: so many trainings of the mean network. Compute is the sum of
multiply-accumulates over all epochs of all trainings. Hours are those of the recorded machine, with the workers side by
side. Printed are the mean regrets on seed means (`benchmarks.search_cost.yardstick`), and the differences to the first
exponent with 95 % intervals over the seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from analysis.study.trial_status import TrialStatus
from benchmarks.search_cost.competitors import OURS_CHANGES, Competitor
from benchmarks.search_cost.recordings import Source, yardstick_of
from benchmarks.search_cost.runs import simulation_of
from benchmarks.search_cost.yardstick import Ended, paired
from dite_search.simulation.replayed_training import ReplayedTraining
from dite_search.simulation.simulator import Simulation

EPOCHS, COMPUTE, HOURS = "epochs", "compute", "hours"
PARTS = 1000
"""Accounts are kept in whole thousandths of a training of the mean network."""
TRAININGS = (25, 50)
MOST_EPOCHS = 3
"""No account lets a search train more than so many times the epochs of its budget."""


class PricedSimulation(Simulation):
    """A simulation that sums the cost of every epoch."""

    costs: Mapping[str, float]
    spent: float = 0.0

    def _report(self, training: ReplayedTraining) -> TrialStatus | None:
        self.spent += self.costs[training.arch.arch_id] * training.span
        return super()._report(training)


@dataclass(frozen=True, kw_only=True)
class Account:
    """The regrets of one search by one account, at every budget."""

    name: str
    regrets: tuple[float, ...] = field(default=())


def searched(table: str, exponent: float, seed: int, workers: int) -> list[Account]:
    """Run one search, and return its regrets by each account."""
    yardstick = yardstick_of(Source(place=table))
    known = yardstick.table
    length, cost = known.config.train_config.epochs, known.config.objectives.index(yardstick.cost)
    costs = {name: float(values[cost]) for name, values in zip(known.points, known.values(), strict=True)}
    hours = statistics.fmean(curve[-1].get("seconds", length) for curves in known.curves.values() for curve in curves)
    units = {EPOCHS: float(length), COMPUTE: length * statistics.fmean(costs.values()), HOURS: hours / workers}
    changes = {**OURS_CHANGES, "sampler": {**OURS_CHANGES["sampler"], "cost_exponent": exponent}}
    simulation = simulation_of(
        Competitor(name="priced", label=f"exponent {exponent:g}", group="part", changes=changes),
        known,
        seed=seed,
        workers=workers,
        max_epochs=MOST_EPOCHS * TRAININGS[-1] * length,
        curve_of=lambda network, repeat: yardstick.curve(seed, network.arch_id, repeat),
        kind=PricedSimulation,
    )
    simulation.costs = costs
    ended: dict[str, list[Ended]] = {name: [] for name in units}
    for one in simulation.run():
        spent = {EPOCHS: float(one.epochs), COMPUTE: simulation.spent, HOURS: one.seconds}
        if one.status is TrialStatus.COMPLETE:
            training = yardstick.training(seed, one.arch.arch_id, one.repeat)
            for name, unit in units.items():
                parts = round(PARTS * spent[name] / unit)
                ended[name].append(Ended(epochs=parts, network=one.arch.arch_id, training=training))
        if all(spent[name] > TRAININGS[-1] * unit for name, unit in units.items()):
            break
    budgets = [PARTS * count for count in TRAININGS]
    return [
        Account(name=name, regrets=tuple(each.regret for each in yardstick.figures(found, seed=seed, budgets=budgets)))
        for name, found in ended.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", default="tiny_128", help="recorded table, by its name or folder")
    parser.add_argument("--exponents", type=float, nargs="+", default=[0.0, 0.5], help="the first is compared with")
    parser.add_argument("--seeds", type=int, default=100, help="paired searches with each exponent")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    # One thread a process: the models are too small to share.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found: dict[float, list[list[Account]]] = {}
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for exponent in options.exponents:
            count = options.seeds
            settings = ([options.table] * count, [exponent] * count, range(count), [options.workers] * count)
            found[exponent] = list(pool.map(searched, *settings))
            for line in lines_of(exponent, found[exponent], found[options.exponents[0]]):
                print(line, flush=True)


def lines_of(exponent: float, found: Sequence[Sequence[Account]], first: Sequence[Sequence[Account]]) -> list[str]:
    """Return a line for each account: the mean regrets, and the differences to the first exponent's."""
    lines = []
    for row, account in enumerate(found[0]):
        cells = []
        for place, count in enumerate(TRAININGS):
            own, others = ({seed: each[row].regrets[place] for seed, each in enumerate(runs)} for runs in (found, first))
            pair = paired(own, others)
            low, high = pair.interval
            beside = "" if found is first else f" ({pair.difference:+.5f}, {low:+.5f} to {high:+.5f})"
            cells.append(f"at {count} {pair.ours:.5f}{beside}")
        lines.append(f"exponent {exponent:g}, {len(found)} seeds, {account.name:8} {'; '.join(cells)}")
    return lines


if __name__ == "__main__":
    main()
