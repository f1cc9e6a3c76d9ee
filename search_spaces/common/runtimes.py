"""The names of the runtimes that a network can run in."""

from __future__ import annotations

from typing import Final, Literal, get_args

ONNX: Final = "onnx"
"""ONNX Runtime: what every export and every latency is measured in unless another is named."""
MeasuredRuntime = Literal["onnx", "openvino", "ncnn", "litert"]
"""Runtimes that run on this system, so that their latency can be measured."""
MEASURED: tuple[str, ...] = get_args(MeasuredRuntime)
RUNNING = MEASURED[1:]
"""Runtimes beside ONNX Runtime, each an extra to install."""
CONVERTED = (*RUNNING, "coreml")
"""Runtimes that a network is converted for."""
