"""One image through a trained network in each installed runtime: agreement with torch, size, milliseconds, ratio.

    python -m benchmarks.runtimes CHECKPOINT... [--threads 1] [--runs 40]

A checkpoint is one of ours or a published one. The runtimes take turns in one process, on one image and with the same number
of threads. Other work of the machine then slows all alike: quote the ratios to ONNX Runtime. It prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes, random_images, relative_difference
from analysis.onnx.session import open_session
from analysis.profiling.latency import cpu_name
from analysis.runtimes.registry import runtime_named
from analysis.runtimes.runtime import static_form
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import RUNNING
from trainers.networks.load import load_any_network

WARMUP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one image in every runtime.")
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=40)
    given = parser.parse_args()
    print(f"{cpu_name()}, threads {given.threads}, {given.runs} runs in turn\n")
    print("| network | runtime | difference | size (KiB) | median (ms) | 10th to 90th percentile | times ONNX Runtime |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in given.checkpoints:
        for row in rows_of(path, given.threads, given.runs):
            print(f"| {path.stem} | " + " | ".join(row) + " |", flush=True)


def rows_of(path: Path, threads: int, runs: int) -> list[list[str]]:
    arch, network = load_any_network(path)[:2]
    network = network.eval()
    images = random_images(1, arch.input_size, seed=0)
    with torch.inference_mode():
        expected = network(images).numpy()
    model, static, calls, sizes = onnx_bytes(arch, network), static_form(arch, network), {}, {}
    session = open_session(model, threads=threads)
    calls["ONNX Runtime"] = lambda image: session.run([OUTPUT], {INPUT: image})[0]
    sizes["ONNX Runtime"] = len(model)
    with tempfile.TemporaryDirectory() as scratch:
        for name in RUNNING:
            try:
                runtime = runtime_named(name)
            except InvalidInput as error:
                print(error)
                continue
            runtime.convert(static, Path(scratch), name)
            files = runtime.paths(Path(scratch), name)
            assert runtime.open is not None
            calls[runtime.version] = runtime.open(files[0], threads)
            sizes[runtime.version] = sum(file.stat().st_size for file in files)
        times = timed(calls, images.numpy(), runs)
        found = {name: relative_difference(call(images.numpy()), expected) for name, call in calls.items()}
    base = statistics.median(times["ONNX Runtime"])
    rows = []
    for name, values in times.items():
        deciles, median = statistics.quantiles(values, n=10), statistics.median(values)
        spread = f"{deciles[0]:.1f} to {deciles[-1]:.1f}"
        rows.append(
            [name, f"{found[name]:.1e}", f"{sizes[name] / 1024:.0f}", f"{median:.1f}", spread, f"{median / base:.2f}"]
        )
    return rows


def timed(calls: dict[str, Callable[[Any], Any]], image: Any, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each call, all in turn after ``WARMUP`` rounds that do not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(WARMUP + runs):
        for name, call in calls.items():
            start = time.perf_counter()
            call(image)
            if index >= WARMUP:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


if __name__ == "__main__":
    main()
