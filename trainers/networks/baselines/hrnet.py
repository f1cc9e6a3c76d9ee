"""HRNet: parallel branches of several resolutions that exchange what they see (arXiv:1902.09212)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from search_spaces.families.baselines.hrnet import STAGES, STEM_CHANNELS, HRNetConfig
from search_spaces.families.baselines.layers import BOTTLENECK_EXPANSION
from trainers.networks.baselines.layers import (
    BackboneWithHead,
    BasicBlock,
    Bottleneck,
    HeatmapHead,
    conv_bn,
    initialise_small,
    relu,
    residual_layer,
)
from trainers.networks.baselines.mmpose_checkpoint import Shapes, keypoints_of_head, published_layout, renamed
from trainers.networks.common.layers import conv2d
from trainers.networks.common.recompute import RecomputableSequential
from trainers.networks.family import NetworkFamily


class HRModule(nn.Module):
    """Basic blocks on each branch, then every branch added to every output: one tensor a branch, strides 4, 8, 16, ….

    Args:
        channels: Channels of each branch.
        blocks: Basic blocks on each branch.
        outputs: Branches that are fused to; the last module of a network needs the first alone.
    """

    def __init__(self, channels: Sequence[int], *, blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([residual_layer(BasicBlock, width, width, blocks) for width in channels])
        self.fuse_layers = nn.ModuleList(
            [nn.ModuleList([_path(channels, j, i) for j in range(len(channels))]) for i in range(outputs)]
        )
        self.relu = relu()

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        refined = [branch(x) for branch, x in zip(self.branches, branches, strict=True)]
        fused = []
        for paths in self.fuse_layers:
            assert isinstance(paths, nn.ModuleList)
            total = paths[0](refined[0])
            for path, x in zip(paths[1:], refined[1:], strict=True):
                total = total + path(x)
            fused.append(self.relu(total))
        return fused


def _path(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """Return the way from one branch to another: upsampled by the nearest value, or halved step by step."""
    if source == target:
        return nn.Identity()
    if source > target:
        lateral = conv_bn(channels[source], channels[target], 1)
        return nn.Sequential(*lateral, nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"))
    steps: list[nn.Module] = []
    for step in range(target - source - 1):
        del step
        steps.append(nn.Sequential(*conv_bn(channels[source], channels[source], 3, stride=2), relu()))
    steps.append(conv_bn(channels[source], channels[target], 3, stride=2))
    return nn.Sequential(*steps)


class HRNet(nn.Module):
    """The features of the branch of stride 4: (B, 3, H, W) to (B, C, H/4, W/4).

    Args:
        widths: Channels of each branch.
        stem_blocks: Bottlenecks before the first branch.
        bottleneck_width: Channels of the 3×3 convolutions of these bottlenecks.
        blocks: Basic blocks on a branch of a module.
        modules: Modules of stages 2, 3 and 4.
    """

    def __init__(
        self, *, widths: Sequence[int], stem_blocks: int, bottleneck_width: int, blocks: int, modules: Sequence[int]
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv2d(3, STEM_CHANNELS, 3, stride=2), nn.BatchNorm2d(STEM_CHANNELS)
        self.conv2, self.bn2 = conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, stride=2), nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = relu()
        self.layer1 = residual_layer(Bottleneck, STEM_CHANNELS, bottleneck_width, stem_blocks)
        entry = BOTTLENECK_EXPANSION * bottleneck_width
        self.transition1 = nn.ModuleList(
            [
                nn.Sequential(*conv_bn(entry, widths[0], 3), relu()),
                nn.Sequential(nn.Sequential(*conv_bn(entry, widths[1], 3, stride=2), relu())),
            ]
        )
        self.stage2 = _stage(widths[:2], blocks, modules[0])
        self.transition2 = _new_branch(widths[:3])
        self.stage3 = _stage(widths[:3], blocks, modules[1])
        self.transition3 = _new_branch(widths[:4])
        self.stage4 = _stage(widths[:4], blocks, modules[2], last=True)
        initialise_small(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        branches = self.stage2([transition(x) for transition in self.transition1])
        branches = self.stage3([*branches, self.transition2[-1](branches[-1])])
        branches = self.stage4([*branches, self.transition3[-1](branches[-1])])
        out: Tensor = branches[0]
        return out


def _new_branch(widths: Sequence[int]) -> nn.ModuleList:
    """Return the transition that makes the lowest branch from the one above; the other branches pass unchanged."""
    lowest = nn.Sequential(nn.Sequential(*conv_bn(widths[-2], widths[-1], 3, stride=2), relu()))
    return nn.ModuleList([*(nn.Identity() for _ in widths[:-1]), lowest])


def _stage(widths: Sequence[int], blocks: int, count: int, *, last: bool = False) -> nn.Sequential:
    """Return the modules of a stage; the ``last`` module of the network fuses to the first branch only."""
    return RecomputableSequential(
        *(
            HRModule(widths, blocks=blocks, outputs=1 if last and index == count - 1 else len(widths))
            for index in range(count)
        )
    )


def build(arch: HRNetConfig) -> BackboneWithHead:
    """Return an HRNet: (B, 3, H, W) to (B, K, H/4, W/4)."""
    backbone = HRNet(
        widths=arch.widths,
        stem_blocks=arch.stem_blocks,
        bottleneck_width=arch.bottleneck_width,
        blocks=arch.blocks,
        modules=arch.modules,
    )
    return BackboneWithHead(backbone, HeatmapHead(arch.base_width, arch.keypoints))


def _fields(shapes: Shapes) -> dict[str, Any]:
    return {
        "base_width": shapes.size("backbone.transition1.0.0.weight"),
        "stem_blocks": shapes.count(r"backbone\.layer1\.(\d{1,4})\."),
        "bottleneck_width": shapes.size("backbone.layer1.0.conv1.weight"),
        "blocks": shapes.count(r"backbone\.stage2\.0\.branches\.0\.(\d{1,4})\."),
        "modules": tuple(shapes.count(rf"backbone\.stage{stage}\.(\d{{1,4}})\.") for stage in STAGES),
        "keypoints": keypoints_of_head(shapes),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.stage4\.",
    infer=_fields,
    architecture=HRNetConfig,
    build=build,
    fixed={},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={
        "backbone": ("backbone",),
        "stem": ("backbone.conv1", "backbone.bn1", "backbone.conv2", "backbone.bn2"),
        "stage1": ("backbone.layer1",),
        **{f"stage{number}": (f"backbone.transition{number - 1}", f"backbone.stage{number}") for number in (2, 3, 4)},
        "head": ("head",),
    },
)
