"""Latency of one image in evaluation mode."""

from __future__ import annotations

import statistics

import torch

from benchmarks.gpu.networks import drawn_batch, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row
from benchmarks.gpu.timing import Step, seconds_in_turn
from trainers.training.train_step import computing_in

PART = "latency"
ROUNDS_FACTOR = 5
"""Passes for each timed step of a training: a pass takes little."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the milliseconds of one image through each network, in each number format."""
    image = drawn_batch(1, plan.input_size, plan.device)["image"]
    passes: dict[str, Step] = {}
    for name in plan.networks:
        network = subject(name).build().to(plan.device).eval()
        for precision in plan.precisions:
            passes[f"{name}, {precision}"] = _pass(network, image, precision)
    seconds = seconds_in_turn(passes, plan.device, rounds=ROUNDS_FACTOR * plan.rounds, until=until)
    rows = []
    for name, found in seconds.items():
        tenths = statistics.quantiles(found, n=10) if len(found) > 1 else [found[0]] * 9
        note = f"{1e3 * tenths[0]:.3g} to {1e3 * tenths[-1]:.3g}, one image"
        rows.append(Row(part=PART, what=name, value=1e3 * statistics.median(found), unit="ms", note=note))
    return rows


def _pass(network: torch.nn.Module, image: torch.Tensor, precision: str) -> Step:
    def run() -> None:
        with torch.inference_mode(), computing_in(precision, image.device):
            network(image)

    return run
