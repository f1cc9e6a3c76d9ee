"""ShuffleNetV2 (arXiv:1807.11164) as the backbone of a heatmap network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from trainers.networks.baselines.layers import BackboneWithHead, ConvBnAct, DeconvHead
from trainers.networks.common.layers import shuffled

STEM_CHANNELS, LAST_CHANNELS = 24, 1024
CHANNELS, UNITS = (116, 232, 464), (4, 8, 4)


class ShuffleUnit(nn.Module):
    """Half of the channels pass, half are transformed, and both are shuffled: (B, C, H, W) to (B, C', H/stride, W/stride).

    With stride 2 both halves are transformed, and each reads the whole input.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__()
        half = out_channels // 2
        before = in_channels if stride > 1 else in_channels // 2
        if stride > 1:
            self.branch1 = nn.Sequential(_depthwise(in_channels, stride), ConvBnAct(in_channels, half, 1))
        self.branch2 = nn.Sequential(ConvBnAct(before, half, 1), _depthwise(half, stride), ConvBnAct(half, half, 1))
        self._stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self._stride > 1:
            passed, changed = self.branch1(x), self.branch2(x)
        else:
            passed, second = x.chunk(2, dim=1)
            changed = self.branch2(second)
        return shuffled([passed, changed])


def _depthwise(channels: int, stride: int) -> ConvBnAct:
    return ConvBnAct(channels, channels, 3, stride=stride, groups=channels, activation=None)


class ShuffleNetV2(nn.Module):
    """The features of ShuffleNetV2: (B, 3, H, W) to (B, last, H/32, W/32).

    Args:
        channels: Output channels of the three stages, each even.
        units: Units of the three stages.
        last: Channels of the last 1×1 convolution.
    """

    def __init__(
        self, *, channels: Sequence[int] = CHANNELS, units: Sequence[int] = UNITS, last: int = LAST_CHANNELS
    ) -> None:
        super().__init__()
        self.conv1 = ConvBnAct(3, STEM_CHANNELS, 3, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        layers: list[nn.Module] = []
        before = STEM_CHANNELS
        for after, count in zip(channels, units, strict=True):
            stage = [ShuffleUnit(before, after, stride=2), *(ShuffleUnit(after, after, stride=1) for _ in range(count - 1))]
            layers.append(nn.Sequential(*stage))
            before = after
        layers.append(ConvBnAct(before, last, 1))
        self.layers = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(self.maxpool(self.conv1(x)))
        return out


def _initialise(backbone: ShuffleNetV2) -> None:
    """Draw the weights as the published pose network does: deviation 1 / input channels of a group, the stem apart."""
    stem = set(backbone.conv1.modules())
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            if module in stem:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                nn.init.normal_(module.weight, std=1.0 / module.weight.shape[1])
        elif isinstance(module, nn.BatchNorm2d) and module not in stem:
            nn.init.constant_(module.bias, 0.0001)


def shufflenet_v2(
    *,
    keypoints: int,
    channels: Sequence[int] = CHANNELS,
    units: Sequence[int] = UNITS,
    last: int = LAST_CHANNELS,
    head_channels: Sequence[int] = (256, 256, 256),
) -> BackboneWithHead:
    """Return ShuffleNetV2 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    backbone = ShuffleNetV2(channels=channels, units=units, last=last)
    return BackboneWithHead(backbone, DeconvHead(last, keypoints, head_channels))
