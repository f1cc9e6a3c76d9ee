"""SimpleBaseline: a ResNet and three transposed convolutions (arXiv:1804.06208, arXiv:1512.03385)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from trainers.networks.baselines.layers import (
    BackboneWithHead,
    Bottleneck,
    DeconvHead,
    initialise_kaiming,
    relu,
    residual_layer,
)
from trainers.networks.common.layers import conv2d


class ResNet(nn.Module):
    """The features of a bottleneck ResNet: (B, 3, H, W) to (B, 32·width, H/32, W/32).

    Args:
        blocks: Bottlenecks of each of the four layers.
        width: Channels of the stem and of the first layer's 3×3 convolutions; each further layer has twice as many.
    """

    def __init__(self, *, blocks: Sequence[int] = (3, 4, 6, 3), width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = conv2d(3, width, 7, stride=2), nn.BatchNorm2d(width), relu()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = [width * 2**level for level in range(4)]
        self.layer1 = residual_layer(Bottleneck, width, channels[0], blocks[0])
        self.layer2 = residual_layer(Bottleneck, 4 * channels[0], channels[1], blocks[1], stride=2)
        self.layer3 = residual_layer(Bottleneck, 4 * channels[1], channels[2], blocks[2], stride=2)
        self.layer4 = residual_layer(Bottleneck, 4 * channels[2], channels[3], blocks[3], stride=2)
        initialise_kaiming(self)
        for module in self.modules():
            if isinstance(module, Bottleneck):
                # Each block begins as its shortcut (arXiv:1706.02677).
                nn.init.zeros_(module.bn3.weight)

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the outputs of the four layers, at strides 4, 8, 16 and 32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        found = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


def simple_baseline(
    *,
    keypoints: int,
    blocks: Sequence[int] = (3, 4, 6, 3),
    width: int = 64,
    head_channels: Sequence[int] = (256, 256, 256),
) -> BackboneWithHead:
    """Return a SimpleBaseline network: (B, 3, H, W) to (B, K, H/4, W/4), H and W multiples of 32.

    Args:
        keypoints: K.
        blocks: Bottlenecks of each of the four layers; (3, 4, 6, 3) is ResNet-50.
        width: Channels of the stem; 64 is ResNet-50.
        head_channels: Channels of each transposed convolution.
    """
    return BackboneWithHead(ResNet(blocks=blocks, width=width), DeconvHead(32 * width, keypoints, head_channels))
