"""MobileNetV3 (arXiv:1905.02244) as the backbone of a heatmap network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.baselines.layers import scaled
from search_spaces.families.baselines.mobilenet_v3 import (
    EXCITATION_REDUCTION,
    STEM_CHANNELS,
    Layer,
    MobileNetV3Config,
)
from trainers.networks.baselines.layers import BackboneWithHead, ConvBnAct, DeconvHead, initialise_kaiming, relu
from trainers.networks.baselines.mmpose_checkpoint import (
    Shapes,
    channels_of_head,
    keypoints_of_head,
    published_layout,
    renamed,
    width_factor_of,
)
from trainers.networks.common.recompute import Recomputable, run_parts
from trainers.networks.family import NetworkFamily


def hard_swish() -> nn.Module:
    """Return x · min(max(x + 3, 0), 6) / 6."""
    return nn.Hardswish(inplace=True)


class SqueezeExcitation(nn.Module):
    """Channel weights from the mean over positions: (B, C, H, W) to the same shape.

    The last activation is min(max((x + 1) / 2, 0), 1), as in the published pose network: PyTorch's has x / 6 and 1 / 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _ConvWithBias(channels, channels // EXCITATION_REDUCTION)
        self.conv2 = _ConvWithBias(channels // EXCITATION_REDUCTION, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = F.relu(self.conv1(x.mean((2, 3), keepdim=True)))
        out: Tensor = x * F.hardsigmoid(3.0 * self.conv2(weights))
        return out


class _ConvWithBias(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class InvertedResidual(nn.Module):
    """Expansion, depth-wise convolution, squeeze-and-excitation and a linear projection.

    The expansion is there even where it does not expand.
    """

    def __init__(self, in_channels: int, layer: Layer) -> None:
        super().__init__()
        activation = hard_swish if layer.swish else relu
        hidden, stride = layer.hidden, layer.stride
        self.expand_conv = ConvBnAct(in_channels, hidden, 1, activation=activation)
        self.depthwise_conv = ConvBnAct(hidden, hidden, layer.kernel, stride=stride, groups=hidden, activation=activation)
        self.se = SqueezeExcitation(hidden) if layer.excited else nn.Identity()
        self.linear_conv = ConvBnAct(hidden, layer.channels, 1, activation=None)
        self._adds_input = stride == 1 and in_channels == layer.channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear_conv(self.se(self.depthwise_conv(self.expand_conv(x))))
        return x + out if self._adds_input else out


class MobileNetV3(Recomputable):
    """The features of MobileNetV3 large: (B, 3, H, W) to (B, C, H/32, W/32)."""

    def __init__(self, arch: MobileNetV3Config) -> None:
        super().__init__()
        channels = scaled(STEM_CHANNELS, arch.width_factor)
        self.conv1 = ConvBnAct(3, channels, 3, stride=2, activation=hard_swish)
        for number, layer in enumerate(arch.layers, 1):
            self.add_module(f"layer{number}", InvertedResidual(channels, layer))
            channels = layer.channels
        if arch.last_channels:
            last = ConvBnAct(channels, arch.last_channels, 1, activation=hard_swish)
            self.add_module(f"layer{len(arch.layers) + 1}", last)
        initialise_kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = run_parts(self, self.children(), x)
        return out


def build(arch: MobileNetV3Config) -> BackboneWithHead:
    """Return MobileNetV3 with a head of transposed convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return BackboneWithHead(MobileNetV3(arch), DeconvHead(arch.features, arch.keypoints, arch.head_channels))


def _fields(shapes: Shapes) -> dict[str, Any]:
    usual = MobileNetV3Config().layers
    outputs = [shapes.size(f"backbone.layer{number}.linear_conv.conv.weight") for number in range(1, len(usual) + 1)]
    last = f"backbone.layer{len(usual) + 1}.conv.weight"

    def widths(factor: float) -> list[int]:
        return [scaled(layer.channels, factor) for layer in usual]

    return {
        "width_factor": width_factor_of(outputs, widths),
        "last_channels": shapes.size(last) if last in shapes.shapes else 0,
        "head_channels": channels_of_head(shapes),
        "keypoints": keypoints_of_head(shapes),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.layer\d+\.(expand|depthwise|linear)_conv\.",
    infer=_fields,
    architecture=MobileNetV3Config,
    build=build,
    fixed={"width_factor": (1.0,), "blocks": (MobileNetV3Config().blocks,), "last_channels": (0,)},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={"backbone": ("backbone",), "stem": ("backbone.conv1",), "head": ("head",)},
)
