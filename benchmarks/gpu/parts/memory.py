"""Memory of a step, and the largest batch that fits."""

from __future__ import annotations

import resource
import time

import torch

from benchmarks.gpu.networks import drawn_batch, own_step, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row

PART = "memory"
LARGEST_TRIED = 8192
"""Samples beyond which nobody trains these networks on one device."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the most memory that a step takes at each batch, and the largest batch of a power of two that fits.

    On a processor the memory is that of the whole process at its largest, and larger batches are not tried.
    """
    rows = []
    for samples in plan.batches:
        taken = step_memory(plan, samples)
        rows.append(_row(f"{plan.networks[0]}, batch {samples}", taken))
    if plan.on_gpu:
        rows += _largest(plan, until)
    return rows


def step_memory(plan: Plan, samples: int) -> float | None:
    """Return GiB that one step of the first network takes at most; None where they are not there."""
    if plan.on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(plan.device)
    try:
        batch = drawn_batch(samples, plan.input_size, plan.device)
        # Asked for as one piece: a step that runs out of memory would take smaller pieces by itself.
        step = own_step(subject(plan.networks[0]).build(), batch, plan.device)
        step()
    except torch.OutOfMemoryError:
        return None
    if plan.on_gpu:
        return torch.cuda.max_memory_allocated(plan.device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _largest(plan: Plan, until: float) -> list[Row]:
    samples, fits = 2 * max(plan.batches), 0
    while samples <= LARGEST_TRIED and time.monotonic() < until:
        if step_memory(plan, samples) is None:
            break
        samples, fits = 2 * samples, samples
    note = "" if fits else f"more than {max(plan.batches)} did not fit, or time was up"
    return [Row(part=PART, what=f"{plan.networks[0]}, largest batch", value=fits or None, unit="samples", note=note)]


def _row(what: str, taken: float | None) -> Row:
    return Row(part=PART, what=what, value=taken, unit="GiB", note="memory ran out" if taken is None else "")
