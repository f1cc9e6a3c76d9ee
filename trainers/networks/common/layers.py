"""Building blocks shared by every part of the network.

Shape legend: B batch, C channels, H and W height and width, G channel groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.networks.common.scaled_norm import scaled_batch_norm


class ConvBn(nn.Module):
    """A convolution without bias, batch normalisation and, unless ``relu`` is false, ReLU: (B, C, H, W) to (B, C', H', W').

    ``conv`` may be handed in, so that a dynamic convolution stands where a static one does.
    """

    def __init__(self, conv: nn.Module, channels: int, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = conv
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(scaled_batch_norm(self.bn, self.conv(x)))
        return out


def conv2d(
    in_channels: int, out_channels: int, size: int, *, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A static convolution padded so that only ``stride`` changes the resolution."""
    return nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2, groups=groups, bias=bias)


def pointwise(in_channels: int, out_channels: int, *, relu: bool = True) -> ConvBn:
    """1×1 convolution, BN and ReLU."""
    return ConvBn(conv2d(in_channels, out_channels, 1), out_channels, relu=relu)


def depthwise(channels: int, *, stride: int = 1) -> ConvBn:
    """3×3 depth-wise convolution and BN."""
    return ConvBn(conv2d(channels, channels, 3, stride=stride, groups=channels), channels, relu=False)


class DepthwiseSeparable(nn.Module):
    """Depth-wise 3×3 + BN, then point-wise 1×1 + BN and, unless ``relu`` is false, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.depthwise = depthwise(in_channels, stride=stride)
        self.pointwise = pointwise(in_channels, out_channels, relu=relu)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


def shuffled(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate equal groups of channels and shuffle them (doi:10.1109/CVPR.2018.00716).

    G times (B, C, H, W) become (B, G·C, H, W), the first channels of all groups before their second ones.
    """
    return torch.stack(tuple(parts), dim=2).flatten(1, 2)


class SplitConcatShuffle(nn.Module):
    """SCS: split the channels into equal groups, apply one operation to each, concatenate, shuffle (Eq. 1).

    One group needs no shuffle.
    """

    def __init__(self, operations: Sequence[nn.Module]) -> None:
        super().__init__()
        self.operations = nn.ModuleList(operations)

    def forward(self, x: Tensor) -> Tensor:
        groups = len(self.operations)
        if groups == 1:
            only: Tensor = self.operations[0](x)
            return only
        parts = [operation(part) for operation, part in zip(self.operations, x.chunk(groups, dim=1), strict=True)]
        return shuffled(parts)


def initialise(module: nn.Module) -> None:
    """The released initialisation: convolution weights from N(0, 0.001²), biases 0, BN weight 1 and bias 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.normal_(part.weight, std=0.001)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
