"""How long one image takes: ONNX Runtime on the CPU, batch 1."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from search_spaces.errors import InvalidInput

CPU_INFO = Path("/proc/cpuinfo")
CPU_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds for one image through the network alone: no decoding of the image, no flip test."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    threads: int
    runs: int
    device: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def open_session(model: Path | str | bytes, *, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU that runs operators one after another in so many threads.

    Raises:
        InvalidInput: the file is missing or no ONNX model, or ``threads`` is below 1.
    """
    if threads < 1:
        raise InvalidInput(f"threads must be 1 or more, got {threads}")
    if not isinstance(model, bytes) and not Path(model).is_file():
        raise InvalidInput(f"ONNX model {model} does not exist or is not a file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    content = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(content, options, providers=[CPU_PROVIDER])
    except Exception as error:  # ONNX Runtime's own classes have no common base but this one.
        name = "given as bytes" if isinstance(model, bytes) else model
        raise InvalidInput(f"ONNX model {name} cannot be opened: {str(error).splitlines()[0]}") from None


def measure_latency(
    model: Path | str | bytes | Any,
    input_size: tuple[int, int],
    *,
    threads: int = 1,
    warmup: int = 5,
    runs: int = 30,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time ``runs`` forward passes of one random image of ``input_size`` (height, width) after ``warmup`` untimed ones.

    ``model`` is a file, its content, or an open session, which keeps its own number of threads. ``clock`` returns seconds.

    Raises:
        InvalidInput: ``runs`` is below 1, ``warmup`` below 0, or as `open_session`.
    """
    if runs < 1 or warmup < 0:
        raise InvalidInput(f"latency needs runs of 1 or more and warmup of 0 or more, got {runs} and {warmup}")
    session: Any = open_session(model, threads=threads) if isinstance(model, (Path, str, bytes)) else model
    threads = session.get_session_options().intra_op_num_threads
    feed = {session.get_inputs()[0].name: _image(input_size)}
    for _ in range(warmup):
        session.run(None, feed)
    times = []
    for _ in range(runs):
        start = clock()
        session.run(None, feed)
        times.append(1000 * (clock() - start))
    p10, median, p90 = (float(value) for value in np.percentile(times, (10, 50, 90)))
    return Latency(median_ms=median, p10_ms=p10, p90_ms=p90, threads=threads, runs=runs, device=cpu_name())


def cpu_name() -> str:
    """The processor's model as the system names it, else its kind."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return f"CPU {value.strip()}"
    return f"CPU {platform.processor() or platform.machine()}"


def _image(input_size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).standard_normal((1, 3, *input_size), np.float32)
