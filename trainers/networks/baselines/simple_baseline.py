"""SimpleBaseline: a ResNet and three transposed convolutions (arXiv:1804.06208)."""

from __future__ import annotations

from typing import Any

from search_spaces.families.baselines.layers import resnet_widths
from search_spaces.families.baselines.simple_baseline import SimpleBaselineConfig
from trainers.networks.baselines.layers import BackboneWithHead, DeconvHead
from trainers.networks.baselines.mmpose_checkpoint import (
    Shapes,
    channels_of_head,
    keypoints_of_head,
    published_layout,
    renamed,
)
from trainers.networks.baselines.resnet import ResNet
from trainers.networks.family import NetworkFamily


def build(arch: SimpleBaselineConfig) -> BackboneWithHead:
    """Return a SimpleBaseline network: (B, 3, H, W) to (B, K, H/4, W/4)."""
    features = resnet_widths(arch.base_width)[-1]
    backbone = ResNet(blocks=arch.blocks, width=arch.base_width)
    return BackboneWithHead(backbone, DeconvHead(features, arch.keypoints, arch.head_channels))


def _fields(shapes: Shapes) -> dict[str, Any]:
    return {
        "blocks": tuple(shapes.count(rf"backbone\.layer{layer}\.(\d{{1,4}})\.") for layer in range(1, 5)),
        "base_width": shapes.size("backbone.conv1.weight"),
        "head_channels": channels_of_head(shapes),
        "keypoints": keypoints_of_head(shapes),
    }


LAYOUT = published_layout(
    recognises=r"backbone\.layer4\.\d+\.conv3\.",
    infer=_fields,
    architecture=SimpleBaselineConfig,
    build=build,
    fixed={"base_width": (64,), "blocks": ((3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3))},
)
NETWORKS = NetworkFamily(
    build=build,
    layouts=(LAYOUT,),
    own_names=renamed,
    parts={
        "backbone": ("backbone",),
        "stem": ("backbone.conv1", "backbone.bn1"),
        **{f"stage{number}": (f"backbone.layer{number}",) for number in (1, 2, 3, 4)},
        "head": ("head",),
    },
)
