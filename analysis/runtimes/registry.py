"""The runtimes by their names: the only file that knows all of them."""

from __future__ import annotations

import importlib
from functools import cache

from analysis.runtimes.runtime import Runtime
from search_spaces.common.errors import InvalidInput

ONNX = "onnx"
"""ONNX Runtime: what every export and every latency is measured in unless another is named."""
RUNNING = ("openvino", "ncnn", "litert")
"""Runtimes that run on this system, so that their latency can be measured."""
NAMES = (*RUNNING, "coreml")
"""All runtimes that a network can be exported for."""


@cache
def runtime_named(name: str) -> Runtime:
    """Return a runtime that is installed.

    Raises:
        InvalidInput: there is none of that name, or it is not installed.
    """
    if name not in NAMES:
        raise InvalidInput(f"runtime must be one of {', '.join((ONNX, *NAMES))}, got {name!r}")
    runtime: Runtime = importlib.import_module(f"analysis.runtimes.{name}").RUNTIME
    runtime.require()
    return runtime
