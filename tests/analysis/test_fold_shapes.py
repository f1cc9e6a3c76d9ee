"""Graphs of our own, small enough to know what must become of them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from analysis.fold_shapes import fold_shapes, free_batch


def model_of(nodes: list[onnx.NodeProto], constants: dict[str, list[int]], batch: int | str) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 4, 6])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, 2, 12])],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, batch: int) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = np.arange(batch * 24, dtype=np.float32).reshape(batch, 4, 6)
    return np.asarray(session.run(["out"], {"images": images})[0])


def test_computed_shapes_become_constants() -> None:
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Gather", ["shape", "two"], ["width"]),
        helper.make_node("Mul", ["width", "two"], ["double"]),
        helper.make_node("Concat", ["batch", "two", "double"], ["target"], axis=0),
        helper.make_node("Reshape", ["images", "target"], ["out"]),
    ]
    model = model_of(nodes, {"zero": [0], "two": [2]}, "batch")
    expected = {batch: run(model, batch) for batch in (1, 5)}
    folded = fold_shapes(model, {"images": (4, 6)})
    assert [node.op_type for node in folded.graph.node] == ["Reshape"]
    assert [numpy_helper.to_array(entry).tolist() for entry in folded.graph.initializer] == [[0, 2, 12]]
    for batch, values in expected.items():
        np.testing.assert_array_equal(run(folded, batch), values)


def test_arithmetic_that_needs_the_batch_stays() -> None:
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Expand", ["images", "shape"], ["same"]),
        helper.make_node("Reshape", ["same", "target"], ["out"]),
    ]
    folded = fold_shapes(model_of(nodes, {"target": [0, 2, 12]}, "batch"), {"images": (4, 6)})
    assert [node.op_type for node in folded.graph.node] == ["Shape", "Expand", "Reshape"]
    assert run(folded, 7).shape == (7, 2, 12)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_traced_batch_is_freed(batch: int) -> None:
    nodes = [
        helper.make_node("Reshape", ["images", "target"], ["middle"]),
        helper.make_node("Reshape", ["middle", "target"], ["out"]),
    ]
    model = free_batch(model_of(nodes, {"target": [2, 2, 12]}, 2), 2)
    onnx.checker.check_model(model)
    assert run(model, batch).shape == (batch, 2, 12)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
