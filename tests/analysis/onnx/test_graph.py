"""Graphs of our own, small enough to know what they must compute."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from analysis.onnx.graph import Graph, Value


def run(g: Graph, out: Value, **inputs: np.ndarray) -> np.ndarray:
    model = g.model([out], ["out"], {})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(["out"], {name: value.astype(np.float32) for name, value in inputs.items()})[0])


def kinds(g: Graph, out: Value) -> list[str]:
    return [node.op_type for node in g.model([out], ["out"], {}).graph.node]


def test_a_reshape_there_and_back_is_no_node() -> None:
    g = Graph()
    x = g.input("x", (2, 3, 4))
    flat = g.reshape(x, 2, 12)
    assert g.reshape(flat, 2, 3, 4) == x
    assert g.reshape(g.reshape(flat, 6, 4), 2, 12) == flat
    assert kinds(g, g.unary("Relu", flat)) == ["Reshape", "Relu"]


def test_equal_constants_are_stored_once_and_unneeded_ones_not_at_all() -> None:
    g = Graph()
    x = g.input("x", (2,))
    g.multiply(x, np.array([9.0, 9.0]))
    out = g.add(g.add(x, np.array([1.0, 2.0])), np.array([1.0, 2.0]))
    model = g.model([out], ["out"], {"made_by": "a test"})
    assert [list(onnx.numpy_helper.to_array(entry)) for entry in model.graph.initializer] == [[1.0, 2.0]]
    assert [node.op_type for node in model.graph.node] == ["Add", "Add"]
    assert {entry.key: entry.value for entry in model.metadata_props} == {"made_by": "a test"}


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_batch_of_one_may_be_written_in_its_own_way(batch: int) -> None:
    g = Graph()
    x = g.input("x", (2,))
    shared = g.multiply(x, np.array(2.0))
    out = g.for_batch(
        single=lambda: g.add(shared, np.array(100.0)),
        many=lambda: g.add(shared, np.array(7.0)),
    )
    values = np.arange(2 * batch).reshape(batch, 2)
    np.testing.assert_array_equal(run(g, out, x=values), 2 * values + (100 if batch == 1 else 7))


def test_upsampling_repeats_cells_and_splits_join_again() -> None:
    g = Graph()
    x = g.input("x", (3, 2, 2))
    first, second = g.split(x, [1, 2])
    out = g.upsample(g.concat([second, first]), 4)
    values = np.arange(24).reshape(2, 3, 2, 2)
    expected = values[:, [1, 2, 0]].repeat(4, axis=2).repeat(4, axis=3)
    assert out.shape == (3, 8, 8)
    np.testing.assert_array_equal(run(g, out, x=values), expected)


def test_a_computed_kernel_convolves_as_a_constant_one_does() -> None:
    rng = np.random.default_rng(0)
    image, kernel, bias = rng.standard_normal((1, 2, 6, 4)), rng.standard_normal((2, 1, 3, 3)), rng.standard_normal(2)
    g = Graph()
    x, weights = g.input("x", (2, 6, 4)), g.input("weights", (18,))
    dynamic = g.conv_dynamic(x, weights, (2, 1, 3, 3), bias, stride=2, groups=2)
    static = g.conv(x, kernel, bias, stride=2, groups=2)
    assert dynamic.shape == static.shape == (2, 3, 2)
    difference = g.add(dynamic, g.multiply(static, np.array(-1.0)))
    found = run(g, difference, x=image, weights=kernel.reshape(1, -1))
    np.testing.assert_allclose(found, 0, atol=1e-6)
