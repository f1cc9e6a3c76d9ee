"""int8 after training: convolutions with 8-bit weights and activations, their ranges seen on training images.

The result is an ONNX model in QDQ form: QuantizeLinear and DequantizeLinear around what a runtime may compute in integers.
Attention, weightings and the last convolution stay in floating point.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from analysis.onnx.export import INPUT, OUTPUT

IMAGES = 64
"""Training images whose activations are looked at."""
QUANTISED_OPERATORS = ("Conv",)


def quantise(model: bytes, images: Iterable[NDArray[np.float32]]) -> bytes:
    """The model with its convolutions in int8, calibrated on normalised images (3, H, W), at least one.

    Weights have a scale for each output channel, activations one for each tensor, from the smallest and largest value.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]
        """One image at a time."""

        def __init__(self) -> None:
            self._left: Iterator[NDArray[np.float32]] = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._left, None)
            return None if image is None else {INPUT: image[None]}

    with tempfile.TemporaryDirectory(prefix="dite-search-") as folder, _quiet():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model)
        quantize_static(
            source,
            target,
            Images(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED_OPERATORS),
            nodes_to_exclude=_kept_in_float(model),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return target.read_bytes()


def quantised_share(model: bytes) -> tuple[int, int]:
    """Convolutions of an int8 model that read quantised weights, and all of them, those inside branches included."""
    graph = onnx.load_from_string(model).graph
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    quantised = sum(node.op_type == "Conv" and node.input[1] in dequantised for node in graph.node)
    return quantised, sum(node.op_type == "Conv" for node in _all_nodes(graph))


def _kept_in_float(model: bytes) -> list[str]:
    """The convolution that writes the heatmaps: its rounding would be the keypoints'."""
    graph = onnx.load_from_string(model).graph
    return [node.name for node in graph.node if node.op_type == "Conv" and OUTPUT in node.output]


def _all_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _all_nodes(attribute.g)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without ONNX Runtime's advice to simplify first, which our graph does not need."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
