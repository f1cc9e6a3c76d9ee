"""Batch normalisation of scaled channels, in fewer passes over memory than the steps one by one.

Shape legend: B batch, C channels, H and W height and width.

A depth-wise network on a processor spends as long on normalising as on convolving. Torch's kernels for contiguous maps take
several times as long as the passes they need. s (B, C) is a scale for each sample and channel, such as the weights of global
context modelling. With z = x·s the result is y = (z - mean z)·γ/√(var z + ε) + β.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

SMALLEST_MAP = 96
"""Positions of a map from which on fewer passes outweigh more calls."""


def scaled_batch_norm(norm: nn.BatchNorm2d, x: Tensor, scale: Tensor | None = None) -> Tensor:
    """``norm(x * scale)`` for x (B, C, H, W) and scale (B, C, 1, 1), None for 1: equal to rounding, statistics included."""
    quick = (
        type(norm) is nn.BatchNorm2d
        and norm.training
        and norm.momentum is not None
        and x.device.type == "cpu"
        and x.dtype == norm.weight.dtype
        and x.shape[2] * x.shape[3] >= SMALLEST_MAP
        and x.is_contiguous()
        and not torch.compiler.is_compiling()
    )
    if not quick:
        out: Tensor = norm(x if scale is None else x * scale)
        return out
    applied: tuple[Tensor, Tensor, Tensor] = _ScaledBatchNorm.apply(  # type: ignore[no-untyped-call]
        x, scale, norm.weight, norm.bias, norm.eps
    )
    y, mean, variance = applied
    if norm.track_running_stats:
        _remember(norm, mean, variance, samples=x.numel() // x.shape[1])
    return y


def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, *, samples: int) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (samples / (samples - 1)), norm.momentum)


class _ScaledBatchNorm(torch.autograd.Function):
    """(x, s, γ, β, ε) to (y, mean, var); gradients for x, s, γ and β."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor | None, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        samples = x.numel() // x.shape[1]
        sums = x.sum((2, 3)) if scale is None else x.sum((2, 3)) * scale.flatten(1)
        mean = sums.sum(0) / samples
        # The mean goes first: sums of squares would lose the digits that a large mean takes.
        y = x - mean[:, None, None] if scale is None else (x * scale).sub_(mean[:, None, None])
        variance = torch.linalg.vector_norm(y, dim=(2, 3)).square_().sum(0) / samples
        inverse = torch.rsqrt(variance + eps)
        y.mul_((weight * inverse)[:, None, None]).add_(bias[:, None, None])
        ctx.save_for_backward(x, scale, mean, inverse, weight)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, mean, inverse, weight = ctx.saved_tensors
        samples = x.numel() // x.shape[1]
        products = (grad * x).sum((2, 3))
        if scale is not None:
            products *= scale.flatten(1)
        grad_bias = grad.sum((0, 2, 3))
        grad_weight = (products.sum(0) - mean * grad_bias) * inverse
        # The gradient of z is grad·a + z·k + c, with a, k and c for each channel.
        a = weight * inverse
        k = -a * inverse * grad_weight / samples
        c = -a * grad_bias / samples - k * mean
        slope = k[:, None, None] if scale is None else k[:, None, None] * scale
        grad_z = (x * slope).add_(c[:, None, None]).add_(grad * a[:, None, None])
        if scale is None:
            return grad_z, None, grad_weight, grad_bias, None
        grad_scale = (grad_z * x).sum((2, 3), keepdim=True)
        return grad_z.mul_(scale), grad_scale, grad_weight, grad_bias, None
