"""ONNX models, opened by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import require_file

CPU_PROVIDER = "CPUExecutionProvider"


def open_session(model: Path | str | bytes, *, threads: int = 1) -> Any:
    """Return an ONNX Runtime session on the CPU that runs operators one after another in so many threads.

    Raises:
        InvalidInput: the file is missing or no ONNX model, or ``threads`` is below 1.
    """
    check_threads(threads)
    if not isinstance(model, bytes):
        require_file(model, "ONNX model")
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


def check_threads(threads: int) -> None:
    """Refuse, with `InvalidInput`, a number of threads below 1."""
    if threads < 1:
        raise InvalidInput(f"threads must be 1 or more, got {threads}")
