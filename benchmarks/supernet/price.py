"""The price of shared weights, their scores and finalists in epochs of one network, counted and not trained.

    python -m benchmarks.supernet.price --space dite_hrnet --unit dite_hrnet_18 --people 149813 --epochs 120

Networks of a step are drawn as a training draws them. Epochs are counted alike for all networks, and weighted by the
multiply-accumulates of each, in epochs of the network ``--unit``. A forward pass is a third of a training step. The rows
below are the prices of searches that train every network to its end, and of searches that stop most of them early.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics

from benchmarks.supernet.spending import Spending
from search_spaces.registry import cost_of, preset
from search_spaces.space.cost_strata import CostStrata
from search_spaces.space.elastic_space import ElasticSpace, elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import SupernetConfig

DEFAULTS = SupernetConfig()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--space", default="dite_hrnet", help="name of the space")
    parser.add_argument("--unit", default="dite_hrnet_18", help="network whose epochs are counted")
    parser.add_argument("--people", type=int, default=149_813, help="training people of an epoch (default: COCO's)")
    parser.add_argument("--validated", type=float, default=DEFAULTS.held_out, help="part of them that a score reads")
    parser.add_argument("--calibrated", type=int, default=DEFAULTS.calibration_images, help="images of a calibration")
    parser.add_argument("--epochs", type=int, default=DEFAULTS.epochs, help="epochs of the shared weights")
    parser.add_argument("--subnets", type=int, default=DEFAULTS.subnets_per_step, help="networks of a step")
    parser.add_argument("--scored", type=int, default=DEFAULTS.scored, help="scored networks")
    parser.add_argument("--finalists", type=int, default=DEFAULTS.finalists, help="networks that are trained in the end")
    parser.add_argument("--finalist-epochs", type=int, default=270, help="epochs of a training (default: the paper's)")
    parser.add_argument("--trainings", type=int, default=100, help="trainings of a search without shared weights")
    parser.add_argument("--not-trained", type=float, default=0.6, help="part of their epochs that early stopping spares")
    parser.add_argument("--steps", type=int, default=500, help="steps that are drawn for the mean MACs of a step")
    options = parser.parse_args()
    elastic, unit = elastic_space(named_space(options.space)), float(cost_of(preset(options.unit)).macs)
    spending = Spending(
        epochs=options.epochs,
        subnets=options.subnets,
        scored=options.scored,
        images=options.calibrated + round(options.validated * options.people),
        training_images=options.people,
        finalists=options.finalists,
        finalist_epochs=options.finalist_epochs,
    )
    step = step_macs(elastic, options.subnets, steps=options.steps)
    drawn = statistics.fmean(step[2:] or step)
    weighted = spending.weighted(step, drawn, drawn, unit)
    print("networks of a step, mean MMACs: " + ", ".join(f"{macs / 1e6:.0f}" for macs in step))
    for line in rows_of(spending, weighted, drawn / unit, options.trainings, options.not_trained):
        print(line)


def step_macs(elastic: ElasticSpace, subnets: int, *, steps: int) -> list[float]:
    """Return the mean MACs of each network of a step: the largest, the smallest, and those that are drawn."""
    ends = [float(cost_of(arch).macs) for arch in (elastic.largest, elastic.smallest)]
    strata = CostStrata(elastic, seed=0)
    return ends + [
        statistics.fmean(float(cost_of(strata.draw(0, step, slot)).macs) for step in range(steps))
        for slot in range(2, subnets)
    ]


def rows_of(spending: Spending, weighted: dict[str, float], mean: float, trainings: int, not_trained: float) -> list[str]:
    """Return a table in Markdown: each part of the price, their sum, and two searches without shared weights.

    Args:
        spending: The price.
        weighted: Its parts by multiply-accumulates.
        mean: The MACs of a network of the space, in units of the network that is counted.
        trainings: The trainings of a search without shared weights.
        not_trained: The part of their epochs that early stopping spares.
    """
    parts = spending.parts
    one = dataclasses.replace(spending, epochs=0, scored=0, finalists=1).parts["finalists"]
    prices = {name: (parts[name], weighted[name]) for name in parts}
    prices["in all"] = (sum(parts.values()), sum(weighted.values()))
    for name, share in ((f"{trainings} trainings", 1.0), (f"{trainings} trainings, stopped early", 1.0 - not_trained)):
        prices[name] = (trainings * one * share, trainings * one * share * mean)
    head = ["| part | epochs | epochs by MACs | whole trainings by MACs |", "| --- | --- | --- | --- |"]
    return head + [f"| {name} | {plain:,.0f} | {by:,.0f} | {by / one:.1f} |" for name, (plain, by) in prices.items()]


if __name__ == "__main__":
    main()
