"""LiteRT models: their layout, what they take in, and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper

from analysis.onnx.session import open_session
from analysis.runtimes.runtime import quiet
from analysis.runtimes.tflite.convert import lite_model
from search_spaces.common.errors import InvalidInput
from tests.analysis.runtimes.networks import static_of


def model(nodes: list[Any], constants: dict[str, Any], shape: tuple[int, ...], out: tuple[int, ...]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    return content


def opened(content: bytes) -> Any:
    with quiet():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


def kinds(interpreter: Any) -> Counter[str]:
    return Counter(entry["op_name"] for entry in interpreter._get_ops_details())


def compared(content: bytes) -> Counter[str]:
    """Run an ONNX model here and there on one image; return the operators of the LiteRT model."""
    session = open_session(content)
    image = np.random.default_rng(0).standard_normal(session.get_inputs()[0].shape, np.float32)
    expected = session.run(None, {"images": image})[0]
    interpreter = opened(lite_model(content))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image.transpose(0, 2, 3, 1))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    return kinds(interpreter)


def test_a_shuffle_of_channels_moves_no_map() -> None:
    nodes = [
        helper.make_node("Reshape", ["images", "flat"], ["x"]),
        helper.make_node("Split", ["x"], ["a", "b"], axis=1),
        helper.make_node("Concat", ["a", "b"], ["joined"], axis=2),
        helper.make_node("Reshape", ["joined", "full"], ["heatmaps"]),
    ]
    constants = {"flat": np.array([1, 6, 20]), "full": np.array([1, 6, 4, 5])}
    assert "TRANSPOSE" not in compared(model(nodes, constants, (1, 6, 4, 5), (1, 6, 4, 5)))


def test_memory_that_is_read_across_channels_is_read_as_in_onnx() -> None:
    nodes = [
        helper.make_node("Reshape", ["images", "cells"], ["memory"]),
        helper.make_node("Transpose", ["memory"], ["turned"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["turned", "full"], ["heatmaps"]),
    ]
    constants = {"cells": np.array([1, 10, 6, 2]), "full": np.array([1, 6, 4, 5])}
    compared(model(nodes, constants, (1, 6, 4, 5), (1, 6, 4, 5)))


@pytest.mark.parametrize("pads", [[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_are_padded_on_the_sides_that_onnx_names(stride: int, pads: list[int]) -> None:
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["y"], name="c", strides=[stride] * 2, pads=pads, kernel_shape=[3, 3]),
        helper.make_node("Relu", ["y"], ["heatmaps"]),
    ]
    sizes = [(8 + pads[side] + pads[side + 2] - 3) // stride + 1 for side in (0, 1)]
    found = compared(model(nodes, {"w": weight}, (1, 3, 8, 8), (1, 4, *sizes)))
    assert "RELU" not in found


@pytest.mark.parametrize(
    ("node", "constants", "sentence"),
    [
        (helper.make_node("Tanh", ["images"], ["heatmaps"]), {}, "without the ONNX operator Tanh"),
        (
            helper.make_node("Clip", ["images", "low", "high"], ["heatmaps"], name="limit"),
            {"low": np.float32(0), "high": np.float32(3)},
            "without an ONNX Clip like limit",
        ),
        (
            helper.make_node("Softmax", ["images"], ["heatmaps"], name="soft", axis=1),
            {},
            "without an ONNX Softmax like soft",
        ),
    ],
)
def test_another_operator_is_refused(node: Any, constants: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=f"LiteRT models are written {sentence}"):
        lite_model(model([node], constants, (1, 3, 4, 4), (1, 3, 4, 4)))


def test_constants_lie_at_multiples_of_sixteen_bytes() -> None:
    content = lite_model(static_of("mobilenet_v2").model)
    assert content[4:8] == b"TFL3"
    weights = [
        numpy_helper.to_array(entry) for entry in onnx.load_from_string(static_of("mobilenet_v2").model).graph.initializer
    ]
    kernels = [weight.transpose(0, 2, 3, 1).tobytes() for weight in weights if weight.ndim == 4 and weight.shape[1] > 1]
    places = [content.find(kernel) for kernel in kernels]
    assert sum(place >= 0 and place % 16 == 0 for place in places) > 10
