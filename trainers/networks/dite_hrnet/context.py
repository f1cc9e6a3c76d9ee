"""Context weighting: adaptive context modelling (ACM) as DCM (Eq. 5) and GCM (Eq. 6), and Lite-HRNet's two weightings.

Shape legend: B batch, C channels, H and W height and width of a branch, h and w those of the lowest branch, n branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.dite_hrnet.config import reduced
from trainers.networks.common.layers import conv2d
from trainers.networks.common.scaled_norm import scaled_batch_norm
from trainers.networks.common.upsample import upsampled


def mask_logits(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1×1 convolution to one channel; in training as the weighted sum it is, which takes a third of the time there."""
    if not conv.training:
        logits: Tensor = conv(x)
        return logits
    assert conv.bias is not None
    return (x * conv.weight[0]).sum(1, keepdim=True) + conv.bias


def attention_mask(logits: Tensor) -> Tensor:
    """Softmax over all H·W positions: (B, 1, H, W) to the same, each sample summing to 1."""
    return F.softmax(logits.flatten(2), dim=2).view_as(logits)


def global_context(x: Tensor, mask: Tensor, *, training: bool) -> Tensor:
    """The mask-weighted sum over all positions: (B, C, H, W) and (B, 1, H, W) to (B, C, 1, 1).

    In training not as the product of matrices it is: its backward pass is three times as slow.
    """
    if training:
        return (x * mask).sum((2, 3), keepdim=True)
    return (x.flatten(2).unsqueeze(1) @ mask.flatten(2).unsqueeze(3)).transpose(1, 2)


def spatial_pool(x: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Each output cell is the mask-weighted sum over its own (H/h)×(W/w) window (Eq. 5): (B, C, H, W) to (B, C, h, w)."""
    batch, channels, height, width = x.shape
    rows, columns = size
    windows = (x * mask).reshape(batch, channels, rows, height // rows, columns, width // columns)
    return windows.sum(dim=(3, 5))


def released_pool(x: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
    """The pooling of the published network: (B, C, H, W) to (B, C, h, w), positions and channels mixed.

    A sample's contiguous C×H×W memory is read as (h·w, C, H·W/(h·w)), weighted by the mask read as (h·w, H·W/(h·w)), and
    transposed. It costs what `spatial_pool` costs; published weights need it.
    """
    batch, channels = x.shape[:2]
    rows, columns = size
    cells = rows * columns
    memory = x.contiguous().view(batch, cells, channels, -1)
    weights = mask.contiguous().view(batch, cells, -1, 1)
    return (memory @ weights).view(batch, cells, channels).transpose(1, 2).reshape(batch, channels, rows, columns)


POOLS = {"spatial": spatial_pool, "released": released_pool}


class ChannelAttention(nn.Module):
    """1×1 C→hidden + BN + ReLU, 1×1 back to C with bias, sigmoid: the transform shared by DCM and GCM."""

    def __init__(self, channels: int, *, reduction: int) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        self.reduce = conv2d(channels, hidden, 1)
        self.bn = nn.BatchNorm2d(hidden)
        self.expand = conv2d(hidden, channels, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.expand(F.relu(self.bn(self.reduce(x)))))


def weight_branches(branches: Sequence[Tensor], weights: Tensor) -> list[Tensor]:
    """Multiply each branch by its share of joint weights (B, ΣC, h, w), upsampled to it by nearest neighbour."""
    parts = torch.split(weights, [branch.shape[1] for branch in branches], dim=1)
    return [branch * upsampled(part, branch.shape[2] // part.shape[2]) for branch, part in zip(branches, parts, strict=True)]


class DenseContextModeling(nn.Module):
    """DCM (Eq. 5): every branch but the lowest is pooled under a mask of its own, the lowest joins as it is.

    The mask of the lowest branch is never used; the published network holds its parameters, so this one does too, outside
    of training.
    """

    def __init__(self, channels: Sequence[int], *, reduction: int, pooling: str) -> None:
        super().__init__()
        self.masks = nn.ModuleList(conv2d(count, 1, 1, bias=True) for count in channels)
        self.masks[-1].requires_grad_(False)
        self.channel_attention = ChannelAttention(sum(channels), reduction=reduction)
        self._pool = POOLS[pooling]

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        rows, columns = branches[-1].shape[2:]
        pooled = [
            self._pool(branch, attention_mask(mask_logits(cast(nn.Conv2d, mask), branch)), (rows, columns))
            for branch, mask in zip(branches[:-1], self.masks, strict=False)
        ]
        return weight_branches(branches, self.channel_attention(torch.cat([*pooled, branches[-1]], dim=1)))


class GlobalContextModeling(nn.Module):
    """GCM (Eq. 6): one masked sum over all positions weights the channels, then BN: (B, C, H, W) to the same."""

    def __init__(self, channels: int, *, reduction: int) -> None:
        super().__init__()
        self.mask = conv2d(channels, 1, 1, bias=True)
        self.channel_attention = ChannelAttention(channels, reduction=reduction)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        mask = attention_mask(mask_logits(self.mask, x))
        context = global_context(x, mask, training=self.training)
        return scaled_batch_norm(self.bn, x, self.channel_attention(context))


class CrossResolutionWeighting(nn.Module):
    """Lite-HRNet's cross-resolution weighting: adaptive average pooling, and BN before the sigmoid."""

    def __init__(self, channels: Sequence[int], *, reduction: int) -> None:
        super().__init__()
        total = sum(channels)
        hidden = reduced(total, reduction)
        self.reduce = conv2d(total, hidden, 1)
        self.reduce_bn = nn.BatchNorm2d(hidden)
        self.expand = conv2d(hidden, total, 1)
        self.expand_bn = nn.BatchNorm2d(total)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        rows, columns = branches[-1].shape[2:]
        pooled = [*(F.adaptive_avg_pool2d(branch, (rows, columns)) for branch in branches[:-1]), branches[-1]]
        hidden = F.relu(self.reduce_bn(self.reduce(torch.cat(pooled, dim=1))))
        return weight_branches(branches, torch.sigmoid(self.expand_bn(self.expand(hidden))))


class SpatialWeighting(nn.Module):
    """Lite-HRNet's spatial weighting: global average pooling, 1×1 C→C/r + ReLU, 1×1 back, sigmoid, multiply."""

    def __init__(self, channels: int, *, reduction: int) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        self.reduce = conv2d(channels, hidden, 1, bias=True)
        self.expand = conv2d(hidden, channels, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.expand(hidden))
