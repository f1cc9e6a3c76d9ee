"""SimpleBaseline: a ResNet and three transposed convolutions (arXiv:1804.06208)."""

from __future__ import annotations

from search_spaces.families.baselines.layers import resnet_widths
from search_spaces.families.baselines.simple_baseline import SimpleBaselineConfig
from trainers.networks.baselines.layers import BackboneWithHead, DeconvHead
from trainers.networks.baselines.mmpose_checkpoint import own_names
from trainers.networks.baselines.resnet import ResNet
from trainers.networks.family import NetworkFamily


def build(arch: SimpleBaselineConfig) -> BackboneWithHead:
    """Return a SimpleBaseline network: (B, 3, H, W) to (B, K, H/4, W/4)."""
    features = resnet_widths(arch.base_width)[-1]
    backbone = ResNet(blocks=arch.blocks, width=arch.base_width)
    return BackboneWithHead(backbone, DeconvHead(features, arch.keypoints, arch.head_channels))


NETWORKS = NetworkFamily(
    build=build,
    own_names=own_names,
    parts={
        "backbone": ("backbone",),
        "stem": ("backbone.conv1", "backbone.bn1"),
        "stage1": ("backbone.layer1",),
        "stage2": ("backbone.layer2",),
        "stage3": ("backbone.layer3",),
        "stage4": ("backbone.layer4",),
        "head": ("head",),
    },
)
