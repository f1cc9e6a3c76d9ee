"""Seconds of steps that take turns, so that what else a machine does meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Step = Callable[[], object]
WARM_UPS = 2
"""Steps before the timed ones: kernels are chosen and memory is taken in them."""


def synchronise(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(step: Step, device: torch.device) -> float:
    """Return how long one step takes on a device."""
    synchronise(device)
    began = time.perf_counter()
    step()
    synchronise(device)
    return time.perf_counter() - began


def seconds_in_turn(
    steps: Mapping[str, Step], device: torch.device, *, rounds: int, until: float = float("inf")
) -> dict[str, list[float]]:
    """Return the seconds of each step, one round after the other, after `WARM_UPS` of each.

    Args:
        steps: the ways that take turns, by name.
        device: the device that is waited for.
        rounds: how often each is timed.
        until: after this time of ``time.monotonic()`` each is run once more at most, and none is warmed up twice.
    """
    for step in steps.values():
        for number in range(WARM_UPS):
            if number and time.monotonic() > until:
                break
            step()
    found: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds):
        if number and time.monotonic() > until:
            break
        for name, step in steps.items():
            found[name].append(seconds_of(step, device))
    return found


def ratio_of(slower: list[float], faster: list[float]) -> tuple[float, float, float]:
    """Return by how much one way is faster than the other, pair by pair: median, least and most."""
    ratios = [a / b for a, b in zip(slower, faster, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)
