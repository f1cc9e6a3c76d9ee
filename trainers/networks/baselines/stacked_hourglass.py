"""Stacked hourglass networks that halve by pooling, and whose blocks activate first (arXiv:1603.06937).

In training a network returns the heatmaps of every stack, each of which has a loss; otherwise those of the last.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from search_spaces.families.baselines.stacked_hourglass import LEVELS, StackedHourglassConfig
from trainers.networks.baselines.layers import Heatmaps, relu, up2
from trainers.networks.baselines.mmpose_checkpoint import Shapes, published_layout, renamed
from trainers.networks.common.layers import conv2d
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily


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
                nn.ModuleList(
                    [RecomputableSequential(PreActivationBlock(2 * planes, planes)) for _ in range(3 if level else 4)]
                )
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

    def __init__(self, *, keypoints: int, stacks: int, planes: int) -> None:
        super().__init__()
        width = 2 * planes
        self.conv1, self.bn1, self.relu = conv2d(3, planes // 2, 7, stride=2, bias=True), nn.BatchNorm2d(planes // 2), relu()
        self.layer1 = RecomputableSequential(PreActivationBlock(planes // 2, planes // 2))
        self.maxpool = nn.MaxPool2d(2, stride=2)
        self.layer2 = RecomputableSequential(PreActivationBlock(planes, planes))
        self.layer3 = RecomputableSequential(PreActivationBlock(width, planes))
        self.hg = nn.ModuleList([PooledHourglass(planes) for _ in range(stacks)])
        self.res = nn.ModuleList([RecomputableSequential(PreActivationBlock(width, planes)) for _ in range(stacks)])
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


def build(arch: StackedHourglassConfig) -> StackedHourglass:
    """Return a stacked hourglass: (B, 3, H, W) to (B, K, H/4, W/4)."""
    return StackedHourglass(keypoints=arch.keypoints, stacks=arch.stacks, planes=arch.base_width // 2)


def _fields(shapes: Shapes) -> dict[str, Any]:
    return {
        "stacks": shapes.count(r"hg\.(\d{1,4})\."),
        "base_width": 2 * shapes.size("layer3.0.conv1.weight"),
        "keypoints": shapes.size("score.0.weight"),
    }


LAYOUT = published_layout(
    recognises=r"hg\.\d+\.hg\.",
    infer=_fields,
    architecture=StackedHourglassConfig,
    build=build,
    fixed={"base_width": (256,)},
    authors="pytorch-pose",
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={
        "stem": ("conv1", "bn1", "layer1", "layer2", "layer3"),
        "stacks": ("hg", "res", "fc", "fc_", "score_"),
        "head": ("score",),
    },
)
