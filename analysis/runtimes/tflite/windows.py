"""Operators with windows over height and width: convolutions, poolings and resizing.

Shape legend, in the model's order: B batch, H and W height and width, C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from analysis.runtimes.tflite.layout import Shape, channels_last
from analysis.runtimes.tflite.writer import Writer, attributes, refused

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
LAST = channels_last(4)


def conv(w: Writer, node: Any) -> None:
    """A convolution; one kernel a channel is an operator of its own."""
    given = attributes(node)
    weight, groups, strides, pads = w.constants[node.input[1]], given.get("group", 1), *_window(node)
    x, padding = _padded(w, node.input[0], weight.shape[2:], strides, pads)
    bias = w.constants[node.input[2]] if len(node.input) > 2 else np.zeros(len(weight))
    out, function = w.activated(node, LAST)
    common = {"padding": padding, "strideH": strides[0], "strideW": strides[1], "fusedActivationFunction": function}
    if groups > 1 and weight.shape[1] == 1:
        inputs = [x, w.constant(weight.transpose(1, 2, 3, 0)), w.constant(bias)]
        multiple = len(weight) // groups
        w.add("DEPTHWISE_CONV_2D", inputs, out, table="DepthwiseConv2DOptions", depthMultiplier=multiple, **common)
        return
    inputs = [x, w.constant(weight.transpose(0, 2, 3, 1)), w.constant(bias)]
    w.add("CONV_2D", inputs, out, table="Conv2DOptions", **common)


def conv_transpose(w: Writer, node: Any) -> None:
    """A transposed convolution that enlarges by its stride."""
    given = attributes(node)
    weight, (strides, pads) = w.constants[node.input[1]], _window(node)
    size = weight.shape[2]
    if any(2 * pad != size - strides[0] for pad in pads) or given.get("group", 1) != 1:
        raise refused(node)
    out = w.out(node, LAST)
    bias = w.constants[node.input[2]] if len(node.input) > 2 else np.zeros(weight.shape[1])
    kernel = w.constant(weight.transpose(1, 2, 3, 0))
    inputs = [w.constant(np.array(out.stored)), kernel, w.layout.get(node.input[0], LAST), w.constant(bias)]
    options = {"padding": SAME, "strideH": strides[0], "strideW": strides[1]}
    w.add("TRANSPOSE_CONV", inputs, out, table="TransposeConvOptions", **options)


def batch_norm(w: Writer, node: Any) -> None:
    """Batch normalisation as a factor and a shift for each channel."""
    scale, shift, mean, variance = (w.constants[name].astype(np.float64) for name in node.input[1:5])
    factor = scale / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    x = w.layout[node.input[0]]
    scaled = w.layout.unnamed(f"{node.output[0]}_scaled", x.shape, LAST)
    w.add("MUL", [w.layout.get(node.input[0], LAST), w.constant(factor)], scaled, table="MulOptions")
    out, function = w.activated(node, LAST)
    term = w.constant(shift - mean * factor)
    w.add("ADD", [scaled.index, term], out, table="AddOptions", fusedActivationFunction=function)


def pool(w: Writer, node: Any) -> None:
    """The mean or the largest value of windows."""
    given = attributes(node)
    strides, pads = _window(node)
    height, width = given["kernel_shape"]
    average = node.op_type == "AveragePool"
    if given.get("ceil_mode", 0) or (average and any(pads)):
        raise refused(node)
    x = w.layout.get(node.input[0], LAST)
    if any(pads):
        x = _surrounded(w, node.input[0], pads, float(np.finfo(np.float32).min))
    kind = "AVERAGE_POOL_2D" if average else "MAX_POOL_2D"
    options = {"padding": VALID, "strideH": strides[0], "strideW": strides[1]}
    w.add(kind, [x], w.out(node, LAST), table="Pool2DOptions", filterHeight=height, filterWidth=width, **options)


def resize(w: Writer, node: Any) -> None:
    """Nearest and bilinear enlarging."""
    given = attributes(node)
    x, mode = w.layout.get(node.input[0], LAST), given.get("coordinate_transformation_mode", "half_pixel")
    out = w.out(node, LAST)
    size = w.constant(np.array(out.stored[1:3]))
    flags = {"alignCorners": mode == "align_corners", "halfPixelCenters": mode.endswith("half_pixel")}
    if given["mode"] == "linear":
        w.add("RESIZE_BILINEAR", [x, size], out, table="ResizeBilinearOptions", **flags)
        return
    if mode != "asymmetric" or given.get("nearest_mode") != "floor":
        raise refused(node)
    w.add("RESIZE_NEAREST_NEIGHBOR", [x, size], out, table="ResizeNearestNeighborOptions")


def _window(node: Any) -> tuple[list[int], list[int]]:
    """The strides and the pads of a window: top, left, bottom and right."""
    given = attributes(node)
    if set(given.get("dilations", [1])) != {1} or given.get("auto_pad", "NOTSET") != "NOTSET":
        raise refused(node)
    return list(given.get("strides", [1, 1])), list(given.get("pads", [0] * 4))


def _padded(w: Writer, name: str, kernel: Shape, strides: list[int], pads: list[int]) -> tuple[int, int]:
    """The input of a convolution and its rule of padding; an own padding where LiteRT would pad on other sides."""
    x = w.layout.get(name, LAST)
    if not any(pads):
        return x, VALID
    if strides == [1, 1] and pads == [side // 2 for side in (*kernel, *kernel)] and all(side % 2 for side in kernel):
        return x, SAME
    return _surrounded(w, name, pads), VALID


def _surrounded(w: Writer, name: str, pads: list[int], value: float | None = None) -> int:
    """A tensor with a border, of zeros or of another value."""
    held = w.layout[name]
    batch, channels, height, width = held.shape
    shape = (batch, channels, height + pads[0] + pads[2], width + pads[1] + pads[3])
    out = w.layout.unnamed(f"{name}_padded_{len(w.layout.model)}", shape, LAST)
    border = w.constant(np.array([[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]))
    x = w.layout.get(name, LAST)
    if value is None:
        w.add("PAD", [x, border], out, table="PadOptions")
    else:
        w.add("PADV2", [x, border, w.constant(np.array(value))], out, table="PadV2Options")
    return out.index
