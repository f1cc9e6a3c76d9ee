"""The cascaded pyramid network (arXiv:1711.07319): coarse heatmaps from a pyramid of features, then refined ones.

In training the network returns the four coarse heatmaps and the refined one; otherwise the refined one, the prediction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.baselines.cpn import LEVELS, CPNConfig
from search_spaces.families.baselines.layers import resnet_widths
from trainers.data.codecs import default_sigma
from trainers.networks.baselines.layers import Bottleneck, Heatmaps, conv_bn, relu
from trainers.networks.baselines.mmpose_checkpoint import Shapes, published_layout, renamed
from trainers.networks.baselines.resnet import ResNet
from trainers.networks.common.layers import conv2d
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily
from trainers.networks.loss import heatmap_loss

KERNELS, LARGE_KERNELS = (15, 11, 9, 7), (23, 17, 13, 9)
"""Sides of the kernels that the authors blur the targets of the coarse outputs with, at 256×192 and at 384×288.

The refined target has the last one.
"""
LARGE_HEIGHT = 80
"""Height of heatmaps, in cells, from which on the kernels for 384×288 are meant."""
HARDEST_KEYPOINTS = 8
"""Keypoints of a sample that the refined output learns from: those with the largest errors."""


class Bilinear(nn.Module):
    """Bilinear upsampling whose corner pixels keep their values: by 2, or to a ``size`` (height, width)."""

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self._size = size

    def forward(self, x: Tensor) -> Tensor:
        size = self._size or (2 * x.shape[2], 2 * x.shape[3])
        return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class GlobalNet(nn.Module):
    """Features and coarse heatmaps of each level, from the lowest resolution up.

    Args:
        features: Channels of the backbone's features, from the lowest resolution up.
        channels: Channels of every level.
        size: Height and width of the heatmaps, in cells.
    """

    def __init__(self, features: Sequence[int], channels: int, keypoints: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList([nn.Sequential(*conv_bn(width, channels, 1), relu()) for width in features])
        self.upsamples = nn.ModuleList(
            [nn.Sequential(Bilinear(), *conv_bn(channels, channels, 1)) for _ in range(LEVELS - 1)]
        )
        self.predict = nn.ModuleList(
            [
                nn.Sequential(
                    *conv_bn(channels, channels, 1),
                    relu(),
                    conv2d(channels, keypoints, 3),
                    Bilinear(size),
                    nn.BatchNorm2d(keypoints),
                )
                for _ in range(LEVELS)
            ]
        )

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        levels: list[Tensor] = []
        for index, x in enumerate(features):
            lateral = self.laterals[index](x)
            levels.append(lateral + self.upsamples[index - 1](levels[-1]) if index else lateral)
        return levels, [predict(x) for predict, x in zip(self.predict, levels, strict=True)]


class RefineNet(nn.Module):
    """Refined heatmaps (B, K, h, w) from the features of all levels; lower resolutions pass more bottlenecks."""

    def __init__(self, channels: int, keypoints: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.cascade = nn.ModuleList(
            [
                RecomputableSequential(*(_bottleneck(channels, channels) for _ in range(LEVELS - 1 - level)), Bilinear(size))
                for level in range(LEVELS)
            ]
        )
        self.final_predict = nn.Sequential(
            _bottleneck(LEVELS * channels, channels), conv2d(channels, keypoints, 3), nn.BatchNorm2d(keypoints)
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        refined = [cascade(x) for cascade, x in zip(self.cascade, levels, strict=True)]
        out: Tensor = self.final_predict(torch.cat(refined, dim=1))
        return out


def _bottleneck(in_channels: int, channels: int) -> Bottleneck:
    return Bottleneck(in_channels, channels // 2, expansion=2, projected=True)


def blur_deviation(kernel: int) -> float:
    """Return the deviation, in cells, that OpenCV gives a Gaussian kernel of a side."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def widened(target: Tensor, deviation: float) -> Tensor:
    """Blur heatmaps (B, K, h, w) by a Gaussian, and keep the largest value of each.

    Args:
        target: Heatmaps without negative values.
        deviation: Deviation of the Gaussian in cells; 0 changes nothing.
    """
    if deviation == 0:
        return target
    radius, keypoints = math.ceil(3 * deviation), target.shape[1]
    places = torch.arange(-radius, radius + 1, device=target.device, dtype=target.dtype)
    line = torch.exp(-(places**2) / (2 * deviation**2)).expand(keypoints, 1, 1, -1)
    blurred = F.conv2d(target, line, padding=(0, radius), groups=keypoints)
    blurred = F.conv2d(blurred, line.transpose(2, 3), padding=(radius, 0), groups=keypoints)
    largest, before = (maps.amax((2, 3), keepdim=True) for maps in (blurred, target))
    return blurred * (before / largest.clamp_min(torch.finfo(target.dtype).tiny))


class CascadedPyramid(nn.Module):
    """(B, 3, H, W) to (B, K, H/4, W/4) for the one input size that it is built for."""

    def __init__(self, arch: CPNConfig) -> None:
        super().__init__()
        self.resnet = ResNet(blocks=arch.blocks, width=arch.base_width)
        features = resnet_widths(arch.base_width)[::-1]
        self.global_net = GlobalNet(features, arch.pyramid_channels, arch.keypoints, arch.heatmap_size)
        self.refine_net = RefineNet(arch.pyramid_channels, arch.keypoints, arch.heatmap_size)
        for module in (*self.resnet.modules(), *self.global_net.modules()):
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)

    def training_loss(self, outputs: Sequence[Tensor], target: Tensor, weight: Tensor) -> Tensor:
        """Return half the mean squared error of each coarse output, and that of the hardest keypoints of the refined one.

        Coarse targets are wider, in the proportions of the authors' kernels; the refined target is the codec's. The
        refined loss is the mean over the 8 keypoints of each sample with the largest errors.
        """
        *coarse, refined = outputs
        height = target.shape[2]
        kernels = LARGE_KERNELS if height >= LARGE_HEIGHT else KERNELS
        errors = (weight[:, :, None, None] * (refined - target)).square().mean((2, 3))
        loss = errors.topk(min(HARDEST_KEYPOINTS, errors.shape[1]), dim=1).values.mean()
        for output, kernel in zip(coarse, kernels, strict=True):
            ratio = blur_deviation(kernel) / blur_deviation(kernels[-1])
            wide = widened(target, default_sigma((height, target.shape[3])) * math.sqrt(ratio**2 - 1))
            loss = loss + heatmap_loss(output, wide, weight) / 2
        return loss

    def forward(self, x: Tensor) -> Heatmaps:
        levels, coarse = self.global_net(self.resnet.features(x)[::-1])
        refined: Tensor = self.refine_net(levels)
        return (*coarse, refined) if self.training else refined


def _fields(shapes: Shapes) -> dict[str, Any]:
    return {
        "blocks": tuple(shapes.count(rf"resnet\.layer{layer}\.(\d{{1,4}})\.") for layer in range(1, 5)),
        "base_width": shapes.size("resnet.conv1.weight"),
        "pyramid_channels": shapes.size("global_net.laterals.0.0.weight"),
        "keypoints": shapes.size("global_net.predict.0.3.weight"),
    }


LAYOUT = published_layout(
    recognises=r"(global_net|refine_net)\.",
    infer=_fields,
    architecture=CPNConfig,
    build=CascadedPyramid,
    fixed={"blocks": (CPNConfig().blocks,), "base_width": (64,), "pyramid_channels": (256,)},
    authors="pytorch-cpn",
)
NETWORKS = NetworkFamily(
    build=CascadedPyramid,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={
        "backbone": ("resnet",),
        "stem": ("resnet.conv1", "resnet.bn1"),
        **{f"stage{number}": (f"resnet.layer{number}",) for number in (1, 2, 3, 4)},
        "pyramid": ("global_net",),
        "head": ("refine_net",),
    },
)
