"""A step of shared weights: four networks of a space learn from one batch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import count

from torch import nn

from benchmarks.gpu.networks import drawn_batch, own_step
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row
from benchmarks.gpu.timing import Step, ratio_of, seconds_in_turn
from search_spaces.families.architecture import Architecture
from search_spaces.space.cost_strata import CostStrata
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.networks.registry import build_network, shared_weights
from trainers.processes.distributed import Worker
from trainers.training.sandwich_step import SandwichLearner

PART = "supernet"
POOL_POINTS = 500
"""Points that networks are drawn from: a training has more, and a step takes as long."""
SETTINGS = SupernetConfig()


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the time of a step of shared weights, and of the same networks with weights of their own."""
    if time.monotonic() > until:
        return [Row(part=PART, what=plan.shared_space, value=None, note="time was up")]
    elastic = elastic_space(named_space(plan.shared_space))
    strata = CostStrata(elastic, seed=0, pool_points=POOL_POINTS)
    slots = range(2, SETTINGS.subnets_per_step)

    def planned(number: int) -> list[Architecture]:
        return [elastic.largest, elastic.smallest, *(strata.draw(0, number, slot) for slot in slots)]

    batch = drawn_batch(plan.headline, elastic.largest.input_size, plan.device)
    store = shared_weights(elastic.largest, elastic.envelope)
    config = TrainConfig(batch_size=plan.headline)
    learner = SandwichLearner(store, config, Worker(device=plan.device), largest=elastic.largest)
    learner.train()
    numbers = count()

    def shared() -> None:
        learner.plan(planned(next(numbers)), SETTINGS.distillation_at(1.0))
        learner.step(batch, 1e-3)

    def alone(networks: list[nn.Module]) -> Step:
        steps: list[Callable[[], object]] = [own_step(network, batch, plan.device) for network in networks]
        return lambda: [step() for step in steps]

    of_their_own = [build_network(arch) for arch in planned(0)]
    steps = {"shared": shared, "largest": alone(of_their_own[:1]), "alone": alone(of_their_own)}
    seconds = seconds_in_turn(steps, plan.device, rounds=plan.rounds, until=until)
    median = statistics.median(seconds["shared"])
    what = f"{plan.shared_space}, batch {plan.headline}, {SETTINGS.subnets_per_step} networks a step"
    return [
        Row(part=PART, what=what, value=1e3 * median, unit="ms", note=f"{plan.headline / median:.3g} samples/s"),
        *(
            Row(part=PART, what=f"the step against {of}", value=ratio, unit="times", note=f"{least:.2f} to {most:.2f}")
            for of, other in (("the largest network alone", "largest"), ("the first four networks alone", "alone"))
            for ratio, least, most in [ratio_of(seconds["shared"], seconds[other])]
        ),
    ]
