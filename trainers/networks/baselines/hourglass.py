"""Hourglass networks that halve by strided convolutions (arXiv:1603.06937 in the form of arXiv:1808.01244).

In training a network returns the heatmaps of every stack, each of which has a loss; otherwise those of the last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from search_spaces.families.baselines.hourglass import LEVELS, HourglassConfig
from trainers.networks.baselines.layers import (
    BasicBlock,
    ConvBnAct,
    Heatmaps,
    conv_bn,
    initialise_head,
    initialise_small,
    relu,
    residual_layer,
    up2,
)
from trainers.networks.baselines.mmpose_checkpoint import Shapes, published_layout, renamed
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily


class HourglassModule(nn.Module):
    """One hourglass and those inside: (B, C, H, W) to the same shape, H and W multiples of 2 to the number of levels."""

    def __init__(self, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        here, below = channels[0], channels[1]
        self.up1 = residual_layer(BasicBlock, here, here, blocks[0])
        self.low1 = residual_layer(BasicBlock, here, below, blocks[0], stride=2)
        self.low2: nn.Module = (
            HourglassModule(channels[1:], blocks[1:])
            if len(channels) > 2
            else residual_layer(BasicBlock, below, below, blocks[1])
        )
        rest = (BasicBlock(below, below) for _ in range(blocks[0] - 1))
        self.low3 = RecomputableSequential(*rest, BasicBlock(below, here))
        self.up2 = up2()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.up1(x) + self.up2(self.low3(self.low2(self.low1(x))))
        return out


class Hourglass(nn.Module):
    """The features of every stack: (B, 3, H, W) to a list of (B, C, H/4, W/4), H and W multiples of 128.

    The blocks between stacks are there for one stack too, where nothing runs them, as in the published checkpoints.
    """

    def __init__(self, *, stacks: int, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        width = channels[0]
        self.stem = nn.Sequential(
            ConvBnAct(3, width // 2, 7, stride=2), residual_layer(BasicBlock, width // 2, width, 1, stride=2)
        )
        self.hourglass_modules = nn.ModuleList([HourglassModule(channels, blocks) for _ in range(stacks)])
        self.inters = residual_layer(BasicBlock, width, width, max(1, stacks - 1))
        # Nothing runs the block of a single stack: processes that train together would wait for its gradients.
        self.inters.requires_grad_(stacks > 1)
        self.conv1x1s = nn.ModuleList([conv_bn(width, width, 1) for _ in range(stacks - 1)])
        self.out_convs = nn.ModuleList([ConvBnAct(width, width, 3) for _ in range(stacks)])
        self.remap_convs = nn.ModuleList([conv_bn(width, width, 1) for _ in range(stacks - 1)])
        self.relu = relu()
        initialise_small(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        found = []
        for index, module in enumerate(self.hourglass_modules):
            out = self.out_convs[index](module(x))
            found.append(out)
            if index + 1 < len(self.hourglass_modules):
                x = self.inters[index](self.relu(self.conv1x1s[index](x) + self.remap_convs[index](out)))
        return found


class StackHeads(nn.Module):
    """A 1×1 convolution to heatmaps for each stack."""

    def __init__(self, channels: int, keypoints: int, stacks: int) -> None:
        super().__init__()
        self.multi_final_layers = nn.ModuleList([nn.Conv2d(channels, keypoints, 1) for _ in range(stacks)])
        initialise_head(self)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(layer(x) for layer, x in zip(self.multi_final_layers, features, strict=True))


class HourglassPose(nn.Module):
    """An `Hourglass` with heads: (B, 3, H, W) to (B, K, H/4, W/4), in training to those of every stack."""

    def __init__(self, backbone: Hourglass, head: StackHeads) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor) -> Heatmaps:
        heatmaps: tuple[Tensor, ...] = self.head(self.backbone(x))
        return heatmaps if self.training else heatmaps[-1]


def build(arch: HourglassConfig) -> HourglassPose:
    """Return an hourglass of strided convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    backbone = Hourglass(stacks=arch.stacks, channels=arch.widths, blocks=arch.blocks)
    return HourglassPose(backbone, StackHeads(arch.widths[0], arch.keypoints, arch.stacks))


def _fields(shapes: Shapes) -> dict[str, Any]:
    levels = ["backbone.hourglass_modules.0." + "low2." * level for level in range(LEVELS - 1)]
    innermost = re.escape(levels[-1] + "low2.")
    return {
        "stacks": shapes.count(r"backbone\.hourglass_modules\.(\d{1,4})\."),
        "widths": (
            *(shapes.size(f"{level}up1.0.conv1.weight") for level in levels),
            shapes.size(f"{levels[-1]}low2.0.conv1.weight"),
        ),
        "blocks": (
            *(shapes.count(rf"{re.escape(level)}up1\.(\d{{1,4}})\.") for level in levels),
            shapes.count(rf"{innermost}(\d{{1,4}})\."),
        ),
        "keypoints": shapes.size("head.multi_final_layers.0.weight"),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.hourglass_modules\.",
    infer=_fields,
    architecture=HourglassConfig,
    build=build,
    fixed={},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={"backbone": ("backbone",), "stem": ("backbone.stem",), "head": ("head",)},
)
