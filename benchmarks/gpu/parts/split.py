"""Where the time of a step goes, and how far it is from the time that its bytes alone take."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from torch import Tensor

from benchmarks.gpu.networks import drawn_batch, own_step, subject
from benchmarks.gpu.parts.machine import copy_bandwidth, matrix_rate
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row, at_most
from benchmarks.gpu.timing import WARM_UPS, seconds_in_turn, seconds_of
from benchmarks.gpu.traffic import work_of
from search_spaces.registry import cost_of, preset
from search_spaces.training_config import TrainConfig
from trainers.networks.loss import heatmap_loss
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

PART = "split of a step"
GOAL = 2.0
"""Times the bytes alone that a step may take."""
PASSES = 3
"""Multiply-accumulates of a step, as a multiple of a forward pass: the backward pass has two for each."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the parts of a step of the first network at the headline's batch, in milliseconds, and what bounds it."""
    parts = parts_of(plan)
    whole = sum(parts.values())
    rows = [
        Row(part=PART, what=name, value=1e3 * seconds, unit="ms", note=f"{seconds / whole:.0%}")
        for name, seconds in parts.items()
    ]
    return [*rows, *_bounds(plan, until)]


def parts_of(plan: Plan) -> dict[str, float]:
    """Return the median seconds of copying a batch to the device, forward, backward and optimiser, each waited for."""
    on_processor = drawn_batch(plan.headline, plan.input_size)
    if plan.on_gpu:
        on_processor = {name: value.pin_memory() for name, value in on_processor.items()}
    config = TrainConfig(batch_size=plan.headline)
    learner = Learner(subject(plan.networks[0]).build(), config, Worker(device=plan.device))
    network = learner.network.train()
    held: dict[str, Tensor] = {}

    def copy() -> None:
        held.update({name: value.to(plan.device, non_blocking=True) for name, value in on_processor.items()})

    def forward() -> None:
        held["loss"] = heatmap_loss(network(held["image"]), held["target"], held["weight"])

    def backward() -> None:
        held.pop("loss").backward()

    def optimiser() -> None:
        learner.optimizer.step()
        learner.optimizer.zero_grad()

    steps: dict[str, Callable[[], None]] = {
        "copy to the device": copy,
        "forward": forward,
        "backward": backward,
        "optimiser": optimiser,
    }
    for _ in range(WARM_UPS):
        for step in steps.values():
            step()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(plan.rounds):
        for name, step in steps.items():
            seconds[name].append(seconds_of(step, plan.device))
    return {name: statistics.median(values) for name, values in seconds.items()}


def _bounds(plan: Plan, until: float) -> list[Row]:
    """Return what a step does and the times that its bytes and its products would take alone."""
    batch = drawn_batch(plan.headline, plan.input_size, plan.device)
    step = own_step(subject(plan.networks[0]).build(), batch, plan.device)
    seconds = statistics.median(seconds_in_turn({"step": step}, plan.device, rounds=plan.rounds, until=until)["step"])
    work = work_of(step)
    by_bytes = work.bytes / copy_bandwidth(plan)
    arch = preset(plan.networks[0], input_size=plan.input_size)
    macs = PASSES * cost_of(arch).macs * plan.headline
    by_products = macs / matrix_rate(plan, "float32")
    ratio = seconds / by_bytes
    verdict = at_most(GOAL, ratio) if plan.on_gpu else ""
    times = {
        "whole step": (seconds, f"{work.operators:,} operators"),
        "bytes alone": (by_bytes, f"{work.bytes / 1e9:.2f} GB read and written"),
        "products alone": (by_products, f"{macs / 1e9:.1f} GMAC in float32"),
    }
    return [
        *(Row(part=PART, what=what, value=1e3 * value, unit="ms", note=note) for what, (value, note) in times.items()),
        Row(part=PART, what="whole step against its bytes", value=ratio, unit="times", note=verdict),
    ]
