"""One image through the exported network by ONNX Runtime, beside the same network in torch, eager: milliseconds and ratio.

    python -m benchmarks.latency [--network dite_hrnet_18] [--input-size 256x192] [--threads 1 2] [--runs 40] [--operators]

The three take turns in one process, on the same image and with the same number of threads. Other work of the machine then
slows all alike: quote the ratios. Before each run there is a pause in which idle threads of the run before come to rest.
Eager is `build_network(...)` in evaluation mode under `torch.inference_mode`. Released is the same network computed
literally as the published code does (`benchmarks.released_network`). ``--operators`` adds where the time goes.
"""

from __future__ import annotations

import argparse
import collections
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes, relative_difference
from analysis.onnx.session import open_session
from analysis.profiling.latency import cpu_name
from benchmarks.released_network import released_network
from search_spaces.families.architecture import parse_size
from search_spaces.registry import preset
from trainers.networks.registry import build_network

WARMUP = 5
PAUSE_SECONDS = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one image in ONNX Runtime and in torch.")
    parser.add_argument("--network", default="dite_hrnet_18", help="a preset's name")
    parser.add_argument("--input-size", default="256x192")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=40, help="timed runs of each")
    parser.add_argument("--operators", action="store_true", help="profile the ONNX model too")
    options = parser.parse_args()

    arch = preset(options.network, input_size=parse_size(options.input_size))
    torch.manual_seed(0)
    network = build_network(arch).eval()
    literal = released_network(arch).eval()
    literal.load_state_dict(network.state_dict())
    image = torch.randn(1, 3, *arch.input_size)
    start = time.perf_counter()
    model = onnx_bytes(arch, network)
    print(f"{options.network} {options.input_size}, batch 1, {cpu_name()}, torch {torch.__version__}, ", end="")
    print(f"ONNX Runtime {onnxruntime.__version__}; export {time.perf_counter() - start:.2f} s, {len(model) / 1e6:.1f} MB")
    print(f"warm-up {WARMUP}, runs {options.runs}: median ms (10th to 90th percentile)\n")
    print(f"{'threads':>7}  {'released':>24}  {'eager':>24}  {'ONNX Runtime':>24}  eager/ONNX  released/ONNX")
    for threads in options.threads:
        torch.set_num_threads(threads)
        session = open_session(model, threads=threads)
        feed = {INPUT: image.numpy()}
        with torch.inference_mode():
            times = alternating(
                {
                    "released": lambda: literal(image),
                    "eager": lambda: network(image),
                    "onnx": lambda session=session, feed=feed: session.run([OUTPUT], feed),
                },
                runs=options.runs,
            )
            difference = relative_difference(session.run([OUTPUT], feed)[0], network(image).numpy())
        medians = {name: float(np.median(values)) for name, values in times.items()}
        print(f"{threads:>7}", *(f" {spread(times[name]):>24}" for name in times), end=" ")
        print(f"{medians['eager'] / medians['onnx']:>10.2f}  {medians['released'] / medians['onnx']:>13.2f}")
    print(f"\nlargest difference of ONNX Runtime from torch: {difference:.1e} of the largest heatmap value")
    if options.operators:
        print("\nmilliseconds of each operator on one thread (median over runs, summed over its nodes):")
        for kind, (milliseconds, count) in operators(model, {INPUT: image.numpy()}, options.runs).items():
            print(f"  {kind:20}{milliseconds:8.2f}{count:6}")


def alternating(functions: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run; the functions take turns, and the first turns are not counted."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(WARMUP + runs):
        for name, function in functions.items():
            time.sleep(PAUSE_SECONDS)
            start = time.perf_counter()
            function()
            if turn >= WARMUP:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def spread(times: list[float]) -> str:
    p10, median, p90 = np.percentile(times, (10, 50, 90))
    return f"{median:.1f} ({p10:.1f} to {p90:.1f})"


def operators(model: bytes, feed: Mapping[str, np.ndarray], runs: int) -> dict[str, tuple[float, int]]:
    """Milliseconds and nodes of each kind of operator, the slowest first; ``If`` holds the time of what is inside it."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for _ in range(WARMUP + runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            times[event["args"]["op_name"], event["name"]].append(event["dur"] / 1000)
    totals: dict[str, tuple[float, int]] = {}
    for (kind, _), values in times.items():
        total, count = totals.get(kind, (0.0, 0))
        totals[kind] = (total + float(np.median(values)), count + 1)
    return dict(sorted(totals.items(), key=lambda entry: -entry[1][0]))


if __name__ == "__main__":
    main()
