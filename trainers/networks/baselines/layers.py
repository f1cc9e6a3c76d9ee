"""Layers and blocks that several baseline networks share, and the frame of a backbone with a head.

Shape legend: B batch, C channels, K keypoints, H and W height and width of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.baselines.layers import HEAD_CHANNELS
from trainers.networks.common.layers import conv2d
from trainers.networks.common.recompute import RecomputableSequential

HEAD_STD = 0.001
"""Standard deviation of the initial weights of every head (arXiv:1804.06208)."""

Activation = Callable[[], nn.Module]
Heatmaps = Tensor | tuple[Tensor, ...]
"""The heatmaps of the prediction, or in training of every output that has a loss."""


def relu() -> nn.Module:
    """Return a ReLU that works in place."""
    return nn.ReLU(inplace=True)


def up2() -> nn.Module:
    """Return an upsampling by 2 to the nearest value."""
    return nn.Upsample(scale_factor=2, mode="nearest")


class ConvBnAct(nn.Sequential):
    """Convolution, batch normalisation and activation: (B, C, H, W) to (B, C', H/stride, W/stride).

    Args:
        activation: Makes the last layer; None leaves it out.
        groups: Channel groups of the convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: Activation | None = relu,
    ) -> None:
        super().__init__()
        self.conv = conv2d(in_channels, out_channels, size, stride=stride, groups=groups)
        self.bn = nn.BatchNorm2d(out_channels)
        if activation is not None:
            self.activate = activation()


def conv_bn(in_channels: int, out_channels: int, size: int, *, stride: int = 1) -> nn.Sequential:
    """Return a convolution and its batch normalisation, named ``0`` and ``1``."""
    return nn.Sequential(conv2d(in_channels, out_channels, size, stride=stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (arXiv:1512.03385): (B, C, H, W) to (B, C', H/stride, W/stride)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv2d(in_channels, channels, 3, stride=stride), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv2d(channels, channels, 3), nn.BatchNorm2d(channels)
        self.relu = relu()
        self.downsample = _projection(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return result


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions and a shortcut, with the stride in the 3×3: (B, C, H, W) to (B, C', H/stride, W/stride).

    Args:
        channels: Channels of the 3×3 convolution.
        expansion: Output channels as a multiple of ``channels``.
        projected: Whether the shortcut is a convolution even where the identity would fit.
    """

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, expansion: int = 4, projected: bool = False
    ) -> None:
        super().__init__()
        out_channels = expansion * channels
        self.conv1, self.bn1 = conv2d(in_channels, channels, 1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv2d(channels, channels, 3, stride=stride), nn.BatchNorm2d(channels)
        self.conv3, self.bn3 = conv2d(channels, out_channels, 1), nn.BatchNorm2d(out_channels)
        self.relu = relu()
        self.downsample = _projection(in_channels, out_channels, stride, always=projected)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return result


def _projection(in_channels: int, out_channels: int, stride: int, *, always: bool = False) -> nn.Sequential | None:
    """Return the 1×1 convolution of a shortcut; None where the identity fits."""
    if stride == 1 and in_channels == out_channels and not always:
        return None
    return nn.Sequential(ShortcutConv(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


class ShortcutConv(nn.Conv2d):
    """A 1×1 convolution without bias, whose stride in training is a slice of its input: the values are the same.

    The backward pass of oneDNN's strided 1×1 convolution (torch 2.13, channels-last) writes beyond its memory where there
    are few channels.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H/stride, W/stride)."""
        if not self.training or self.stride == (1, 1):
            return super().forward(input)
        rows, columns = self.stride
        return F.conv2d(input[:, :, ::rows, ::columns], self.weight)


def residual_layer(
    block: type[BasicBlock] | type[Bottleneck], in_channels: int, channels: int, count: int, *, stride: int = 1
) -> nn.Sequential:
    """Return ``count`` residual blocks in a row, of which the first has the stride."""
    inner = block.expansion * channels
    first = block(in_channels, channels, stride=stride)
    return RecomputableSequential(first, *(block(inner, channels) for _ in range(count - 1)))


class DeconvHead(nn.Module):
    """Transposed convolutions from stride 32 to 4, then heatmaps (arXiv:1804.06208): (B, C, H/32, W/32) to (B, K, H/4, W/4).

    Args:
        channels: Output channels of each transposed convolution; each doubles the resolution.
    """

    def __init__(self, in_channels: int, keypoints: int, channels: Sequence[int] = HEAD_CHANNELS) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((in_channels, *channels), channels, strict=False):
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                relu(),
            ]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(channels[-1], keypoints, 1)
        initialise_head(self)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.final_layer(self.deconv_layers(x))
        return out


class HeatmapHead(nn.Module):
    """One 1×1 convolution to heatmaps: (B, C, H/4, W/4) to (B, K, H/4, W/4)."""

    def __init__(self, in_channels: int, keypoints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(in_channels, keypoints, 1)
        initialise_head(self)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.final_layer(x)
        return out


class BackboneWithHead(nn.Module):
    """Features by ``backbone``, heatmaps from them by ``head``: (B, 3, H, W) to (B, K, H/4, W/4)."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.backbone(x))
        return out


def initialise_head(head: nn.Module) -> None:
    """Draw the convolutions of a head from a normal distribution of deviation 0.001; biases are 0."""
    for module in head.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=HEAD_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialise_kaiming(backbone: nn.Module) -> None:
    """Draw convolutions from Kaiming's normal distribution by fan out (arXiv:1502.01852); biases are 0."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialise_small(backbone: nn.Module) -> None:
    """Draw convolutions from a normal distribution of deviation 0.001, as HRNet's authors do (arXiv:1902.09212)."""
    initialise_head(backbone)
