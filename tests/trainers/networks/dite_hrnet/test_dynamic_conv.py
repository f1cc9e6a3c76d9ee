from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.networks.common.layers import SplitConcatShuffle, shuffled
from trainers.networks.dite_hrnet.dynamic_conv import (
    DynamicKernelAggregation,
    DynamicSplitConv,
    KernelAttention,
    dynamic_conv2d,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def lively(module: nn.Module) -> nn.Module:
    """Double precision, and weights and statistics that leave nothing idle."""
    module = module.double().eval()
    for seed, (key, tensor) in enumerate(module.state_dict().items()):
        if key.endswith("running_var"):
            tensor.copy_(drawn(*tensor.shape, seed=seed).abs() + 0.5)
        elif tensor.is_floating_point():
            tensor.copy_(drawn(*tensor.shape, seed=seed))
    return module


@torch.no_grad()
def test_kernel_attention_lies_between_0_and_1_and_is_no_softmax() -> None:
    attention = lively(KernelAttention(8, 4, reduction=4))
    weights = attention(drawn(16, 8, 5, 3))
    assert weights.shape == (16, 4)
    assert ((weights > 0) & (weights < 1)).all()
    assert (weights.sum(dim=1) - 1).abs().min() > 1e-3


@torch.no_grad()
def test_kernel_attention_by_its_formula() -> None:
    """Eq. 3 with the released batch normalisation, with plain matrix products."""
    attention = lively(KernelAttention(8, 3, reduction=4))
    x = drawn(2, 8, 5, 3)
    hidden = x.mean(dim=(2, 3)) @ attention.reduce.weight.flatten(1).T
    bn = attention.bn
    hidden = (hidden - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
    logits = hidden.clamp(min=0) @ attention.expand.weight.flatten(1).T + attention.expand.bias
    torch.testing.assert_close(attention(x), 1 / (1 + torch.exp(-logits)))


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("size", "groups", "outputs"), [(3, 6, 6), (5, 6, 6), (1, 1, 10), (3, 2, 4)])
@torch.no_grad()
def test_dka_is_one_convolution_a_sample_with_its_own_kernel(
    size: int, groups: int, outputs: int, stride: int, linear: bool
) -> None:
    conv = lively(DynamicKernelAggregation(6, outputs, size, 3, stride=stride, groups=groups, reduction=2))
    conv.linear = linear
    x = drawn(4, 6, 8, 6)
    weights = conv.attention(x)
    assert (weights[0] - weights[1]).abs().max() > 1e-3, "samples must differ for the test to see their own kernels"
    expected = []
    for sample, own in zip(x, weights, strict=True):
        kernel = sum(a * w for a, w in zip(own, conv.kernels, strict=True))
        expected.append(F.conv2d(sample[None], kernel, stride=stride, padding=size // 2, groups=groups))
    out = conv(x)
    assert out.shape == (4, outputs, 8 // stride, 6 // stride)
    torch.testing.assert_close(out, torch.cat(expected))


def test_one_kernel_is_a_static_convolution() -> None:
    conv = dynamic_conv2d(6, 6, 3, 1, reduction=4, groups=6)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(dynamic_conv2d(6, 6, 3, 2, reduction=4, groups=6), DynamicKernelAggregation)


def test_every_kernel_is_drawn_on_its_own() -> None:
    torch.manual_seed(0)
    kernels = DynamicKernelAggregation(16, 16, 3, 4, stride=1, groups=16, reduction=4).kernels
    assert kernels.shape == (4, 16, 1, 3, 3)
    bound = (6 / (9 * 1)) ** 0.5  # Kaiming-uniform for ReLU: sqrt(6 / fan-in)
    assert bound * 0.9 < float(kernels.detach().abs().max()) <= bound
    assert len({float(kernel.detach().sum()) for kernel in kernels}) == 4


@pytest.mark.parametrize("kernels", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
@torch.no_grad()
def test_dsc_group_i_has_kernels_of_side_2i_plus_1(groups: int, kernels: int) -> None:
    dsc = lively(DynamicSplitConv(16, groups, kernels, reduction=4))
    sides, attentions = [], []
    for operation in dsc.operations:
        conv = operation.conv
        weight = conv.weight if kernels == 1 else conv.kernels[0]
        sides.append(tuple(weight.shape[2:]))
        assert weight.shape[:2] == (16 // groups, 1), "depth-wise over the group's own channels"
        attentions.append(None if kernels == 1 else conv.attention.reduce.in_channels)
    assert sides == [(2 * i + 1, 2 * i + 1) for i in range(1, groups + 1)]
    assert attentions == [None if kernels == 1 else 16 // groups] * groups

    x = drawn(2, 16, 6, 4)
    parts = [operation(part) for operation, part in zip(dsc.operations, x.split(16 // groups, dim=1), strict=True)]
    joined = torch.cat(parts, dim=1)
    order = [g * (16 // groups) + c for c in range(16 // groups) for g in range(groups)]
    torch.testing.assert_close(dsc(x), joined[:, order])


def test_channels_of_all_parts_take_turns() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert shuffled(x.chunk(2, dim=1)).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert shuffled(x.chunk(3, dim=1)).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert shuffled([x]).flatten().tolist() == list(range(6))
    planes = drawn(2, 8, 3, 5)
    assert torch.equal(shuffled(shuffled(planes.chunk(2, dim=1)).chunk(4, dim=1)), planes)
    channels_last = planes.contiguous(memory_format=torch.channels_last)
    assert torch.equal(shuffled(channels_last.chunk(4, dim=1)), shuffled(planes.chunk(4, dim=1)))


def test_split_concat_shuffle_of_one_group_does_not_shuffle() -> None:
    x = drawn(1, 4, 2, 2)
    assert torch.equal(SplitConcatShuffle([nn.Identity()])(x), x)
    assert not torch.equal(SplitConcatShuffle([nn.Identity(), nn.Identity()])(x), x)
