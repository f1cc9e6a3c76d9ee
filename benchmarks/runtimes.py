"""One image through a trained network in each installed runtime: agreement with torch, accuracy, size, milliseconds, ratio.

    python -m benchmarks.runtimes CHECKPOINT... [--threads 1] [--runs 40] [--data FOLDER]

A checkpoint is one of ours or a published one. Where it names its data, or ``--data`` does, int8 forms are calibrated on
training crops. All forms then run on validation crops, and each has its accuracy. The runtimes take turns in one process, on
one image and with the same number of threads. Other work of the machine then slows all alike: quote the ratios to ONNX
Runtime. It prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.export.parity import TRAINED, Parity, compare
from analysis.export.quantisation import IMAGES, quantise
from analysis.export.study_data import StudyData, data_of
from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes, random_images
from analysis.onnx.session import open_session
from analysis.profiling.latency import cpu_name
from analysis.runtimes.registry import runtime_named
from analysis.runtimes.runtime import static_form
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import RUNNING
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import load_checkpoint
from trainers.data.config import DataConfig
from trainers.networks.load import load_any_network

WARMUP = 5
ONNX_RUNTIME, INT8 = "ONNX Runtime", ", int8"
HEAD = ("network", "runtime", "difference", "accuracy", "size (KiB)", "median (ms)", "10th to 90th percentile", "ratio")


class Form(nn.Module):
    """A network in one runtime.

    Args:
        run: Takes normalised images (B, 3, H, W), and returns heatmaps.
        size: The bytes of its files.
    """

    def __init__(self, run: Callable[[Any], Any], size: int) -> None:
        super().__init__()
        self.run, self.size = run, size

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self.run(images.numpy()))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network to measure, and the data to calibrate and score it with; None where nothing names any."""

    arch: Architecture
    network: nn.Module
    data: StudyData | None


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one image in every runtime.")
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--data", type=Path, help="folder of the data in COCO's layout; that of the checkpoint by default")
    given = parser.parse_args()
    print(f"{cpu_name()}, threads {given.threads}, {given.runs} runs in turn\n")
    print(f"| {' | '.join(HEAD)} |")
    print(f"|{' --- |' * len(HEAD)}")
    for path in given.checkpoints:
        for row in rows_of(subject_of(path, given.data), given.threads, given.runs):
            print(f"| {path.stem} | {' | '.join(row)} |", flush=True)


def subject_of(path: Path, root: Path | None) -> Subject:
    arch, network = load_any_network(path)[:2]
    try:
        data = data_of(load_checkpoint(path), root)
    except InvalidInput:
        data = StudyData(config=DataConfig(root=root), arch=arch, train=TrainConfig()) if root else None
    return Subject(arch=arch, network=network.eval(), data=data)


def rows_of(subject: Subject, threads: int, runs: int) -> list[list[str]]:
    image = random_images(1, subject.arch.input_size, seed=0).numpy()
    with tempfile.TemporaryDirectory() as scratch:
        forms = dict(forms_of(subject, Path(scratch), threads))
        times = timed({name: form.run for name, form in forms.items()}, image, runs)
        parity = compare(subject.network, forms, subject.arch.input_size, subject.data, accuracy=subject.data is not None)
    base = statistics.median(times[ONNX_RUNTIME])
    rows = [["torch", "–", accuracy_of(parity, TRAINED), "–", "–", "–", "–"]] if subject.data else []
    for name, values in times.items():
        found, deciles, median = parity.form(name), statistics.quantiles(values, n=10), statistics.median(values)
        assert found is not None, "every form was compared"
        spread = f"{deciles[0]:.1f} to {deciles[-1]:.1f}"
        figures = [f"{found.max_relative_difference:.1e}", accuracy_of(parity, name), f"{forms[name].size / 1024:.0f}"]
        rows.append([name, *figures, f"{median:.1f}", spread, f"{median / base:.2f}"])
    return rows


def accuracy_of(parity: Parity, name: str) -> str:
    form = parity.form(name)
    return "–" if form is None or form.accuracy is None else f"{parity.quantity} {form.accuracy:.4f}"


def forms_of(subject: Subject, folder: Path, threads: int) -> Iterator[tuple[str, Form]]:
    """Yield the forms that run here by their names: ONNX Runtime first, and int8 where there is data and a tool."""
    model, static = onnx_bytes(subject.arch, subject.network), static_form(subject.arch, subject.network)
    yield ONNX_RUNTIME, onnx_form(model, threads)
    if subject.data is not None:
        yield ONNX_RUNTIME + INT8, onnx_form(quantise(model, subject.data.training_crops(IMAGES)), threads)
    for name in RUNNING:
        try:
            runtime = runtime_named(name)
        except InvalidInput as error:
            print(error)
            continue
        runtime.convert(static, folder, name)
        yield runtime.version, runtime_form(name, folder, name, threads)
        if subject.data is not None and runtime.quantise is not None:
            runtime.quantise(static, folder, f"{name}_int8", subject.data.training_crops(IMAGES))
            yield runtime.version + INT8, runtime_form(name, folder, f"{name}_int8", threads)


def onnx_form(model: bytes, threads: int) -> Form:
    session = open_session(model, threads=threads)
    return Form(lambda images: session.run([OUTPUT], {INPUT: images})[0], len(model))


def runtime_form(name: str, folder: Path, stem: str, threads: int) -> Form:
    runtime = runtime_named(name)
    files = runtime.paths(folder, stem)
    assert runtime.open is not None, "what is named runs here"
    return Form(runtime.open(files[0], threads), sum(file.stat().st_size for file in files))


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
