"""The store of latencies that a search reads, and the latency that it predicts for a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analysis.onnx.export import FORM
from analysis.profiling.latency import RUNS, WARMUP
from analysis.profiling.latency_store import Conditions, LatencyStore, default_label
from analysis.profiling.latency_table import predict
from analysis.runtimes.registry import runtime_named
from dite_search.config.search_config import SearchConfig
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import ONNX
from search_spaces.families.architecture import Architecture


def store_of(
    directory: str | Path,
    *,
    label: str | None = None,
    threads: int = 1,
    warmup: int = WARMUP,
    runs: int = RUNS,
    runtime: str = ONNX,
) -> LatencyStore:
    """The store of a device label in the folder of the studies; the default label is the processor's name and threads.

    Raises:
        InvalidInput: the runtime is not installed.
    """
    if label is None:
        label = default_label(threads)
    version = "" if runtime == ONNX else runtime_named(runtime).version
    conditions = Conditions(device=label, threads=threads, warmup=warmup, runs=runs, form=FORM, runtime=version)
    return LatencyStore(Path(directory).absolute(), conditions)


def store_of_search(config: SearchConfig) -> LatencyStore:
    """The store that a search measures into and reads from."""
    section = config.latency
    threads = section.threads or config.resources.cpus_per_worker
    return store_of(
        config.directory,
        label=section.device,
        threads=threads,
        warmup=section.warmup,
        runs=section.runs,
        runtime=section.runtime,
    )


def predicted_latency(config: SearchConfig) -> Callable[[Architecture], float]:
    """Predicted milliseconds of a network on the search's device, each network looked up once.

    Raises:
        InvalidInput: the latency is that of another runtime than ONNX Runtime, whose table is the only one. Also when
            called, where nothing was fitted for the device; the message says how to.
    """
    if config.latency.runtime != ONNX:
        raise InvalidInput(
            f"latency.runtime must be {ONNX} where the latency is predicted before a training, got {config.latency.runtime}"
        )
    store, known = store_of_search(config), dict[str, float]()

    def milliseconds(arch: Architecture) -> float:
        if arch.arch_id not in known:
            known[arch.arch_id] = predict(store, arch).latency_ms_predicted
        return known[arch.arch_id]

    return milliseconds
