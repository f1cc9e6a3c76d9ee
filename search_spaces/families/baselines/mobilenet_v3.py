"""MobileNetV3 large (arXiv:1905.02244) with a head of transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from search_spaces.common.bounds import Bounds, Length
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row
from search_spaces.families.baselines.layers import (
    HEAD_CHANNELS,
    LAYER,
    MAX_COUNT,
    MAX_WIDTH,
    STEM,
    HeadChannels,
    InputSize,
    LayerTally,
    Width,
    WidthFactor,
    area_at,
    check_arch,
    check_width_factor,
    deconv_head_parts,
    scaled,
)
from search_spaces.families.baselines.simple_baseline import deconv_head_rows
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

STEM_CHANNELS = 16
EXCITATION_REDUCTION = 4
"""Bottleneck of squeeze-and-excitation: C → C / 4, rounded down."""


class Layer(NamedTuple):
    """An inverted residual.

    Args:
        kernel: The side of its depth-wise convolution.
        hidden: Its expanded channels.
        channels: Its output channels.
        excited: Whether it has squeeze-and-excitation.
        swish: Whether it has hard swish in place of ReLU.
        stride: The stride of its depth-wise convolution.
    """

    kernel: int
    hidden: int
    channels: int
    excited: bool
    swish: bool
    stride: int


STAGES = (
    (Layer(3, 16, 16, False, False, 1),),
    (Layer(3, 64, 24, False, False, 2), Layer(3, 72, 24, False, False, 1)),
    (Layer(5, 72, 40, True, False, 2), Layer(5, 120, 40, True, False, 1), Layer(5, 120, 40, True, False, 1)),
    (
        Layer(3, 240, 80, False, True, 2),
        Layer(3, 200, 80, False, True, 1),
        Layer(3, 184, 80, False, True, 1),
        Layer(3, 184, 80, False, True, 1),
    ),
    (Layer(3, 480, 112, True, True, 1), Layer(3, 672, 112, True, True, 1)),
    (Layer(5, 672, 160, True, True, 1), Layer(5, 672, 160, True, True, 2), Layer(5, 960, 160, True, True, 1)),
)
"""Layers of equal output channels in each of six stages.

The sequence is that of the published pose network, whose layers 13 and 14 differ from Table 1 of arXiv:1905.02244.
"""
LEAST = (1, 1, 1, 1, 1, 2)
"""Least layers of each stage: the second one of the last stage reaches stride 32."""


@dataclass(frozen=True, kw_only=True)
class MobileNetV3Config(Architecture):
    """A MobileNetV3 large with a head of transposed convolutions; the default is the network of the paper's Table 4."""

    FAMILY: ClassVar[str] = "mobilenet_v3"

    width_factor: WidthFactor = 1.0
    """Factor of the channels of all layers but the last and the head, a multiple of 0.05."""
    blocks: Annotated[tuple[int, ...], Length(len(STAGES)), Bounds(1, MAX_COUNT)] = (1, 2, 3, 4, 2, 3)
    """Inverted residuals in each of the six stages, at least 2 in the last; further ones are like a stage's last."""
    last_channels: Annotated[int, Bounds(0, MAX_WIDTH)] = 960
    """Channels of a last 1×1 convolution, which the head reads; 0 leaves it out."""
    head_channels: HeadChannels = HEAD_CHANNELS
    """Channels of each transposed convolution."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_width_factor(self)
        check_arch(self, multiple=32)
        if any(count < least for count, least in zip(self.blocks, LEAST, strict=True)):
            raise InvalidInput(f"blocks[{len(LEAST) - 1}] must be at least {LEAST[-1]}, got {self.blocks[-1]}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer in its order, with channels scaled by the width factor."""
        chosen = [
            (*stage[:count], *[stage[-1]._replace(stride=1)] * (count - len(stage)))
            for stage, count in zip(STAGES, self.blocks, strict=True)
        ]
        return tuple(
            layer._replace(
                hidden=scaled(layer.hidden, self.width_factor), channels=scaled(layer.channels, self.width_factor)
            )
            for stage in chosen
            for layer in stage
        )

    @property
    def features(self) -> int:
        """Channels that the head reads."""
        return self.last_channels or self.layers[-1].channels


class MobileNetV3(Baseline[MobileNetV3Config]):
    """MobileNetV3s."""

    architecture, label = MobileNetV3Config, "MobileNetV3"
    published = published.figures({"MobileNetV3": MobileNetV3Config()})

    @property
    def presets(self) -> Mapping[str, Callable[[], MobileNetV3Config]]:
        return {"mobilenet_v3": MobileNetV3Config, "mobilenet_v3_160": lambda: MobileNetV3Config(last_channels=0)}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "width_factor": Choice(values=(0.35, 0.5, 0.75, 1.0)),
            "blocks": Choice(values=("1-1-1-1-1-2", "1-1-2-2-1-2", "1-2-3-4-2-3")),
            "last_channels": Choice(values=(0, 480, 960)),
            "head_channels": Choice(values=("64-64-64", "128-128-128", "256-256-256")),
        }
        return {"mobilenets_v3": lambda: SpaceParts(base=MobileNetV3Config(), parameters=choices)}

    def parts(self, arch: MobileNetV3Config) -> list[PartCost]:
        channels, stride, size = scaled(STEM_CHANNELS, arch.width_factor), 2, arch.input_size
        stem = LayerTally()
        stem.convolution(3, channels, 3, area_at(size, stride))
        parts = [stem.part(STEM)]
        for number, layer in enumerate(arch.layers, 1):
            tally = LayerTally()
            tally.convolution(channels, layer.hidden, 1, area_at(size, stride))
            stride *= layer.stride
            tally.convolution(layer.hidden, layer.hidden, layer.kernel, area_at(size, stride), groups=layer.hidden)
            if layer.excited:
                bottleneck = layer.hidden // EXCITATION_REDUCTION
                tally.convolution(layer.hidden, bottleneck, 1, 1, bias=True, norm=False)
                tally.convolution(bottleneck, layer.hidden, 1, 1, bias=True, norm=False)
            tally.convolution(layer.hidden, layer.channels, 1, area_at(size, stride))
            channels = layer.channels
            parts.append(tally.part(LAYER, stage=number))
        if arch.last_channels:
            last = LayerTally()
            last.convolution(channels, arch.last_channels, 1, area_at(size, stride))
            parts.append(last.part(LAYER, stage=len(arch.layers) + 1))
        return parts + deconv_head_parts(arch.features, arch.head_channels, arch.keypoints, size)

    def rows(self, arch: MobileNetV3Config) -> list[Row]:
        rows, stride = [Row("stem", 2, scaled(STEM_CHANNELS, arch.width_factor), "3×3 convolution")], 2
        for number, layer in enumerate(arch.layers, 1):
            stride *= layer.stride
            words = f"{layer.kernel}×{layer.kernel} on {layer.hidden}" + (", excitation" if layer.excited else "")
            rows.append(Row(f"layer {number}", stride, layer.channels, words))
        if arch.last_channels:
            rows.append(Row(f"layer {len(arch.layers) + 1}", stride, arch.last_channels, "1×1 convolution"))
        return [*rows, *deconv_head_rows(arch.head_channels)]


FAMILY = MobileNetV3()
