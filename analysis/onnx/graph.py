"""An ONNX graph written node by node, every shape known but the batch.

Shape legend: the batch B leads every value and is left out of `Value.shape`, so (C, H, W) stands for (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from analysis.onnx.weights import Mlp

OPSET = 17
"""Old enough for the runtimes and converters in use."""
IR_VERSION = 8
"""The file format that came with `OPSET`."""
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor of the graph: its name and its shape without the batch."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Nodes and constants in the order in which they are added; one method for each operator that our networks need.

    Args:
        static: Whether the batch is one image, for runtimes that know no free batch, no ``If`` and no computed kernel.
        double: Whether floats are of double precision, to compare a graph with its network beyond rounding.
    """

    def __init__(self, *, static: bool = False, double: bool = False) -> None:
        self.static = static
        self._batch: int | str = 1 if static else "batch"
        self._float = np.float64 if double else np.float32
        self._nodes: list[Any] = []
        self._constants: dict[bytes, tuple[str, Array]] = {}
        self._reshaped: dict[tuple[str, tuple[int, ...]], Value] = {}
        self._roots: dict[str, Value] = {}
        self._inputs: list[Value] = []
        self._single: Value | None = None
        self._names = 0

    def input(self, name: str, shape: tuple[int, ...]) -> Value:
        """A new input."""
        value = Value(name=name, shape=shape)
        self._inputs.append(value)
        return value

    def constant(self, values: Array, kind: type[np.generic] | None = None) -> str:
        """The name of a constant, floats in the precision of the graph unless ``kind`` is given; equal ones share one."""
        values = np.asarray(values)
        array = np.array(values, kind or (np.int64 if values.dtype.kind == "i" else self._float), order="C")
        key = repr((array.shape, array.dtype.str)).encode() + array.tobytes()
        if key not in self._constants:
            self._constants[key] = (f"constant_{len(self._constants)}", array)
        return self._constants[key][0]

    def reshape(self, x: Value, *shape: int) -> Value:
        """The same memory in another shape; there and back again is no node."""
        assert prod(x.shape) == prod(shape), (x.shape, shape)
        root = self._roots.get(x.name, x)
        if root.shape == shape:
            return root
        if (root.name, shape) not in self._reshaped:
            out = self._add("Reshape", [root.name, self.constant(np.array([1 if self.static else 0, *shape]))], shape)
            self._reshaped[root.name, shape] = out
            self._roots[out.name] = root
        return self._reshaped[root.name, shape]

    def conv(self, x: Value, weight: Array, bias: Array | None = None, *, stride: int = 1, groups: int = 1) -> Value:
        """A convolution of (C, H, W) padded so that only ``stride`` changes the resolution."""
        names = [self.constant(weight), *([] if bias is None else [self.constant(bias)])]
        return self._conv(x, names, weight.shape, stride=stride, groups=groups)

    def conv_dynamic(
        self, x: Value, kernel: Value, shape: tuple[int, ...], bias: Array, *, stride: int = 1, groups: int = 1
    ) -> Value:
        """`conv` of a batch of one with a computed kernel, whose entries are read as ``shape``."""
        weight = self._add("Reshape", [kernel.name, self.constant(np.array(shape))], shape[1:])
        return self._conv(x, [weight.name, self.constant(bias)], shape, stride=stride, groups=groups)

    def matmul(self, a: Value | Array, b: Value | Array) -> Value:
        """The matrix product over the last two dimensions; one of the two may be a constant without a batch."""
        leading = a.shape[:-2] if isinstance(a, Value) else b.shape[:-2]
        return self._add("MatMul", [self._name(a), self._name(b)], (*leading, a.shape[-2], b.shape[-1]))

    def project(self, x: Value, weight: Array) -> Value:
        """(I) to (O) by a constant (I, O)."""
        return self._add("MatMul", [x.name, self.constant(weight)], weight.shape[1:])

    def linear(self, x: Value, weight: Array, bias: Array, *, activation: str = "") -> Value:
        """(I) to (O) by a weight (O, I), then ``Relu``, ``Sigmoid`` or nothing."""
        assert len(x.shape) == 1
        names = [x.name, self.constant(np.ascontiguousarray(weight.T)), self.constant(bias)]
        out = self._add("Gemm", names, (len(weight),))
        return self.unary(activation, out) if activation else out

    def mlp(self, x: Value, weights: Mlp) -> Value:
        """Two linear maps with a ReLU between them and a sigmoid at the end: (I) to (O)."""
        hidden = self.linear(x, weights.reduce, weights.reduce_bias, activation="Relu")
        return self.linear(hidden, weights.expand, weights.expand_bias, activation="Sigmoid")

    def unary(self, kind: str, x: Value) -> Value:
        """``Relu`` or ``Sigmoid``."""
        return self._add(kind, [x.name], x.shape)

    def softmax(self, x: Value) -> Value:
        """Over the last dimension."""
        return self._add("Softmax", [x.name], x.shape, axis=-1)

    def multiply(self, x: Value, factor: Value | Array) -> Value:
        """``factor`` is broadcast to ``x``; a constant one has no batch."""
        return self._add("Mul", [x.name, self._name(factor)], x.shape)

    def add(self, x: Value, term: Value | Array) -> Value:
        """``term`` is broadcast to ``x``; a constant one has no batch."""
        return self._add("Add", [x.name, self._name(term)], x.shape)

    def mean(self, x: Value) -> Value:
        """Over height and width: (C, H, W) to (C)."""
        axes = list(range(2, len(x.shape) + 1))
        return self._add("ReduceMean", [x.name], x.shape[:1], axes=axes, keepdims=0)

    def average_pool(self, x: Value, size: int) -> Value:
        """Means over windows of ``size``×``size``: (C, H, W) to (C, H/size, W/size)."""
        shape = (x.shape[0], x.shape[1] // size, x.shape[2] // size)
        return self._add("AveragePool", [x.name], shape, kernel_shape=[size] * 2, strides=[size] * 2)

    def transpose(self, x: Value, *order: int) -> Value:
        """The dimensions of ``x.shape``, counted from 0, in another order."""
        shape = tuple(x.shape[axis] for axis in order)
        return self._add("Transpose", [x.name], shape, perm=[0, *(axis + 1 for axis in order)])

    def split(self, x: Value, sizes: Sequence[int]) -> list[Value]:
        """The first dimension of ``x.shape`` in parts; one part is no node."""
        if len(sizes) == 1:
            return [x]
        names = [self._new_name("Split") for _ in sizes]
        self._nodes.append(helper.make_node("Split", [x.name, self.constant(np.array(sizes))], names, name=names[0], axis=1))
        return [Value(name=name, shape=(size, *x.shape[1:])) for name, size in zip(names, sizes, strict=True)]

    def concat(self, values: Sequence[Value], *, axis: int = 0) -> Value:
        """Along a dimension of the shapes, counted from 0; one value is no node."""
        if len(values) == 1:
            return values[0]
        shape = list(values[0].shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        return self._add("Concat", [value.name for value in values], tuple(shape), axis=axis + 1)

    def gather(self, x: Value, order: Sequence[int]) -> Value:
        """Entries of the first dimension of ``x.shape``."""
        return self._add("Gather", [x.name, self.constant(np.array(order))], (len(order), *x.shape[1:]), axis=1)

    def upsample(self, x: Value, factor: int) -> Value:
        """Nearest neighbour by a power of two, in steps of two: (C, H, W) to (C, H·factor, W·factor)."""
        rules = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        while factor > 1:
            x, factor = self._resize(x, 2, rules), factor // 2
        return x

    def upsample_bilinear(self, x: Value, factor: int) -> Value:
        """Bilinear with the corners aligned: (C, H, W) to (C, H·factor, W·factor)."""
        return self._resize(x, factor, {"mode": "linear", "coordinate_transformation_mode": "align_corners"})

    def for_batch(self, *, single: Callable[[], Value], many: Callable[[], Value]) -> Value:
        """Two ways to write one value: the first runs on a batch of one, the second on any other.

        A runtime for a fixed batch decides between them when it loads the model. A static graph has the second alone: it
        leaves every kernel a constant.
        """
        if self.static:
            return many()
        if self._single is None:
            batch = self._add(
                "Gather", [self._add("Shape", [self._inputs[0].name], ()).name, self.constant(np.array(0))], ()
            )
            self._single = self._add("Equal", [batch.name, self.constant(np.array(1))], ())
        branches = {}
        for name, write in (("then_branch", single), ("else_branch", many)):
            nodes, reshaped, roots = self._nodes, dict(self._reshaped), dict(self._roots)
            self._nodes = []
            out = write()
            branches[name] = helper.make_graph(self._nodes, name, [], [self._info(out.name, out.shape)])
            self._nodes, self._reshaped, self._roots = nodes, reshaped, roots
        return self._add("If", [self._single.name], out.shape, **branches)

    def model(self, outputs: Sequence[Value], names: Sequence[str], properties: Mapping[str, str]) -> onnx.ModelProto:
        """The checked model with outputs under ``names``; nodes that none of them needs are left out."""
        renamed = {self._own_node(value, outputs).name: name for value, name in zip(outputs, names, strict=True)}
        nodes, needed = [], set(renamed)
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                nodes.append(node)
                needed.update(_read_by(node))
        for node in nodes:
            node.output[:] = [renamed.get(entry, entry) for entry in node.output]
        graph = helper.make_graph(
            nodes[::-1],
            "pose_network",
            [self._info(value.name, value.shape) for value in self._inputs],
            [self._info(name, value.shape) for name, value in zip(names, outputs, strict=True)],
            [numpy_helper.from_array(array, key) for key, array in self._constants.values() if key in needed],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="dite-search"
        )
        helper.set_model_props(model, dict(properties))
        onnx.checker.check_model(model, full_check=True)
        return model

    def _own_node(self, value: Value, outputs: Sequence[Value]) -> Value:
        """A value whose node can take the name of an output: its own, unless something else reads it by its name."""
        made = any(value.name in node.output for node in self._nodes)
        read = any(value.name in _read_by(node) for node in self._nodes)
        if made and not read and sum(other.name == value.name for other in outputs) == 1:
            return value
        return self._add("Identity", [value.name], value.shape)

    def _conv(self, x: Value, names: list[str], weight: tuple[int, ...], *, stride: int, groups: int) -> Value:
        size = weight[-1]
        attributes = {"strides": [stride] * 2, "pads": [size // 2] * 4, "group": groups, "kernel_shape": [size] * 2}
        shape = (weight[0], x.shape[1] // stride, x.shape[2] // stride)
        return self._add("Conv", [x.name, *names], shape, **attributes)

    def _resize(self, x: Value, factor: int, rules: Mapping[str, str]) -> Value:
        names = [x.name, "", self.constant(np.array([1.0, 1.0, factor, factor]), np.float32)]
        return self._add("Resize", names, (x.shape[0], x.shape[1] * factor, x.shape[2] * factor), **rules)

    def _add(self, kind: str, inputs: Sequence[str], shape: tuple[int, ...], **attributes: Any) -> Value:
        name = self._new_name(kind)
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return Value(name=name, shape=shape)

    def _new_name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}_{self._names}"

    def _info(self, name: str, shape: tuple[int, ...]) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self._float))
        return helper.make_tensor_value_info(name, kind, [self._batch, *shape])

    def _name(self, x: Value | Array) -> str:
        return x.name if isinstance(x, Value) else self.constant(x)


def _read_by(node: Any) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read_by(inner)


@dataclass(frozen=True, kw_only=True)
class GraphSize:
    """Nodes of a model, those inside branches included, and how many of them a simplifier could take away.

    ``removable`` counts what does nothing (Identity, Dropout), what reads constants alone, constants written as nodes,
    and batch normalisation, which a convolution can take in.
    """

    nodes: int
    removable: int


def graph_size(model: bytes) -> GraphSize:
    """Count the nodes of a serialised model."""
    graph = onnx.load_from_string(model).graph
    constants = {entry.name for entry in graph.initializer}
    nodes = list(_nodes_of(graph))
    removable = 0
    for node in nodes:
        fixed = bool(node.input) and all(name in constants for name in node.input if name)
        if fixed or node.op_type in ("Identity", "Dropout", "BatchNormalization", "Constant"):
            removable += 1
            constants.update(node.output if fixed else ())
    return GraphSize(nodes=len(nodes), removable=removable)


def _nodes_of(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes_of(attribute.g)
