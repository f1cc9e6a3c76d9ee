"""How long the closed form takes for one architecture, beside building the network and counting it with fvcore.

    python -m benchmarks.cost_model [--architectures 2000] [--measured 5] [--seed 0]

Both are timed in one run on one core, over fresh random architectures of `dite_hrnet`. The figure to quote is the ratio: it
depends less on the machine than either time does.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space
from trainers.evaluation.counting import measured_cost


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the closed-form cost of an architecture.")
    parser.add_argument("--architectures", type=int, default=2000, help="how many the closed form is timed on")
    parser.add_argument("--measured", type=int, default=5, help="how many of them are built and counted too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)

    space, generator = named_space("dite_hrnet"), np.random.default_rng(options.seed)
    archs = [space.build(space.sample(generator)) for _ in range(options.architectures)]
    cost_of(ArchConfig())
    closed = seconds_of(cost_of, archs)
    measured = seconds_of(measured_cost, archs[: options.measured])
    differing = [arch.arch_id for arch in archs[: options.measured] if measured_cost(arch) != closed_form(arch)]

    print(f"{'one architecture':36}{'median':>14}{'90 % below':>14}")
    for label, times in (("closed form (cost_of)", closed), ("network built, counted by fvcore", measured)):
        print(f"{label:36}{readable(statistics.median(times)):>14}{readable(float(np.quantile(times, 0.9))):>14}")
    print(f"{'ratio of medians':36}{statistics.median(measured) / statistics.median(closed):>14,.0f}")
    print(f"{'networks compared, differing':36}{f'{options.measured}, {len(differing)}':>14}")


def seconds_of(function: Callable[[ArchConfig], object], archs: Sequence[ArchConfig]) -> list[float]:
    """The time of each call by itself."""
    times = []
    for arch in archs:
        start = time.perf_counter()
        function(arch)
        times.append(time.perf_counter() - start)
    return times


def closed_form(arch: ArchConfig) -> tuple[int, int]:
    cost = cost_of(arch)
    return cost.params, cost.macs


def readable(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
