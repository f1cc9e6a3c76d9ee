"""The latency of a network as a search and the command line ask for it: from the store of the studies' folder."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

from analysis.onnx.export import onnx_bytes
from analysis.profiling.latency_store import LatencyStore
from analysis.profiling.latency_table import calibrate, measured, predict
from dite_search.algorithms.latency_prediction import store_of_search
from dite_search.config.search_config import SearchConfig, load_search
from search_spaces.common.files import write_json
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.families.architecture import Architecture, format_size
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import space_from
from trainers.networks.registry import build_network

LATENCY_FILE = "latency.json"


def trial_latency(config: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Median milliseconds of a trial's network, measured once per architecture; the whole record goes to the trial's folder.

    Raises:
        Exception: whatever keeps the network from being measured; it becomes the reason of the trial.
    """
    store = store_of_search(config)
    latency, new = measured(store, arch, config.latency.runtime)
    record = {"latency_ms": latency.median_ms, "measured_now": new, "concurrent_trials_allowed": config.max_concurrent != 1}
    write_json(directory / LATENCY_FILE, record | {"device_label": store.conditions.device} | latency.to_dict())
    return latency.median_ms


def trial_value(own: OwnObjective, config: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Return what a function of the user's own measures on a trial's exported network, once for each network.

    No two measurements of a machine run at a time, those of latencies included. The record goes to the trial's folder.

    Raises:
        InvalidInput: as `OwnObjective.value`.
    """

    def measure() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{arch.arch_id}.onnx"
            file.write_bytes(onnx_bytes(arch, build_network(arch).eval()))
            return {own.name: own.value(f"network {arch.arch_id}", file)}

    record, new = store_of_search(config).find_or_measure(f"{own.function} {own.digest}", arch.arch_id, measure)
    write_json(directory / f"{own.name}.json", record | {"measured_now": new, "function": own.function, "code": own.digest})
    return float(record[own.name])


def shown_latency(
    store: LatencyStore, arch: Architecture, *, runtime: str, predicted: bool, space: str | None
) -> dict[str, Any]:
    """Return the latency of one network for the command line: measured in a runtime, or predicted with its error."""
    head = {"arch_id": arch.arch_id, "input_size": format_size(arch.input_size), "device": store.conditions.device}
    if predicted:
        found = predict(store, arch, space=space)
        conditions = {k: v for k, v in asdict(found.conditions).items() if k not in ("device", "form")}
        error = {"prediction_" + name: value for name, value in asdict(found.fit).items()}
        return head | {"latency_ms_predicted": found.latency_ms_predicted} | conditions | error
    latency, new = measured(store, arch, runtime)
    figures = {"latency_ms": latency.median_ms, "p10_ms": latency.p10_ms, "p90_ms": latency.p90_ms}
    others = {"processor": latency.device, "other_cores": latency.other_cores, "measured_now": new}
    protocol = {"threads": latency.threads, "warmup": latency.warmup, "runs": latency.runs}
    return head | figures | protocol | {"runtime": latency.engine, "onnxruntime": latency.onnxruntime} | others


def space_named(name_or_file: str, *, input_size: str | None) -> SearchSpace:
    """A named space, or that of a search file."""
    if name_or_file.endswith((".yaml", ".yml", ".json")):
        return load_search(name_or_file, changes={"input_size": input_size}).search_space
    return space_from(name_or_file, input_size=input_size)


def calibrated(store: LatencyStore, space: SearchSpace, *, console: Console) -> dict[str, Any]:
    """Measure and fit a space's table; what the command line says of it."""
    with Progress(console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"Measuring {what}", total=total)
            bar.update(tasks[what], completed=done)

        fit = calibrate(store, space, progress=progress)
    return {"file": str(store.path), "conditions": str(store.conditions), **asdict(fit)}
