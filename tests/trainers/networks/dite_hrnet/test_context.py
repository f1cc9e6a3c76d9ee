from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from tests.trainers.networks.dite_hrnet.test_dynamic_conv import drawn, lively
from trainers.networks.dite_hrnet.context import (
    ChannelAttention,
    CrossResolutionWeighting,
    DenseContextModeling,
    GlobalContextModeling,
    SpatialWeighting,
    attention_mask,
    released_pool,
    spatial_pool,
)


def normalised(values: Tensor, bn: torch.nn.BatchNorm2d) -> Tensor:
    """Batch normalisation in eval mode of (B, C) values."""
    return (values - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias


def matrix(conv: torch.nn.Conv2d) -> Tensor:
    return conv.weight.flatten(1).T


def channel_attention(attention: ChannelAttention, context: Tensor) -> Tensor:
    hidden = normalised(context @ matrix(attention.reduce), attention.bn).clamp(min=0)
    return torch.sigmoid(hidden @ matrix(attention.expand) + attention.expand.bias)


def test_a_mask_sums_to_one_over_all_positions() -> None:
    logits = drawn(3, 1, 4, 6)
    mask = attention_mask(logits)
    assert mask.shape == logits.shape
    torch.testing.assert_close(mask.sum(dim=(1, 2, 3)), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(mask[1, 0, 2, 3], logits[1].exp()[0, 2, 3] / logits[1].exp().sum())


@pytest.mark.parametrize("size", [(2, 3), (4, 3), (1, 1), (8, 6)])
def test_spatial_pool_is_a_masked_sum_over_each_window(size: tuple[int, int]) -> None:
    x, mask = drawn(2, 3, 8, 6), drawn(2, 1, 8, 6, seed=1)
    rows, columns = size
    height, width = 8 // rows, 6 // columns
    expected = torch.zeros(2, 3, rows, columns, dtype=torch.float64)
    for b, c, i, j in itertools.product(range(2), range(3), range(8), range(6)):
        expected[b, c, i // height, j // width] += x[b, c, i, j] * mask[b, 0, i, j]
    torch.testing.assert_close(spatial_pool(x, mask, size), expected)


@pytest.mark.parametrize("size", [(2, 3), (4, 3), (1, 1), (8, 6)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_released_pool_reads_memory_position_by_position(size: tuple[int, int], memory_format: torch.memory_format) -> None:
    """x as (h·w, C, q) and the mask as (h·w, q), whatever the tensor's own memory format."""
    x, mask = drawn(2, 3, 8, 6), drawn(2, 1, 8, 6, seed=1)
    rows, columns = size
    cells, q = rows * columns, 48 // (rows * columns)
    expected = torch.zeros(2, 3, rows, columns, dtype=torch.float64)
    for b in range(2):
        memory, weights = x[b].flatten().tolist(), mask[b].flatten().tolist()
        for cell, c, k in itertools.product(range(cells), range(3), range(q)):
            expected[b, c, cell // columns, cell % columns] += memory[(cell * 3 + c) * q + k] * weights[cell * q + k]
    pooled = released_pool(x.contiguous(memory_format=memory_format), mask, size)
    torch.testing.assert_close(pooled, expected)


def test_the_two_pools_differ_unless_everything_is_one_window() -> None:
    x, mask = drawn(1, 3, 8, 6), drawn(1, 1, 8, 6, seed=1)
    assert not torch.allclose(spatial_pool(x, mask, (2, 3)), released_pool(x, mask, (2, 3)))
    torch.testing.assert_close(spatial_pool(x, mask, (1, 1)), released_pool(x, mask, (1, 1)))


@torch.no_grad()
def test_gcm_by_loops() -> None:
    gcm = lively(GlobalContextModeling(8, reduction=4))
    assert gcm.channel_attention.reduce.out_channels == 2
    x = drawn(2, 8, 4, 3)
    context = torch.zeros(2, 8, dtype=torch.float64)
    for b in range(2):
        logits = torch.tensor(
            [[float(x[b, :, i, j] @ gcm.mask.weight.flatten() + gcm.mask.bias) for j in range(3)] for i in range(4)]
        )
        mask = logits.double().exp() / logits.double().exp().sum()
        for i, j in itertools.product(range(4), range(3)):
            context[b] += mask[i, j] * x[b, :, i, j]
    weighted = x * channel_attention(gcm.channel_attention, context)[:, :, None, None]
    expected = normalised(weighted.movedim(1, 3), gcm.bn).movedim(3, 1)
    torch.testing.assert_close(gcm(x), expected, rtol=1e-5, atol=1e-6)


def resolutions(channels: tuple[int, ...]) -> list[Tensor]:
    return [drawn(2, c, 8 >> i, 4 >> i, seed=i) for i, c in enumerate(channels)]


def joint_weights_applied(branches: list[Tensor], weights: Tensor) -> list[Tensor]:
    """Each branch times the weight of the lowest-resolution cell above each of its positions."""
    outputs, start = [], 0
    for branch in branches:
        out, channels = branch.clone(), branch.shape[1]
        step = branch.shape[2] // weights.shape[2]
        for i, j in itertools.product(range(branch.shape[2]), range(branch.shape[3])):
            out[:, :, i, j] *= weights[:, start : start + channels, i // step, j // step]
        start += channels
        outputs.append(out)
    return outputs


@pytest.mark.parametrize(("pooling", "pool"), [("spatial", spatial_pool), ("released", released_pool)])
@torch.no_grad()
def test_dcm_by_loops(pooling: str, pool: object) -> None:
    channels = (4, 6, 6)
    dcm = lively(DenseContextModeling(channels, reduction=8, pooling=pooling))
    assert dcm.channel_attention.reduce.out_channels == 2
    branches = resolutions(channels)
    pooled = []
    for branch, mask in zip(branches[:2], dcm.masks[:2], strict=True):
        logits = torch.einsum("bchw,c->bhw", branch, mask.weight.flatten()) + mask.bias
        softmax = logits.exp() / logits.exp().sum(dim=(1, 2), keepdim=True)
        pooled.append(pool(branch, softmax[:, None], (2, 1)))  # type: ignore[operator]
    joined = torch.cat([*pooled, branches[2]], dim=1)
    weights = torch.zeros_like(joined)
    for i, j in itertools.product(range(2), range(1)):
        weights[:, :, i, j] = channel_attention(dcm.channel_attention, joined[:, :, i, j])
    for out, expected in zip(dcm(branches), joint_weights_applied(branches, weights), strict=True):
        torch.testing.assert_close(out, expected)


@torch.no_grad()
def test_cross_resolution_weighting_by_loops() -> None:
    channels = (4, 6, 6)
    module = lively(CrossResolutionWeighting(channels, reduction=8))
    branches = resolutions(channels)
    weights = torch.zeros(2, 16, 2, 1, dtype=torch.float64)
    for i, j in itertools.product(range(2), range(1)):
        windows = [b[:, :, i * (s := b.shape[2] // 2) : (i + 1) * s, j * s : (j + 1) * s].mean(dim=(2, 3)) for b in branches]
        hidden = normalised(torch.cat(windows, dim=1) @ matrix(module.reduce), module.reduce_bn).clamp(min=0)
        weights[:, :, i, j] = torch.sigmoid(normalised(hidden @ matrix(module.expand), module.expand_bn))
    for out, expected in zip(module(branches), joint_weights_applied(branches, weights), strict=True):
        torch.testing.assert_close(out, expected)


@torch.no_grad()
def test_spatial_weighting_by_its_formula() -> None:
    module = lively(SpatialWeighting(8, reduction=4))
    x = drawn(2, 8, 4, 3)
    hidden = (x.mean(dim=(2, 3)) @ matrix(module.reduce) + module.reduce.bias).clamp(min=0)
    weights = torch.sigmoid(hidden @ matrix(module.expand) + module.expand.bias)
    torch.testing.assert_close(module(x), x * weights[:, :, None, None])


def test_only_the_mask_that_is_never_used_stays_out_of_training() -> None:
    dcm = DenseContextModeling((4, 6, 6), reduction=8, pooling="spatial")
    frozen = [name for name, parameter in dcm.named_parameters() if not parameter.requires_grad]
    assert frozen == ["masks.2.weight", "masks.2.bias"]
