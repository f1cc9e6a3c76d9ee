"""Hourglass networks (arXiv:1603.06937): features go down to a small map and up again, several times.

`Hourglass` halves by strided convolutions, the form that arXiv:1808.01244 introduced. `StackedHourglass` halves by pooling,
and its blocks activate first. In training both return the heatmaps of every stack, each of which has a loss; otherwise
those of the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from trainers.networks.baselines.layers import (
    BasicBlock,
    ConvBnAct,
    conv_bn,
    initialise_head,
    initialise_small,
    relu,
    residual_layer,
)
from trainers.networks.common.layers import conv2d

CHANNELS, BLOCKS = (256, 256, 384, 384, 384, 512), (2, 2, 2, 2, 2, 4)
"""Channels and basic blocks of each level of the strided form."""
LEVELS = 4
"""Levels of the pooled form."""

Heatmaps = Tensor | tuple[Tensor, ...]


def up2() -> nn.Module:
    """Return an upsampling by 2 to the nearest value."""
    return nn.Upsample(scale_factor=2, mode="nearest")


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
        self.low3 = nn.Sequential(*(BasicBlock(below, below) for _ in range(blocks[0] - 1)), BasicBlock(below, here))
        self.up2 = up2()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.up1(x) + self.up2(self.low3(self.low2(self.low1(x))))
        return out


class Hourglass(nn.Module):
    """The features of every stack: (B, 3, H, W) to a list of (B, 256, H/4, W/4), H and W multiples of 128.

    The blocks between stacks are there for one stack too, where nothing runs them, as in the published checkpoints.
    """

    def __init__(self, *, stacks: int = 1, channels: Sequence[int] = CHANNELS, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        width = channels[0]
        self.stem = nn.Sequential(
            ConvBnAct(3, width // 2, 7, stride=2), residual_layer(BasicBlock, width // 2, width, 1, stride=2)
        )
        self.hourglass_modules = nn.ModuleList([HourglassModule(channels, blocks) for _ in range(stacks)])
        self.inters = residual_layer(BasicBlock, width, width, max(1, stacks - 1))
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


class PreActivationBlock(nn.Module):
    """Normalisation and ReLU before each of three convolutions (arXiv:1603.05027): (B, C, H, W) to (B, 2·planes, H, W)."""

    def __init__(self, in_channels: int, planes: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(in_channels), conv2d(in_channels, planes, 1, bias=True)
        self.bn2, self.conv2 = nn.BatchNorm2d(planes), conv2d(planes, planes, 3, bias=True)
        self.bn3, self.conv3 = nn.BatchNorm2d(planes), conv2d(planes, 2 * planes, 1, bias=True)
        self.relu = nn.ReLU()
        fits = in_channels == 2 * planes
        self.downsample = None if fits else nn.Sequential(conv2d(in_channels, 2 * planes, 1, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(self.relu(self.bn1(x)))
        out = self.conv2(self.relu(self.bn2(out)))
        out = self.conv3(self.relu(self.bn3(out)))
        result: Tensor = out + (x if self.downsample is None else self.downsample(x))
        return result


class PooledHourglass(nn.Module):
    """One hourglass of `LEVELS` levels: (B, C, H, W) to the same shape; level 0 is the innermost."""

    def __init__(self, planes: int) -> None:
        super().__init__()
        self.hg = nn.ModuleList(
            [
                nn.ModuleList([nn.Sequential(PreActivationBlock(2 * planes, planes)) for _ in range(3 if level else 4)])
                for level in range(LEVELS)
            ]
        )
        self.pool, self.up = nn.MaxPool2d(2, stride=2), up2()

    def forward(self, x: Tensor) -> Tensor:
        return self._level(LEVELS - 1, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        blocks = self.hg[level]
        assert isinstance(blocks, nn.ModuleList)
        low = blocks[1](self.pool(x))
        low = self._level(level - 1, low) if level else blocks[3](low)
        out: Tensor = blocks[0](x) + self.up(blocks[2](low))
        return out


class StackedHourglass(nn.Module):
    """Hourglasses that pool: (B, 3, H, W), H and W multiples of 64, to (B, K, H/4, W/4), in training for every stack.

    Args:
        planes: Half of the channels of a stack.
    """

    def __init__(self, *, keypoints: int, stacks: int = 8, planes: int = 128) -> None:
        super().__init__()
        width = 2 * planes
        self.conv1, self.bn1, self.relu = conv2d(3, planes // 2, 7, stride=2, bias=True), nn.BatchNorm2d(planes // 2), relu()
        self.layer1 = nn.Sequential(PreActivationBlock(planes // 2, planes // 2))
        self.maxpool = nn.MaxPool2d(2, stride=2)
        self.layer2 = nn.Sequential(PreActivationBlock(planes, planes))
        self.layer3 = nn.Sequential(PreActivationBlock(width, planes))
        self.hg = nn.ModuleList([PooledHourglass(planes) for _ in range(stacks)])
        self.res = nn.ModuleList([nn.Sequential(PreActivationBlock(width, planes)) for _ in range(stacks)])
        self.fc = nn.ModuleList(
            [nn.Sequential(conv2d(width, width, 1, bias=True), nn.BatchNorm2d(width), relu()) for _ in range(stacks)]
        )
        self.score = nn.ModuleList([conv2d(width, keypoints, 1, bias=True) for _ in range(stacks)])
        self.fc_ = nn.ModuleList([conv2d(width, width, 1, bias=True) for _ in range(stacks - 1)])
        self.score_ = nn.ModuleList([conv2d(keypoints, width, 1, bias=True) for _ in range(stacks - 1)])

    def forward(self, x: Tensor) -> Heatmaps:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.maxpool(self.layer1(x))))
        found: list[Tensor] = []
        for index, hourglass in enumerate(self.hg):
            y = self.fc[index](self.res[index](hourglass(x)))
            found.append(self.score[index](y))
            if index + 1 < len(self.hg):
                x = x + self.fc_[index](y) + self.score_[index](found[-1])
        return tuple(found) if self.training else found[-1]


def hourglass(*, keypoints: int, stacks: int = 1) -> HourglassPose:
    """Return an Hourglass of strided convolutions: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return HourglassPose(Hourglass(stacks=stacks), StackHeads(CHANNELS[0], keypoints, stacks))
