"""Batch normalisation of scaled channels: torch's own, to rounding, forwards, backwards and in what it remembers."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers.networks.common.scaled_norm import SMALLEST_MAP, _ScaledBatchNorm, scaled_batch_norm


def pair(channels: int, seed: int, dtype: torch.dtype = torch.float32) -> tuple[nn.BatchNorm2d, nn.BatchNorm2d]:
    generator = torch.Generator().manual_seed(seed)
    norm = nn.BatchNorm2d(channels, dtype=dtype)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(channels, generator=generator, dtype=dtype))
        norm.bias.copy_(torch.randn(channels, generator=generator, dtype=dtype))
    return norm, copy.deepcopy(norm)


@given(
    batch=st.integers(1, 5),
    channels=st.integers(1, 6),
    height=st.integers(10, 20),
    width=st.integers(10, 20),
    mean=st.floats(-5, 5),
    deviation=st.floats(0.01, 100),
    scaled=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_it_is_batch_norm(
    batch: int, channels: int, height: int, width: int, mean: float, deviation: float, scaled: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = pair(channels, seed, torch.double)
    x = deviation * (torch.randn(batch, channels, height, width, generator=generator, dtype=torch.double) + mean)
    scale = torch.rand(batch, channels, 1, 1, generator=generator, dtype=torch.double) + 0.1 if scaled else None
    grad = torch.randn(x.shape, generator=generator, dtype=torch.double)
    found = []
    for norm, function in ((ours, scaled_batch_norm), (theirs, lambda n, v, s: n(v if s is None else v * s))):
        inputs = [v.clone().requires_grad_() for v in (x, scale) if v is not None]
        y = function(norm, inputs[0], inputs[1] if scaled else None)
        y.backward(grad)
        found.append(
            [y.detach(), *(v.grad for v in inputs), norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
        )
        assert norm.num_batches_tracked == 1
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mean", [0.0, 1.0, 100.0])
def test_single_precision_holds_for_large_means(mean: float) -> None:
    torch.manual_seed(0)
    norm, other = pair(8, 1)
    x = torch.randn(4, 8, 32, 24) + mean
    ours, theirs = scaled_batch_norm(norm, x).detach(), other(x).detach()
    assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-5 * max(1.0, mean)
    assert torch.allclose(norm.running_var, other.running_var, rtol=1e-4)


def test_gradients_in_double_precision() -> None:
    torch.manual_seed(0)
    x, scale, weight, bias = (
        torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in ((2, 3, 10, 10), (2, 3, 1, 1), (3,), (3,))
    )
    for s in (scale, None):
        assert torch.autograd.gradcheck(
            lambda *v, s=s: _ScaledBatchNorm.apply(v[0], s, v[1], v[2], 1e-5)[0], (x, weight, bias)
        )
    assert torch.autograd.gradcheck(lambda s: _ScaledBatchNorm.apply(x, s, weight, bias, 1e-5)[0], (scale,))


@pytest.mark.parametrize("case", ["evaluation", "channels last", "small map", "half precision"])
def test_elsewhere_it_is_the_module_itself(case: str) -> None:
    norm, other = pair(4, 0)
    x = torch.randn(2, 4, 4, 4) if case == "small map" else torch.randn(2, 4, SMALLEST_MAP, 2)
    if case == "evaluation":
        norm.eval(), other.eval()
    if case == "channels last":
        x = x.contiguous(memory_format=torch.channels_last)
    if case == "half precision":
        x = x.bfloat16()
    assert torch.equal(scaled_batch_norm(norm, x), other(x))
    assert torch.equal(norm.running_var, other.running_var)
