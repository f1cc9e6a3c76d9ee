"""Training throughput against the published computation, in one run: ``python -m benchmarks.training_speed``.

Both train the same network on the same random batch, step by step in turn, so that what else the machine does meets both.
The step is the whole one, optimiser included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.released_network import released_network, same_outputs
from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from search_spaces.training_config import PRECISIONS, TrainConfig
from trainers.networks.loss import Batch, heatmap_loss
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.processes.memory import keep_freed_memory
from trainers.training.train_step import Learner

Step = Callable[[], None]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="dite_hrnet_18")
    parser.add_argument("--input-size", default="256x192")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="*", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too, and how long it takes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    arch = resized(preset(options.network), input_size=options.input_size)
    print(f"{options.network} {options.input_size}, batch {options.batch_size}, {options.device}, {options.threads} threads")
    print(f"largest difference of the outputs, of the largest value: {same_outputs(arch):.1e}")
    worker = Worker(device=torch.device(options.device))
    height, width = arch.input_size
    batch = {
        "image": torch.randn(options.batch_size, 3, height, width),
        "target": torch.rand(options.batch_size, arch.keypoints, *arch.heatmap_size),
        "weight": torch.ones(options.batch_size, arch.keypoints),
    }
    steps: dict[str, Step] = {"published": _published_step(arch, batch, worker.device)}
    for precision in options.precision:
        for compiled in (False, True) if options.compile else (False,):
            config = TrainConfig(batch_size=options.batch_size, precision=precision, compile=compiled)
            learner = Learner(build_network(arch), config, worker)
            learner.network.train()
            steps[f"ours {precision}{' compiled' if compiled else ''}"] = lambda learner=learner: _step(learner, batch)
    for name, step in steps.items():
        began = time.perf_counter()
        step()
        print(f"first step of {name}: {time.perf_counter() - began:.1f} s")
    _print_table(_timed(steps, options.steps), options.batch_size)


def _timed(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of each step in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _print_table(seconds: dict[str, list[float]], batch_size: int) -> None:
    published = seconds["published"]
    print(f"{'':24}samples/s   times published, median (range) over pairs of steps")
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(published, own, strict=True)]
        rate = batch_size / statistics.median(own)
        print(f"{name:24}{rate:9.2f}   {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def _published_step(arch: ArchConfig, batch: Batch, device: torch.device) -> Step:
    """Contiguous memory, float32, Adam without fusion: as the published code trains."""
    network = released_network(arch).to(device).train()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-3, fused=False)
    moved = {name: value.to(device) for name, value in batch.items()}

    def step() -> None:
        optimizer.zero_grad()
        loss = heatmap_loss(network(moved["image"]), moved["target"], moved["weight"])
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def _step(learner: Learner, batch: Batch) -> None:
    learner.step(batch, 1e-3).item()


if __name__ == "__main__":
    main()
