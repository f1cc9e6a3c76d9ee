"""Tiny person detectors: real ONNX files that give the same boxes whatever the picture, in the layouts of YOLO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 80


def raw_output(people: list[tuple[float, float, float, float, float]], *, boxes: int = 100) -> np.ndarray:
    """(1, 84, N) of people as centre x, centre y, width, height and confidence; the rest of the boxes are nobody's."""
    found = np.zeros((1, 4 + CLASSES, boxes), np.float32)
    for column, (x, y, width, height, score) in enumerate(people):
        found[0, :4, column] = x, y, width, height
        found[0, 4, column] = score
    # Something sure that is no person.
    found[0, :4, -1], found[0, 4 + 16, -1] = (20, 20, 10, 10), 0.99
    return found


def final_output(people: list[tuple[float, float, float, float, float]], *, boxes: int = 30) -> np.ndarray:
    """(1, N, 6) of the same people as left, top, right, bottom, confidence and class."""
    found = np.zeros((1, boxes, 6), np.float32)
    for row, (x, y, width, height, score) in enumerate(people):
        found[0, row] = x - width / 2, y - height / 2, x + width / 2, y + height / 2, score, 0
    found[0, -1] = 15, 15, 25, 25, 0.99, 16
    return found


def write_detector(
    path: Path,
    output: np.ndarray,
    *,
    side: int | str = 64,
    names: str | None = None,
    inputs: tuple[object, ...] | None = None,
) -> Path:
    """Write a model with that output: it adds the picture's mean times 0, so that ONNX Runtime has to read the input."""
    shape = inputs or (1, 3, side, side)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["boxes", "nothing"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, output.shape)],
        [numpy_helper.from_array(output, "boxes"), numpy_helper.from_array(np.float32(0), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if names is not None:
        helper.set_model_props(model, {"names": names})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
