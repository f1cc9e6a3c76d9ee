"""Context weighting in an exported graph: DCM, GCM and Lite-HRNet's two weightings, of all branches together.

Shape legend: C channels, H and W height and width of a branch. The lowest branch has h and w; B stands in no shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from analysis.onnx.graph import Graph, Value
from analysis.onnx.weights import Mlp, Weights, joint

HIDDEN_MULTIPLE = 16
"""ONNX Runtime keeps both convolutions of a bottleneck in its own layout where the channels between are a multiple of
this; zeros fill them up."""


def flat(g: Graph, x: Value) -> Value:
    """(C, H, W) to (C, H·W)."""
    return g.reshape(x, x.shape[0], prod(x.shape[1:]))


def mask_of(g: Graph, x: Value, weights: Weights) -> Value:
    """Softmax over all positions of a 1×1 convolution to one channel: (C, H, W) to (1, H·W).

    The bias is left out: a softmax does not see what is added to all its inputs.
    """
    weights["bias"]
    return g.softmax(g.matmul(weights["weight"][:, :, 0, 0], flat(g, x)))


def dense_context(g: Graph, branches: Sequence[Value], weights: Weights, pooling: str) -> list[Value]:
    """DCM (Eq. 5): every branch but the lowest is pooled under its mask, the lowest joins as it is."""
    masks = [mask_of(g, branch, weights.at("masks", i)) for i, branch in enumerate(branches[:-1])]
    pool = _released_pool if pooling == "released" else _spatial_pool
    pooled = [pool(g, x, mask, branches[-1]) for x, mask in zip(branches, masks, strict=False)]
    joined = g.concat([*(flat(g, x) for x in pooled), flat(g, branches[-1])])
    return _weighted(g, branches, joined, weights.at("channel_attention").mlp(), as_memory=pooling == "released")


def cross_resolution(g: Graph, branches: Sequence[Value], weights: Weights) -> list[Value]:
    """Lite-HRNet's cross-resolution weighting: every branch is averaged down to the lowest."""
    height = branches[-1].shape[1]
    pooled = [g.average_pool(branch, branch.shape[1] // height) for branch in branches[:-1]]
    mlp = weights.mlp(reduce_norm="reduce_bn", expand_norm="expand_bn")
    return _weighted(g, branches, g.concat([*pooled, branches[-1]]), mlp)


def global_context(g: Graph, branches: Sequence[Value], weights: Sequence[Weights]) -> list[Value]:
    """GCM (Eq. 6) of each branch, batch normalisation included: (C, H, W) each to (C, H·W)."""
    masks = [mask_of(g, branch, part.at("mask")) for branch, part in zip(branches, weights, strict=True)]
    contexts = [g.matmul(mask, g.transpose(flat(g, x), 1, 0)) for mask, x in zip(masks, branches, strict=True)]
    norms = [part.batch_norm() for part in weights]
    total = sum(x.shape[0] for x in branches)
    mlp = joint([part.at("channel_attention").mlp() for part in weights])
    channels = g.mlp(g.reshape(g.concat(contexts, axis=1), total), mlp)
    scales = _by_branch(g, g.multiply(channels, np.concatenate([factor for factor, _ in norms])), branches)
    return [
        g.add(g.multiply(flat(g, x), scale), shift[:, None])
        for x, scale, (_, shift) in zip(branches, scales, norms, strict=True)
    ]


def spatial_weighting(g: Graph, branches: Sequence[Value], weights: Sequence[Weights]) -> list[Value]:
    """Lite-HRNet's spatial weighting of each branch: (C, H, W) each to (C, H·W)."""
    pooled = g.concat([g.mean(branch) for branch in branches])
    scales = _by_branch(g, g.mlp(pooled, joint([part.mlp(reduce_norm=None) for part in weights])), branches)
    return [g.multiply(flat(g, branch), scale) for branch, scale in zip(branches, scales, strict=True)]


def _by_branch(g: Graph, vector: Value, branches: Sequence[Value]) -> list[Value]:
    """A joint vector (ΣC) as one (C, 1) for each branch."""
    return g.split(g.reshape(vector, *vector.shape, 1), [branch.shape[0] for branch in branches])


def _spatial_pool(g: Graph, x: Value, mask: Value, lowest: Value) -> Value:
    """Masked sums over windows: (C, H, W) to (C, h, w)."""
    factor = x.shape[1] // lowest.shape[1]
    masked = g.multiply(flat(g, x), mask)
    means = g.average_pool(g.reshape(masked, *x.shape), factor)
    return g.multiply(means, np.array(float(factor**2)))


def _released_pool(g: Graph, x: Value, mask: Value, lowest: Value) -> Value:
    """The published pooling: (C, H, W) to (C, h·w)."""
    memory = _memory(g, x, lowest)
    cells, channels, positions = memory.shape
    sums = g.matmul(g.reshape(mask, cells, 1, positions), g.transpose(memory, 0, 2, 1))
    return g.transpose(g.reshape(sums, cells, channels), 1, 0)


def _memory(g: Graph, x: Value, lowest: Value) -> Value:
    """The memory of (C, H, W) read as (h·w, C, H·W/(h·w))."""
    cells = lowest.shape[1] * lowest.shape[2]
    return g.reshape(x, cells, x.shape[0], x.shape[1] * x.shape[2] // cells)


def _weighted(g: Graph, branches: Sequence[Value], joined: Value, mlp: Mlp, *, as_memory: bool = False) -> list[Value]:
    """Each branch times its share of the weights that ``mlp`` makes of (ΣC, h·w), upsampled to it.

    The product is taken in the shape in which the branch was read last: a runtime copies a tensor to keep it in two.
    """
    lowest = branches[-1]
    joined = g.reshape(joined, joined.shape[0], *lowest.shape[1:])
    mlp = mlp.padded(HIDDEN_MULTIPLE)
    hidden = g.unary("Relu", g.conv(joined, mlp.reduce[:, :, None, None], mlp.reduce_bias))
    weights = g.unary("Sigmoid", g.conv(hidden, mlp.expand[:, :, None, None], mlp.expand_bias))
    parts = g.split(weights, [branch.shape[0] for branch in branches])
    products = []
    for branch, part in zip(branches, parts, strict=True):
        factor = g.upsample(part, branch.shape[1] // part.shape[1])
        view = _memory(g, branch, lowest) if as_memory and branch is not lowest else flat(g, branch)
        products.append(g.reshape(g.multiply(view, g.reshape(factor, *view.shape)), *branch.shape))
    return products
