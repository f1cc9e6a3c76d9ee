"""The operators of our ONNX graphs as LiteRT has them.

Shape legend, in the model's order: B batch, H and W height and width, C channels, k kernel side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.runtimes.tflite.layout import Held, as_written, channels_last, constant_as
from analysis.runtimes.tflite.windows import batch_norm, conv, conv_transpose, pool, resize
from analysis.runtimes.tflite.writer import RELU6, Writer, attributes, refused


def _gemm(w: Writer, node: Any) -> None:
    given = attributes(node)
    weight = w.constants[node.input[1]]
    weight = weight if given.get("transB") else weight.T
    out, function = w.activated(node, as_written(2))
    inputs = [w.layout.get(node.input[0], as_written(2)), w.constant(weight), w.constant(w.constants[node.input[2]])]
    w.add("FULLY_CONNECTED", inputs, out, table="FullyConnectedOptions", fusedActivationFunction=function)


def _matmul(w: Writer, node: Any) -> None:
    rank = len(w.shapes[node.output[0]])
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    first, second = node.input
    if first in w.constants and w.constants[first].ndim == 2 and w.layout[second].order == swapped:
        # (O, I) times (B, I, P) is a linear map of the stored (B, P, I).
        out = w.out(node, swapped)
        inputs = [w.layout[second].index, w.constant(w.constants[first]), w.constant(np.zeros(len(w.constants[first])))]
        w.add("FULLY_CONNECTED", inputs, out, table="FullyConnectedOptions", keepNumDims=True)
        return
    operands, flags = [], []
    for name in (first, second):
        if name in w.constants:
            operands.append(w.constant(constant_as(w.constants[name], as_written(rank))))
            flags.append(False)
            continue
        order = w.layout[name].order
        flags.append(order == swapped)
        operands.append(w.layout.get(name, order if flags[-1] else as_written(rank)))
    out = w.out(node, as_written(rank))
    w.add("BATCH_MATMUL", operands, out, table="BatchMatMulOptions", adjX=flags[0], adjY=flags[1])


def _binary(w: Writer, node: Any) -> None:
    held = [w.layout[name] for name in node.input if name not in w.constants]
    order = max(held, key=lambda one: int(np.prod(one.shape))).order
    operands = [
        w.constant(constant_as(w.constants[name], order)) if name in w.constants else w.layout.get(name, order)
        for name in node.input
    ]
    out, function = w.activated(node, order)
    kind, table = {"Add": ("ADD", "AddOptions"), "Mul": ("MUL", "MulOptions")}[node.op_type]
    w.add(kind, operands, out, table=table, fusedActivationFunction=function)


def _unary(w: Writer, node: Any) -> None:
    held = w.layout[node.input[0]]
    w.add(UNARY[node.op_type][0], [held.index], w.out(node, held.order), **UNARY[node.op_type][1])


def _clip(w: Writer, node: Any) -> None:
    held = w.layout[node.input[0]]
    if w.activation(node) != RELU6:
        raise refused(node)
    w.add("RELU6", [held.index], w.out(node, held.order))


def _hard_sigmoid(w: Writer, node: Any) -> None:
    """min(max(a·x + b, 0), 1) as a sixth of what is cut at 6."""
    given, held = attributes(node), w.layout[node.input[0]]
    scaled, cut = (w.layout.unnamed(f"{node.output[0]}_{part}", held.shape, held.order) for part in ("scaled", "cut"))
    w.add("MUL", [held.index, w.constant(np.array(6 * given.get("alpha", 0.2)))], scaled, table="MulOptions")
    shift = w.constant(np.array(6 * given.get("beta", 0.5)))
    w.add("ADD", [scaled.index, shift], cut, table="AddOptions", fusedActivationFunction=RELU6)
    w.add("MUL", [cut.index, w.constant(np.array(1 / 6))], w.out(node, held.order), table="MulOptions")


def _softmax(w: Writer, node: Any) -> None:
    rank = len(w.shapes[node.output[0]])
    if attributes(node).get("axis", -1) not in (-1, rank - 1):
        raise refused(node)
    order = as_written(rank)
    w.add("SOFTMAX", [w.layout.get(node.input[0], order)], w.out(node, order), table="SoftmaxOptions", beta=1.0)


def _mean(w: Writer, node: Any) -> None:
    given, held = attributes(node), w.layout[node.input[0]]
    axes = given.get("axes") or w.constants[node.input[1]].tolist()
    axes = [axis % len(held.shape) for axis in axes]
    keep = bool(given.get("keepdims", 1))
    left = held.order if keep else tuple(axis for axis in held.order if axis not in axes)
    order = left if keep else tuple(sorted(left).index(axis) for axis in left)
    stored = w.constant(np.array([held.order.index(axis) for axis in axes]))
    w.add("MEAN", [held.index, stored], w.out(node, order), table="ReducerOptions", keepDims=keep)


def _concat(w: Writer, node: Any) -> None:
    axis, shape = attributes(node)["axis"] % len(w.shapes[node.output[0]]), w.shapes[node.output[0]]
    if _is_shuffle(w, node, axis):
        _interleaved(w, node)
        return
    order = channels_last(len(shape)) if len(shape) > 2 else as_written(len(shape))
    inputs = [w.layout.get(name, order) for name in node.input]
    w.add("CONCATENATION", inputs, w.out(node, order), table="ConcatenationOptions", axis=order.index(axis))


def _is_shuffle(w: Writer, node: Any, axis: int) -> bool:
    """Whether equal parts (1, C, P) are joined along P to be read as (1, parts·C, …) alone: a shuffle of channels."""
    reader, parts = w.followers.get(node.output[0]), [w.shapes[name] for name in node.input]
    return (
        len(parts[0]) == 3
        and axis == 2
        and len(set(parts)) == 1
        and reader is not None
        and reader.op_type == "Reshape"
        and w.readers[node.output[0]] == 1
        and w.shapes[reader.output[0]][1] == len(parts) * parts[0][1]
    )


def _interleaved(w: Writer, node: Any) -> None:
    """The shuffle with the channels last: the parts lie side by side in a new last dimension."""
    reader = w.followers[node.output[0]]
    batch, channels, positions = w.shapes[node.input[0]]
    stacked = []
    for index, name in enumerate(node.input):
        one = w.layout.unnamed(f"{node.output[0]}_part_{index}", (batch, positions, channels, 1), as_written(4))
        w.layout.reshape(w.layout.get(name, channels_last(3)), one)
        stacked.append(one.index)
    joined = w.layout.unnamed(f"{node.output[0]}_joined", (batch, positions, channels, len(stacked)), as_written(4))
    w.add("CONCATENATION", stacked, joined, table="ConcatenationOptions", axis=3)
    out = w.layout.new(reader.output[0], w.shapes[reader.output[0]], channels_last(len(w.shapes[reader.output[0]])))
    w.layout.reshape(joined.index, out)


def _split(w: Writer, node: Any) -> None:
    held = w.layout[node.input[0]]
    axis = attributes(node).get("axis", 0) % len(held.shape)
    sizes = [w.shapes[name][axis] for name in node.output]
    inputs = [held.index, w.constant(np.array(sizes)), w.constant(np.array(held.order.index(axis)))]
    outs = [w.out(node, held.order, position) for position in range(len(sizes))]
    w.add("SPLIT_V", inputs, *outs, table="SplitVOptions", numSplits=len(sizes))


def _slice(w: Writer, node: Any) -> None:
    held = w.layout[node.input[0]]
    starts, ends, *rest = (w.constants[name].tolist() for name in node.input[1:])
    axes = rest[0] if rest else list(range(len(starts)))
    if len(rest) > 1 and set(rest[1]) != {1}:
        raise refused(node)
    begin, size = [0] * len(held.shape), list(held.shape)
    for axis, start, end in zip(axes, starts, ends, strict=True):
        low, high, _ = slice(start, end).indices(held.shape[axis])
        begin[axis], size[axis] = low, high - low
    inputs = [w.constant(np.array([values[axis] for axis in held.order])) for values in (begin, size)]
    w.add("SLICE", [held.index, *inputs], w.out(node, held.order), table="SliceOptions")


def _reshape(w: Writer, node: Any) -> None:
    w.layout.reshaped(node.input[0], node.output[0], w.shapes[node.output[0]])


def _transpose(w: Writer, node: Any) -> None:
    """Nothing is moved: the same tensor has its dimensions under other numbers."""
    held, order = w.layout[node.input[0]], attributes(node)["perm"]
    new = tuple(order.index(axis) for axis in held.order)
    w.layout.hold(node.output[0], Held(index=held.index, shape=w.shapes[node.output[0]], order=new))


UNARY: dict[str, tuple[str, dict[str, Any]]] = {
    "Relu": ("RELU", {}),
    "Sigmoid": ("LOGISTIC", {}),
    "HardSwish": ("HARD_SWISH", {"table": "HardSwishOptions"}),
}
OPERATORS: dict[str, Callable[[Writer, Any], None]] = {
    "Add": _binary,
    "AveragePool": pool,
    "BatchNormalization": batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": _gemm,
    "HardSigmoid": _hard_sigmoid,
    "MatMul": _matmul,
    "MaxPool": pool,
    "Mul": _binary,
    "ReduceMean": _mean,
    "Reshape": _reshape,
    "Resize": resize,
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
    **dict.fromkeys(UNARY, _unary),
}
"""By the name of the ONNX operator."""
