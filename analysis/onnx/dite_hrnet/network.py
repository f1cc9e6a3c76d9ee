"""The network as an ONNX graph that runs fast: stem, stages with their fusion, and head, written from the trained arrays.

Shape legend: C channels, H and W height and width; B stands in no shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.onnx.dite_hrnet.context import cross_resolution, dense_context, flat, global_context, spatial_weighting
from analysis.onnx.dite_hrnet.dynamic_conv import attentions, depthwise, pointwise, read_kernels
from analysis.onnx.graph import Graph, Value
from analysis.onnx.weights import Array, Weights
from search_spaces.families.dite_hrnet.config import STAGES, ArchConfig


def write_network(g: Graph, arch: ArchConfig, state: Mapping[str, Array], images: Value) -> Value:
    """Images (3, H, W) to heatmaps (K, H/4, W/4) by the arrays of a network of the same architecture."""
    arch, weights = arch.canonical, Weights(state)
    branches = [write_stem(g, arch, weights.at("stem"), images)]
    for index, (count, modules) in enumerate(zip(STAGES, arch.modules, strict=True)):
        stage = weights.at("stages", index)
        branches = write_transition(g, stage.at("transition"), branches)
        for module in range(modules):
            part = stage.at("fused_modules", module)
            for block in range(arch.blocks_per_module):
                branches = write_block(g, arch, part.at("blocks", block), branches)
            branches = write_fusion(g, part.at("fusion", "paths"), branches, source=arch.fusion)
        assert len(branches) == count
    out = write_head(g, weights.at("head", "projects"), branches)
    heatmaps = g.conv(out, weights.at("final")["weight"], weights.at("final")["bias"])
    unread = [name for name in weights.unread() if ".cross.masks." not in name]
    assert not unread, f"the graph leaves trained arrays out: {unread}"
    return heatmaps


def write_stem(g: Graph, arch: ArchConfig, weights: Weights, images: Value) -> Value:
    """(3, H, W) to (C, H/4, W/4)."""
    entry = g.unary("Relu", _conv(g, images, weights.at("entry"), stride=2))
    first, second = g.split(entry, [arch.stem_width // 2] * 2)
    a, b = weights.at("first"), weights.at("second")
    if arch.stem == "lite":
        first = _separable(g, first, a.at(0), a.at(1), stride=2)
        second = g.unary("Relu", _conv(g, second, b.at(0)))
        return interleave(g, first, _separable(g, second, b.at(1), b.at(2), stride=2))
    first = _context(g, _dynamic(g, first, a.at(0), stride=2), a.at(1))
    first = _dynamic(g, first, a.at(2), relu=True)
    second = _context(g, _dynamic(g, second, b.at(0)), b.at(1))
    second = _dynamic(g, _dynamic(g, second, b.at(2), relu=True), b.at(3))
    second = _dynamic(g, second, b.at(4), stride=2, relu=True)
    return interleave(g, first, second)


def write_transition(g: Graph, weights: Weights, branches: Sequence[Value]) -> list[Value]:
    """Into a stage with one branch more."""
    kept = [
        _depthwise_separable(g, branch, weights.at("kept", i)) if weights.at("kept", i).any() else branch
        for i, branch in enumerate(branches)
    ]
    return [*kept, _depthwise_separable(g, branches[-1], weights.at("new"), stride=2)]


def write_block(g: Graph, arch: ArchConfig, weights: Weights, branches: Sequence[Value]) -> list[Value]:
    """A shuffle block over all branches: what runs on their second halves, and the shuffle with the first."""
    halves = [g.split(flat(g, x), [x.shape[0] // 2] * 2) for x in branches]
    worked = [g.reshape(half[1], half[1].shape[0], *x.shape[1:]) for half, x in zip(halves, branches, strict=True)]
    if arch.uses_acm:
        worked = dense_context(g, worked, weights.at("cross"), arch.context_pooling)
    else:
        worked = cross_resolution(g, worked, weights.at("cross"))
    kernels = [
        [read_kernels(weights.at("convs", i, "operations", group)) for group in range(arch.groups[i])]
        for i in range(len(worked))
    ]
    worked = [
        depthwise(g, x, groups, attention)
        for x, groups, attention in zip(worked, kernels, attentions(g, worked, kernels), strict=True)
    ]
    done = write_contexts(g, arch, worked, [weights.at("contexts", i) for i in range(len(worked))])
    return [
        g.reshape(g.concat([half[0], out], axis=1), *x.shape) for half, out, x in zip(halves, done, branches, strict=True)
    ]


def write_contexts(g: Graph, arch: ArchConfig, branches: Sequence[Value], weights: Sequence[Weights]) -> list[Value]:
    """Weight each branch by its own context: (C, H, W) each to (C, H·W)."""
    context = global_context if arch.uses_acm else spatial_weighting
    return context(g, branches, weights)


def write_fusion(g: Graph, weights: Weights, branches: Sequence[Value], *, source: str) -> list[Value]:
    """Multi-scale fusion; see `trainers.networks.dite_hrnet.fusion.Fusion` for its equations.

    Nearest upsampling is linear and goes in steps, so that sums are taken at the lowest resolution that holds them.
    """
    total = g.add(branches[0], branches[0])
    top = _plus_upward(g, total, weights.at(0), branches, 0)
    outputs = [g.unary("Relu", top)]
    fused = outputs[0] if source == "after_relu" else top
    for target in range(1, len(branches)):
        part = weights.at(target)
        total = branches[target]
        for index, start in enumerate([fused, *branches[1:target]]):
            total = g.add(total, _downward(g, start, part.at(index), target - index, factor=1.0 if index else 2.0))
        outputs.append(g.unary("Relu", _plus_upward(g, total, part, branches, target)))
    return outputs


def write_head(g: Graph, weights: Weights, branches: Sequence[Value]) -> Value:
    """From the lowest resolution up: (C_i, H_i, W_i) to (C_0, H_0, W_0)."""
    lowest, *others = reversed(branches)
    out = _depthwise_separable(g, lowest, weights.at(0))
    for index, branch in enumerate(others, start=1):
        out = _depthwise_separable(g, g.add(branch, g.upsample_bilinear(out, 2)), weights.at(index))
    return out


def interleave(g: Graph, first: Value, second: Value) -> Value:
    """Concatenation and channel shuffle by two: each (C, H, W) to (2·C, H, W)."""
    joined = g.concat([flat(g, first), flat(g, second)], axis=1)
    return g.reshape(joined, 2 * first.shape[0], *first.shape[1:])


def _plus_upward(g: Graph, total: Value, weights: Weights, branches: Sequence[Value], target: int) -> Value:
    """``total`` plus the lower branches, projected to its width and carried up to its resolution."""
    below: Value | None = None
    for index in range(len(branches) - 1, target, -1):
        projected = _conv(g, branches[index], weights.at(index, "project"))
        below = g.upsample(projected if below is None else g.add(projected, below), 2)
    return total if below is None else g.add(total, below)


def _downward(g: Graph, x: Value, weights: Weights, steps: int, *, factor: float) -> Value:
    for step in range(steps - 1):
        x = _depthwise_separable(g, x, weights.at(step), stride=2)
    return _depthwise_separable(g, x, weights.at(steps - 1), stride=2, relu=False, factor=factor)


def _depthwise_separable(
    g: Graph, x: Value, weights: Weights, *, stride: int = 1, relu: bool = True, factor: float = 1.0
) -> Value:
    return _separable(g, x, weights.at("depthwise"), weights.at("pointwise"), stride=stride, relu=relu, factor=factor)


def _separable(
    g: Graph, x: Value, first: Weights, second: Weights, *, stride: int, relu: bool = True, factor: float = 1.0
) -> Value:
    out = _conv(g, _conv(g, x, first, stride=stride), second, factor=factor)
    return g.unary("Relu", out) if relu else out


def _conv(g: Graph, x: Value, weights: Weights, *, stride: int = 1, factor: float = 1.0) -> Value:
    """A static convolution with its batch normalisation, times ``factor``."""
    weight, bias = weights.conv_bn()
    return g.conv(x, factor * weight, factor * bias, stride=stride, groups=x.shape[0] // weight.shape[1])


def _dynamic(g: Graph, x: Value, weights: Weights, *, stride: int = 1, relu: bool = False) -> Value:
    kernels = read_kernels(weights)
    (attention,) = attentions(g, [x], [[kernels]])
    if kernels.size == 1:
        return pointwise(g, x, kernels, attention, relu=relu)
    return depthwise(g, x, [kernels], attention, stride=stride, relu=relu)


def _context(g: Graph, x: Value, weights: Weights) -> Value:
    (out,) = global_context(g, [x], [weights])
    return g.reshape(out, *x.shape)
