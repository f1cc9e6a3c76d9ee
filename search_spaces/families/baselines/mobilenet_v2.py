"""MobileNetV2 (arXiv:1801.04381) with a head of transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from search_spaces.common.bounds import Bounds, Length
from search_spaces.families.architecture import Architecture
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row, counted
from search_spaces.families.baselines.layers import (
    HEAD_CHANNELS,
    LAYER,
    MAX_COUNT,
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

STEM_CHANNELS = 32


class Layer(NamedTuple):
    """A layer of inverted residuals: expansion, output channels, and the stride of the first block."""

    expansion: int
    channels: int
    stride: int


LAYERS = (
    Layer(1, 16, 1),
    Layer(6, 24, 2),
    Layer(6, 32, 2),
    Layer(6, 64, 2),
    Layer(6, 96, 1),
    Layer(6, 160, 2),
    Layer(6, 320, 1),
)
"""Table 2 of arXiv:1801.04381."""


@dataclass(frozen=True, kw_only=True)
class MobileNetV2Config(Architecture):
    """A MobileNetV2 with a head of transposed convolutions."""

    FAMILY: ClassVar[str] = "mobilenet_v2"

    width_factor: WidthFactor = 1.0
    """Factor of the channels of all layers but the last and the head, a multiple of 0.05."""
    blocks: Annotated[tuple[int, ...], Length(len(LAYERS)), Bounds(1, MAX_COUNT)] = (1, 2, 3, 4, 3, 3, 1)
    """Inverted residuals in each of the seven layers."""
    last_channels: Width = 1280
    """Channels of the last 1×1 convolution, which the head reads."""
    head_channels: HeadChannels = HEAD_CHANNELS
    """Channels of each transposed convolution."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_width_factor(self)
        check_arch(self, multiple=32)


class MobileNetV2(Baseline[MobileNetV2Config]):
    """MobileNetV2s."""

    architecture, label = MobileNetV2Config, "MobileNetV2"
    published = published.figures({"MobileNetV2": MobileNetV2Config()})

    @property
    def presets(self) -> Mapping[str, Callable[[], MobileNetV2Config]]:
        return {"mobilenet_v2": MobileNetV2Config}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "width_factor": Choice(values=(0.35, 0.5, 0.75, 1.0)),
            "blocks": Choice(values=("1-1-1-1-1-1-1", "1-1-2-2-2-2-1", "1-2-3-4-3-3-1")),
            "head_channels": Choice(values=("64-64-64", "128-128-128", "256-256-256")),
        }
        return {"mobilenets_v2": lambda: SpaceParts(base=MobileNetV2Config(), parameters=choices)}

    def parts(self, arch: MobileNetV2Config) -> list[PartCost]:
        channels, stride = scaled(STEM_CHANNELS, arch.width_factor), 2
        stem, last = LayerTally(), LayerTally()
        stem.convolution(3, channels, 3, area_at(arch.input_size, stride))
        parts = [stem.part(STEM)]
        for number, (layer, count) in enumerate(zip(LAYERS, arch.blocks, strict=True), 1):
            tally, outputs = LayerTally(), scaled(layer.channels, arch.width_factor)
            for index in range(count):
                hidden, before = layer.expansion * channels, area_at(arch.input_size, stride)
                stride *= layer.stride if index == 0 else 1
                if layer.expansion > 1:
                    tally.convolution(channels, hidden, 1, before)
                tally.convolution(hidden, hidden, 3, area_at(arch.input_size, stride), groups=hidden)
                tally.convolution(hidden, outputs, 1, area_at(arch.input_size, stride))
                channels = outputs
            parts.append(tally.part(LAYER, stage=number))
        last.convolution(channels, arch.last_channels, 1, area_at(arch.input_size, stride))
        parts.append(last.part(LAYER, stage=len(LAYERS) + 1))
        return parts + deconv_head_parts(arch.last_channels, arch.head_channels, arch.keypoints, arch.input_size)

    def rows(self, arch: MobileNetV2Config) -> list[Row]:
        rows, stride = [Row("stem", 2, scaled(STEM_CHANNELS, arch.width_factor), "3×3 convolution")], 2
        for number, (layer, count) in enumerate(zip(LAYERS, arch.blocks, strict=True), 1):
            stride *= layer.stride
            words = f"{counted(count, 'inverted residual')} of expansion {layer.expansion}"
            rows.append(Row(f"layer {number}", stride, scaled(layer.channels, arch.width_factor), words))
        rows.append(Row(f"layer {len(LAYERS) + 1}", stride, arch.last_channels, "1×1 convolution"))
        return [*rows, *deconv_head_rows(arch.head_channels)]


FAMILY = MobileNetV2()
