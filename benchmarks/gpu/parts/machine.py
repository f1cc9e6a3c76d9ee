"""The machine: what it is, and how quickly it copies and multiplies."""

from __future__ import annotations

import platform
import statistics
import time
from typing import Any

import torch

from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row
from benchmarks.gpu.timing import seconds_in_turn

PART = "machine"


def describe(device: torch.device) -> dict[str, Any]:
    """Return the device and the versions of what runs on it."""
    found: dict[str, Any] = {
        "device": str(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
    if device.type != "cuda":
        return found | {"name": platform.processor() or platform.machine()}
    properties = torch.cuda.get_device_properties(device)
    return found | {
        "name": properties.name,
        "gpus": torch.cuda.device_count(),
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "multiprocessors": properties.multi_processor_count,
        "cudnn": torch.backends.cudnn.version(),
    }


def copy_bandwidth(plan: Plan) -> float:
    """Return bytes a second of a copy on the device: what is read and what is written."""
    source = torch.empty(plan.copied // 4, device=plan.device)
    source.zero_()
    target = torch.empty_like(source)
    seconds = seconds_in_turn({"copy": lambda: target.copy_(source)}, plan.device, rounds=plan.rounds)["copy"]
    return 2 * source.nbytes / statistics.median(seconds)


def matrix_rate(plan: Plan, precision: str) -> float:
    """Return multiply-accumulates a second of a product of square matrices."""
    left, right = (torch.ones(plan.side, plan.side, device=plan.device, dtype=getattr(torch, precision)) for _ in range(2))
    seconds = seconds_in_turn({"product": lambda: left @ right}, plan.device, rounds=plan.rounds)["product"]
    return plan.side**3 / statistics.median(seconds)


def measure(plan: Plan, until: float) -> list[Row]:
    """Return bandwidth and rates of the device."""
    rows = [Row(part=PART, what="copy bandwidth", value=copy_bandwidth(plan) / 1e9, unit="GB/s", note="read and written")]
    for precision in plan.precisions:
        if time.monotonic() > until:
            break
        rate = matrix_rate(plan, precision) / 1e12
        rows.append(Row(part=PART, what=f"product of matrices, {precision}", value=rate, unit="TMAC/s"))
    return rows
