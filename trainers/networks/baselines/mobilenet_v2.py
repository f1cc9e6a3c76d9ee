"""MobileNetV2 (arXiv:1801.04381) as the backbone of a heatmap network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from search_spaces.families.baselines.layers import scaled
from search_spaces.families.baselines.mobilenet_v2 import LAYERS, STEM_CHANNELS, MobileNetV2Config
from trainers.networks.baselines.layers import BackboneWithHead, ConvBnAct, DeconvHead, initialise_kaiming
from trainers.networks.baselines.mmpose_checkpoint import (
    Shapes,
    channels_of_head,
    keypoints_of_head,
    published_layout,
    renamed,
    width_factor_of,
)
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily


def relu6() -> nn.Module:
    """Return a ReLU that ends at 6."""
    return nn.ReLU6(inplace=True)


class InvertedResidual(nn.Module):
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
    """The features of MobileNetV2: (B, 3, H, W) to (B, C, H/32, W/32)."""

    def __init__(self, arch: MobileNetV2Config) -> None:
        super().__init__()
        channels = scaled(STEM_CHANNELS, arch.width_factor)
        self.conv1 = ConvBnAct(3, channels, 3, stride=2, activation=relu6)
        for number, (layer, count) in enumerate(zip(LAYERS, arch.blocks, strict=True), 1):
            blocks, after = [], scaled(layer.channels, arch.width_factor)
            for index in range(count):
                stride = layer.stride if index == 0 else 1
                blocks.append(InvertedResidual(channels, after, expansion=layer.expansion, stride=stride))
                channels = after
            self.add_module(f"layer{number}", RecomputableSequential(*blocks))
        self.conv2 = ConvBnAct(channels, arch.last_channels, 1, activation=relu6)
        initialise_kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


def build(arch: MobileNetV2Config) -> BackboneWithHead:
    """Return MobileNetV2 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return BackboneWithHead(MobileNetV2(arch), DeconvHead(arch.last_channels, arch.keypoints, arch.head_channels))


def _fields(shapes: Shapes) -> dict[str, Any]:
    blocks = tuple(shapes.count(rf"backbone\.layer{number}\.(\d{{1,4}})\.") for number in range(1, len(LAYERS) + 1))
    # The projection is the last of a block's convolutions; the first layer has no expansion before it.
    outputs = [
        shapes.size(f"backbone.layer{number}.0.conv.{1 if layer.expansion == 1 else 2}.conv.weight")
        for number, layer in enumerate(LAYERS, 1)
    ]
    return {
        "width_factor": width_factor_of(outputs, lambda factor: [scaled(layer.channels, factor) for layer in LAYERS]),
        "blocks": blocks,
        "last_channels": shapes.size("backbone.conv2.conv.weight"),
        "head_channels": channels_of_head(shapes),
        "keypoints": keypoints_of_head(shapes),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.layer\d+\.\d+\.conv\.\d+\.",
    infer=_fields,
    architecture=MobileNetV2Config,
    build=build,
    fixed={"width_factor": (1.0,), "blocks": (MobileNetV2Config().blocks,), "last_channels": (1280,)},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={"backbone": ("backbone",), "stem": ("backbone.conv1",), "head": ("head",)},
)
