"""MobileNetV2 (arXiv:1801.04381) and MobileNetV3 (arXiv:1905.02244) as backbones of heatmap networks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from trainers.networks.baselines.layers import (
    Activation,
    BackboneWithHead,
    ConvBnAct,
    DeconvHead,
    initialise_kaiming,
    relu,
)

V2_LAYERS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and stride of each layer (Table 2 of arXiv:1801.04381)."""

V3_LAYERS = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
)
"""Kernel, expanded and output channels, squeeze-and-excitation, hard swish, stride of each layer.

The sequence is that of the published pose network, whose layers 13 and 14 differ from Table 1 of arXiv:1905.02244.
"""
V2_LAST, V3_LAST = 1280, 960


def relu6() -> nn.Module:
    """Return a ReLU that ends at 6."""
    return nn.ReLU6(inplace=True)


def hard_swish() -> nn.Module:
    """Return x · min(max(x + 3, 0), 6) / 6."""
    return nn.Hardswish(inplace=True)


def scaled(channels: int, width: float) -> int:
    """Return channels times a width multiplier, rounded to a multiple of 8 and never below nine tenths of the product."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class InvertedResidualV2(nn.Module):
    """Expansion, depth-wise 3×3 and a linear projection: (B, C, H, W) to (B, C', H/stride, W/stride)."""

    def __init__(self, in_channels: int, out_channels: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = expansion * in_channels
        layers = [] if expansion == 1 else [ConvBnAct(in_channels, hidden, 1, activation=relu6)]
        layers.append(ConvBnAct(hidden, hidden, 3, stride=stride, groups=hidden, activation=relu6))
        layers.append(ConvBnAct(hidden, out_channels, 1, activation=None))
        self.conv = nn.Sequential(*layers)
        self._adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self._adds_input else out


class MobileNetV2(nn.Module):
    """The features of MobileNetV2: (B, 3, H, W) to (B, last, H/32, W/32); ``width`` multiplies all other channels."""

    def __init__(self, *, width: float = 1.0, last: int = V2_LAST) -> None:
        super().__init__()
        channels = scaled(32, width)
        self.conv1 = ConvBnAct(3, channels, 3, stride=2, activation=relu6)
        for number, (expansion, out, count, stride) in enumerate(V2_LAYERS, 1):
            blocks = []
            for index in range(count):
                after = scaled(out, width)
                blocks.append(InvertedResidualV2(channels, after, expansion=expansion, stride=stride if index == 0 else 1))
                channels = after
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.conv2 = ConvBnAct(channels, last, 1, activation=relu6)
        initialise_kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class SqueezeExcitation(nn.Module):
    """Channel weights from the mean over positions: (B, C, H, W) to the same shape.

    The last activation is min(max((x + 1) / 2, 0), 1), as in the published pose network.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _ConvWithBias(channels, channels // 4)
        self.conv2 = _ConvWithBias(channels // 4, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = F.relu(self.conv1(x.mean((2, 3), keepdim=True)))
        out: Tensor = x * ((self.conv2(weights) + 1.0) / 2.0).clamp(0.0, 1.0)
        return out


class _ConvWithBias(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class InvertedResidualV3(nn.Module):
    """Expansion, depth-wise convolution, squeeze-and-excitation and a linear projection.

    Args:
        size: Kernel of the depth-wise convolution.
        hidden: Expanded channels; the expansion is there even where it does not expand.
        excited: Whether channels are weighted.
        activation: After the expansion and the depth-wise convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        size: int,
        hidden: int,
        excited: bool,
        activation: Activation,
        stride: int,
    ) -> None:
        super().__init__()
        self.expand_conv = ConvBnAct(in_channels, hidden, 1, activation=activation)
        self.depthwise_conv = ConvBnAct(hidden, hidden, size, stride=stride, groups=hidden, activation=activation)
        self.se = SqueezeExcitation(hidden) if excited else nn.Identity()
        self.linear_conv = ConvBnAct(hidden, out_channels, 1, activation=None)
        self._adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear_conv(self.se(self.depthwise_conv(self.expand_conv(x))))
        return x + out if self._adds_input else out


class MobileNetV3(nn.Module):
    """The features of MobileNetV3 large: (B, 3, H, W) to (B, C, H/32, W/32).

    Args:
        width: Multiplies the channels of all layers but the last.
        last: Channels of a last 1×1 convolution; None leaves it out.
    """

    def __init__(self, *, width: float = 1.0, last: int | None = V3_LAST) -> None:
        super().__init__()
        channels = scaled(16, width)
        self.conv1 = ConvBnAct(3, channels, 3, stride=2, activation=hard_swish)
        for number, (size, hidden, out, excited, swish, stride) in enumerate(V3_LAYERS, 1):
            after = scaled(out, width)
            block = InvertedResidualV3(
                channels,
                after,
                size=size,
                hidden=scaled(hidden, width),
                excited=excited,
                activation=hard_swish if swish else relu,
                stride=stride,
            )
            self.add_module(f"layer{number}", block)
            channels = after
        if last is not None:
            self.layer16 = ConvBnAct(channels, last, 1, activation=hard_swish)
        self.channels = channels if last is None else last
        initialise_kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


def mobilenet_v2(
    *, keypoints: int, width: float = 1.0, last: int = V2_LAST, head_channels: Sequence[int] = (256, 256, 256)
) -> BackboneWithHead:
    """Return MobileNetV2 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return BackboneWithHead(MobileNetV2(width=width, last=last), DeconvHead(last, keypoints, head_channels))


def mobilenet_v3(
    *,
    keypoints: int,
    width: float = 1.0,
    last: int | None = V3_LAST,
    head_channels: Sequence[int] = (256, 256, 256),
) -> BackboneWithHead:
    """Return MobileNetV3 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    backbone = MobileNetV3(width=width, last=last)
    return BackboneWithHead(backbone, DeconvHead(backbone.channels, keypoints, head_channels))
