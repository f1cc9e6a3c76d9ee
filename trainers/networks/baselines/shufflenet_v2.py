"""ShuffleNetV2 (arXiv:1807.11164) as the backbone of a heatmap network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from search_spaces.families.baselines.shufflenet_v2 import STEM_CHANNELS, ShuffleNetV2Config
from trainers.networks.baselines.layers import BackboneWithHead, ConvBnAct, DeconvHead
from trainers.networks.baselines.mmpose_checkpoint import (
    Shapes,
    channels_of_head,
    keypoints_of_head,
    published_layout,
    renamed,
)
from trainers.networks.common.layers import shuffled
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily


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
    """The features of ShuffleNetV2: (B, 3, H, W) to (B, C, H/32, W/32)."""

    def __init__(self, arch: ShuffleNetV2Config) -> None:
        super().__init__()
        self.conv1 = ConvBnAct(3, STEM_CHANNELS, 3, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        layers: list[nn.Module] = []
        before = STEM_CHANNELS
        for after, count in zip(arch.stage_widths, arch.stage_units, strict=True):
            rest = (ShuffleUnit(after, after, stride=1) for _ in range(count - 1))
            layers.append(RecomputableSequential(ShuffleUnit(before, after, stride=2), *rest))
            before = after
        layers.append(ConvBnAct(before, arch.last_channels, 1))
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


def build(arch: ShuffleNetV2Config) -> BackboneWithHead:
    """Return ShuffleNetV2 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return BackboneWithHead(ShuffleNetV2(arch), DeconvHead(arch.last_channels, arch.keypoints, arch.head_channels))


def _fields(shapes: Shapes) -> dict[str, Any]:
    stages = range(3)
    return {
        "stage_widths": tuple(2 * shapes.size(f"backbone.layers.{stage}.0.branch2.2.conv.weight") for stage in stages),
        "stage_units": tuple(shapes.count(rf"backbone\.layers\.{stage}\.(\d{{1,4}})\.") for stage in stages),
        "last_channels": shapes.size("backbone.layers.3.conv.weight"),
        "head_channels": channels_of_head(shapes),
        "keypoints": keypoints_of_head(shapes),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.layers\.\d+\.\d+\.branch2\.",
    infer=_fields,
    architecture=ShuffleNetV2Config,
    build=build,
    fixed={name: (getattr(ShuffleNetV2Config(), name),) for name in ("stage_widths", "stage_units", "last_channels")},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={
        "backbone": ("backbone",),
        "stem": ("backbone.conv1",),
        **{f"stage{number}": (f"backbone.layers.{number - 2}",) for number in (2, 3, 4)},
        "head": ("head",),
    },
)
