"""How long one image takes: ONNX Runtime on the CPU, batch 1."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from analysis.onnx.session import check_threads, open_session
from search_spaces.common.errors import InvalidInput

Array = NDArray[np.float32]
CPU_INFO = Path("/proc/cpuinfo")
CPU_TIMES = Path("/proc/stat")
SHORTEST_SHARE = 0.1
"""Seconds below which nothing can be said about what other programs did."""
WARMUP, RUNS = 5, 30
"""Untimed and timed passes of a measurement, unless something else is asked for."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds for one image through the network alone: no decoding of the image, no flip test."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    threads: int
    runs: int
    device: str
    warmup: int = WARMUP
    onnxruntime: str = onnxruntime.__version__
    runtime: str = ""
    """The runtime and its version; empty for ONNX Runtime, whose version stands in ``onnxruntime``."""
    other_cores: float | None = None
    """Cores that other programs, trials among them, kept busy meanwhile; None where that is not known."""

    @property
    def engine(self) -> str:
        """The runtime that was timed, with its version."""
        return self.runtime or f"ONNX Runtime {self.onnxruntime}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        busy = "" if self.other_cores is None else f", other programs on {self.other_cores:.1f} cores"
        return (
            f"median {self.median_ms:.2f} ms, 10th to 90th percentile {self.p10_ms:.2f} to {self.p90_ms:.2f} ms "
            f"({self.engine}, {self.device}, threads {self.threads}, warm-up {self.warmup}, "
            f"runs {self.runs}{busy})"
        )


def measure_latency(
    model: Path | str | bytes | Any,
    input_size: tuple[int, int],
    *,
    threads: int = 1,
    warmup: int = WARMUP,
    runs: int = RUNS,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time ``runs`` forward passes of one random image after some untimed ones.

    Args:
        model: A file, its content, or an open session, which keeps its own number of threads.
        input_size: The height and width of the image.
        threads: The threads of the session.
        warmup: The number of untimed passes.
        runs: The number of timed passes.
        clock: Returns seconds.

    Raises:
        InvalidInput: ``runs`` is below 1, ``warmup`` below 0, or as `open_session`.
    """
    check_protocol(threads=threads, warmup=warmup, runs=runs)
    session: Any = open_session(model, threads=threads) if isinstance(model, (Path, str, bytes)) else model
    feed = {session.get_inputs()[0].name: random_input((3, *input_size))}
    return time_session(session, feed, warmup=warmup, runs=runs, clock=clock)


def time_session(
    session: Any,
    feed: Mapping[str, Array],
    *,
    warmup: int = WARMUP,
    runs: int = RUNS,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time ``runs`` passes of an open session with these inputs after ``warmup`` untimed ones; ``clock`` returns seconds."""
    threads = session.get_session_options().intra_op_num_threads
    return time_calls(lambda: session.run(None, feed), threads=threads, warmup=warmup, runs=runs, clock=clock)


def time_calls(
    call: Callable[[], Any],
    *,
    threads: int,
    runtime: str = "",
    warmup: int = WARMUP,
    runs: int = RUNS,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time a call that runs one image.

    Args:
        call: Runs the image.
        threads: The threads that it runs in.
        runtime: The runtime and its version; empty for ONNX Runtime.
        warmup: The number of untimed passes.
        runs: The number of timed passes.
        clock: Returns seconds.
    """
    for _ in range(warmup):
        call()
    times = []
    before = _cpu_seconds()
    for _ in range(runs):
        start = clock()
        call()
        times.append(1000 * (clock() - start))
    other = _other_cores(before, _cpu_seconds())
    p10, median, p90 = (float(value) for value in np.percentile(times, (10, 50, 90)))
    return Latency(
        median_ms=median,
        p10_ms=p10,
        p90_ms=p90,
        threads=threads,
        runs=runs,
        warmup=warmup,
        device=cpu_name(),
        runtime=runtime,
        other_cores=other,
    )


def check_protocol(*, threads: int = 1, warmup: int = 0, runs: int = 1) -> None:
    """Refuse numbers that no measurement can have.

    Raises:
        InvalidInput: ``threads`` or ``runs`` is below 1, or ``warmup`` below 0.
    """
    check_threads(threads)
    if runs < 1 or warmup < 0:
        raise InvalidInput(f"latency needs runs of 1 or more and warmup of 0 or more, got {runs} and {warmup}")


def cpu_name() -> str:
    """The processor's model as the system names it, else its kind."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return f"CPU {value.strip()}"
    return f"CPU {platform.processor() or platform.machine()}"


def _cpu_seconds() -> tuple[float, float, float] | None:
    """Wall-clock seconds, processor seconds of this process, and of all: user, nice, system, interrupts (proc_stat(5))."""
    if not CPU_TIMES.is_file():
        return None
    ticks = [int(value) for value in CPU_TIMES.read_text(encoding="ascii").split("\n", 1)[0].split()[1:8]]
    busy = sum(ticks) - ticks[3] - ticks[4]
    return time.monotonic(), time.process_time(), busy / os.sysconf("SC_CLK_TCK")


def _other_cores(before: tuple[float, float, float] | None, after: tuple[float, float, float] | None) -> float | None:
    """The mean number of cores that other processes kept busy between two readings; the system counts in hundredths."""
    if before is None or after is None:
        return None
    wall, own, total = (late - early for early, late in zip(before, after, strict=True))
    return round(max(0.0, total - own) / wall, 2) if wall >= SHORTEST_SHARE else None


def random_input(shape: tuple[int, ...]) -> Array:
    """A batch of one with mean 0 and deviation 1, the same at every call."""
    return np.random.default_rng(0).standard_normal((1, *shape), np.float32)
