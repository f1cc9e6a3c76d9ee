"""ResNet of bottlenecks as a backbone (arXiv:1512.03385)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from search_spaces.families.baselines.layers import resnet_widths
from trainers.networks.baselines.layers import Bottleneck, initialise_kaiming, relu, residual_layer
from trainers.networks.common.layers import conv2d


class ResNet(nn.Module):
    """The features of a bottleneck ResNet: (B, 3, H, W) to (B, 32·width, H/32, W/32).

    Args:
        blocks: Bottlenecks of each of the four layers.
        width: Channels of the stem and of the first layer's 3×3 convolutions; each further layer has twice as many.
    """

    def __init__(self, *, blocks: Sequence[int], width: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = conv2d(3, width, 7, stride=2), nn.BatchNorm2d(width), relu()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        widths = (width, *resnet_widths(width))
        self.layer1 = residual_layer(Bottleneck, widths[0], width, blocks[0])
        self.layer2 = residual_layer(Bottleneck, widths[1], 2 * width, blocks[1], stride=2)
        self.layer3 = residual_layer(Bottleneck, widths[2], 4 * width, blocks[2], stride=2)
        self.layer4 = residual_layer(Bottleneck, widths[3], 8 * width, blocks[3], stride=2)
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
