"""Steps of a network that ``torch.compile`` has translated, which takes minutes: the last part, where time is left."""

from __future__ import annotations

import statistics
import time

from benchmarks.gpu.networks import drawn_batch, own_step, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row
from benchmarks.gpu.timing import seconds_in_turn, seconds_of
from search_spaces.training_config import COMPILE

PART = "torch.compile"
LEAST_SECONDS = 90.0
"""Time that must be left to begin."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return how long the translation of the first network takes, and the rate of its steps in each half precision."""
    what = f"{plan.networks[0]}, batch {plan.headline}"
    if not plan.on_gpu:
        return [Row(part=PART, what=what, value=None, note="a processor takes many minutes for it")]
    if time.monotonic() + LEAST_SECONDS > until:
        return [Row(part=PART, what=what, value=None, note=f"less than {LEAST_SECONDS:g} s were left")]
    batch = drawn_batch(plan.headline, plan.input_size, plan.device)
    chosen = subject(plan.networks[0])
    steps = {
        "bfloat16": own_step(chosen.build(), batch, plan.device, precision="bfloat16"),
        "bfloat16, compiled": own_step(chosen.build(), batch, plan.device, precision="bfloat16", accelerate=COMPILE),
    }
    translating = seconds_of(steps["bfloat16, compiled"], plan.device)
    seconds = seconds_in_turn(steps, plan.device, rounds=plan.rounds, until=until)
    rows = [Row(part=PART, what="first step", value=translating, unit="s")]
    for way, own in seconds.items():
        rows.append(Row(part=PART, what=f"{what}, {way}", value=plan.headline / statistics.median(own), unit="samples/s"))
    return rows
