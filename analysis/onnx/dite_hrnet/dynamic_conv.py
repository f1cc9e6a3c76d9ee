"""Dynamic convolutions in an exported graph: kernel attention, DKA and DSC with a free batch.

Shape legend: C channels, H and W height and width, N kernels to aggregate, G groups, k kernel side; B stands in no shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from analysis.onnx.graph import Graph, Value
from analysis.onnx.weights import Array, Mlp, Weights, joint

MERGE_MACS = 1_000_000
"""Multiply-accumulates that may be added to run the groups of one DSC as one convolution.

Smaller kernels are then padded with zeros. Below this number that takes less time than the nodes that are saved.
"""

AGGREGATED_SIZE, AGGREGATED_COUNT = 3, 3
"""On one image, kernels of this side and at least so many are aggregated before they are applied. ONNX Runtime has a fast
convolution for computed kernels of this side only, and below this number the sum of convolutions is as fast."""


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """The N kernels of one DKA (N, C', C/groups, k, k), and the bias (C') that the batch normalisation behind it leaves."""

    values: Array
    bias: Array
    attention: Mlp | None

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        return int(self.values.shape[-1])


def read_kernels(weights: Weights) -> Kernels:
    """A convolution and its batch normalisation (`ConvBn`), dynamic or with a single static kernel."""
    conv = weights.at("conv")
    factor, bias = weights.batch_norm()
    if "kernels" not in conv:
        return Kernels(values=(conv["weight"] * factor[:, None, None, None])[None], bias=bias, attention=None)
    values = conv["kernels"] * factor[:, None, None, None]
    return Kernels(values=values, bias=bias, attention=conv.at("attention").mlp())


def attentions(g: Graph, inputs: Sequence[Value], kernels: Sequence[Sequence[Kernels]]) -> list[Value | None]:
    """For each input (C, H, W) the weights of its kernels (G·N), G dynamic convolutions sharing its channels in turn.

    All are computed together: each is tiny, and its nodes would cost more than their arithmetic. None stands for an input
    whose kernels are static.
    """
    dynamic = [groups[0].attention is not None for groups in kernels]
    if not any(dynamic):
        return [None for _ in inputs]
    pooled = [g.mean(value) for value, chosen in zip(inputs, dynamic, strict=True) if chosen]
    mlps = [one.attention for groups in kernels for one in groups if one.attention is not None]
    out = g.mlp(g.concat(pooled), joint(mlps))
    sizes = [sum(one.count for one in groups) for groups, chosen in zip(kernels, dynamic, strict=True) if chosen]
    parts = iter(g.split(out, sizes))
    return [next(parts) if chosen else None for chosen in dynamic]


def depthwise(
    g: Graph, x: Value, groups: Sequence[Kernels], attention: Value | None, *, stride: int = 1, relu: bool = False
) -> Value:
    """G equal channel groups of (C, H, W), each through its depth-wise kernels, concatenated and shuffled."""
    if len(groups) == 1:
        return _depthwise(g, x, groups[0], attention, stride=stride, relu=relu)
    count = groups[0].count
    part = x.shape[0] // len(groups)
    largest = max(one.size for one in groups)
    added = sum(largest**2 - one.size**2 for one in groups) * part * count * x.shape[1] * x.shape[2]
    if added <= MERGE_MACS and not g.static:
        values = np.concatenate([_padded(one.values, largest) for one in groups], axis=1)
        merged = Kernels(values=values, bias=np.concatenate([one.bias for one in groups]), attention=None)
        out = _sum_of_convolutions(g, x, merged, attention, parts=len(groups))
    else:
        inputs = g.split(x, [part] * len(groups))
        vectors = [None] * len(groups) if attention is None else g.split(attention, [count] * len(groups))
        outs = [_depthwise(g, value, one, vector) for value, one, vector in zip(inputs, groups, vectors, strict=True)]
        out = g.concat(outs)
    grouped = g.reshape(out, len(groups), part, x.shape[1] * x.shape[2])
    return g.reshape(g.transpose(grouped, 1, 0, 2), *x.shape)


def pointwise(g: Graph, x: Value, kernels: Kernels, attention: Value | None, *, relu: bool) -> Value:
    """A 1×1 convolution of (C, H, W) with kernels (N, C', C, 1, 1), aggregated before they are applied."""
    outputs, inputs = kernels.values.shape[1:3]

    def many() -> Value:
        if g.static:
            return _activated(g, _weighted_sum(g, x, kernels, attention, groups=1, stride=1), relu)
        flat = g.reshape(x, inputs, x.shape[1] * x.shape[2])
        out = g.matmul(g.reshape(_aggregated(g, kernels, attention), outputs, inputs), flat)
        return _activated(g, g.add(g.reshape(out, outputs, *x.shape[1:]), kernels.bias[:, None, None]), relu)

    return _convolution(g, x, kernels, attention, many, groups=1, stride=1, relu=relu)


def _depthwise(
    g: Graph, x: Value, kernels: Kernels, attention: Value | None, *, stride: int = 1, relu: bool = False
) -> Value:
    def many() -> Value:
        return _activated(g, _sum_of_convolutions(g, x, kernels, attention, stride=stride), relu)

    if attention is not None and (kernels.size != AGGREGATED_SIZE or kernels.count < AGGREGATED_COUNT):
        return many()
    return _convolution(g, x, kernels, attention, many, groups=x.shape[0], stride=stride, relu=relu)


def _convolution(
    g: Graph,
    x: Value,
    kernels: Kernels,
    attention: Value | None,
    many: Callable[[], Value],
    *,
    groups: int,
    stride: int,
    relu: bool,
) -> Value:
    """One convolution: with the static kernel, or on a batch of one with the aggregated one, else as ``many`` says."""
    if attention is None:
        return _activated(g, g.conv(x, kernels.values[0], kernels.bias, stride=stride, groups=groups), relu)

    def single() -> Value:
        kernel = _aggregated(g, kernels, attention)
        shape = kernels.values.shape[1:]
        return _activated(g, g.conv_dynamic(x, kernel, shape, kernels.bias, stride=stride, groups=groups), relu)

    return g.for_batch(single=single, many=many)


def _sum_of_convolutions(
    g: Graph, x: Value, kernels: Kernels, attention: Value | None, *, parts: int = 1, stride: int = 1
) -> Value:
    """Σ a_i(x)·(w_i * x) over depth-wise kernels, whose weights (parts·N) differ between ``parts`` of the channels.

    The input is repeated N times, so that all kernels are one convolution; a matrix product sums its outputs.
    """
    channels, count, values = x.shape[0], kernels.count, kernels.values
    if attention is None:
        return g.conv(x, values[0], kernels.bias, stride=stride, groups=channels)
    if g.static:
        return _weighted_sum(g, x, kernels, attention, groups=channels, stride=stride)
    order = np.arange(channels).reshape(parts, 1, -1).repeat(count, axis=1).ravel().tolist()
    weights = values.reshape(count, parts, channels // parts, *values.shape[2:]).swapaxes(0, 1)
    out = g.conv(g.gather(x, order), weights.reshape(-1, *values.shape[2:]), stride=stride, groups=channels * count)
    stacked = g.reshape(out, parts, count, channels // parts * out.shape[1] * out.shape[2])
    summed = g.matmul(g.reshape(attention, parts, 1, count), stacked)
    return g.add(g.reshape(summed, channels, *out.shape[1:]), kernels.bias[:, None, None])


def _weighted_sum(g: Graph, x: Value, kernels: Kernels, attention: Value | None, *, groups: int, stride: int) -> Value:
    """Σ a_i(x)·(w_i * x) as so many convolutions with constant kernels, each multiplied by its one number."""
    assert attention is not None
    weights = g.split(g.reshape(attention, kernels.count, 1, 1), [1] * kernels.count)
    terms = [
        g.multiply(g.conv(x, values, stride=stride, groups=groups), weight)
        for values, weight in zip(kernels.values, weights, strict=True)
    ]
    return g.add(reduce(g.add, terms), kernels.bias[:, None, None])


def _aggregated(g: Graph, kernels: Kernels, attention: Value | None) -> Value:
    """W(x) = Σ a_i(x)·w_i, its entries in one dimension."""
    assert attention is not None
    return g.project(attention, kernels.values.reshape(kernels.count, -1))


def _activated(g: Graph, x: Value, relu: bool) -> Value:
    return g.unary("Relu", x) if relu else x


def _padded(kernels: Array, size: int) -> Array:
    margin = (size - kernels.shape[-1]) // 2
    return np.pad(kernels, [(0, 0)] * 3 + [(margin, margin)] * 2)
