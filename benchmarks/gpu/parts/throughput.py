"""Samples a second of whole training steps, against the published computation in the same rounds."""

from __future__ import annotations

import statistics
import time

import torch

from benchmarks.gpu.networks import drawn_batch, literal_step, own_step, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row, at_least
from benchmarks.gpu.timing import Step, ratio_of, seconds_in_turn
from search_spaces.training_config import GRAPHS

PART = "training"
GOAL = 3.0
"""Times the published computation at the headline's batch."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the rates of all networks, the headline's batch of each first."""
    rows: list[Row] = []
    order = [plan.headline, *(batch for batch in plan.batches if batch != plan.headline)]
    for samples in order:
        for name in plan.networks:
            if time.monotonic() > until and rows:
                rows.append(Row(part=PART, what=f"{name}, batch {samples}", value=None, note="time was up"))
                continue
            rows += _rates(plan, name, samples, until)
    return rows


def _rates(plan: Plan, name: str, samples: int, until: float) -> list[Row]:
    """Return the rates of one network at one batch."""
    what = f"{name}, batch {samples}"
    try:
        seconds = seconds_in_turn(_steps(plan, name, samples), plan.device, rounds=plan.rounds, until=until)
    except torch.OutOfMemoryError:
        return [Row(part=PART, what=what, value=None, note="memory ran out")]
    published = seconds.pop("published")
    rows = [Row(part=PART, what=f"{what}, published", value=samples / statistics.median(published), unit="samples/s")]
    for way, own in seconds.items():
        ratio, least, most = ratio_of(published, own)
        note = f"{ratio:.2f} times published ({least:.2f} to {most:.2f})"
        rows.append(
            Row(part=PART, what=f"{what}, {way}", value=samples / statistics.median(own), unit="samples/s", note=note)
        )
    if plan.on_gpu and samples == plan.headline and name == plan.networks[0]:
        best = max(ratio_of(published, own)[0] for own in seconds.values())
        rows.append(Row(part=PART, what=f"goal: {what}", value=best, unit="times", note=at_least(GOAL, best)))
    return rows


def _steps(plan: Plan, name: str, samples: int) -> dict[str, Step]:
    chosen, batch = subject(name), drawn_batch(samples, plan.input_size, plan.device)
    steps = {"published": literal_step(chosen.literal(), batch, plan.device)}
    for precision in plan.precisions:
        steps[precision] = own_step(chosen.build(), batch, plan.device, precision=precision)
        if plan.on_gpu:
            recorded = own_step(chosen.build(), batch, plan.device, precision=precision, accelerate=GRAPHS)
            steps[f"{precision}, graphs"] = recorded
    return steps
