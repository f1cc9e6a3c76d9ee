"""SimpleBaseline: a ResNet and transposed convolutions (arXiv:1804.06208)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from search_spaces.families.architecture import Architecture
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row, counted
from search_spaces.families.baselines.layers import (
    HEAD_CHANNELS,
    RESNET_50,
    BaseWidth,
    HeadChannels,
    InputSize,
    ResNetBlocks,
    Width,
    check_arch,
    deconv_head_parts,
    resnet_parts,
    resnet_widths,
)
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice


@dataclass(frozen=True, kw_only=True)
class SimpleBaselineConfig(Architecture):
    """A ResNet of bottlenecks with a head of transposed convolutions; the default has a ResNet-50."""

    FAMILY: ClassVar[str] = "simple_baseline"

    blocks: ResNetBlocks = RESNET_50
    """Bottlenecks in each of the four layers."""
    base_width: BaseWidth = 64
    """Channels of the stem, and of the first layer's 3×3 convolutions; each further layer has twice as many."""
    head_channels: HeadChannels = HEAD_CHANNELS
    """Channels of each transposed convolution."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=32)


class SimpleBaseline(Baseline[SimpleBaselineConfig]):
    """SimpleBaseline networks."""

    architecture, label = SimpleBaselineConfig, "SimpleBaseline"
    defaults_note = "The defaults are SimpleBaseline with a ResNet-50."
    published = published.figures({"SimpleBaseline-ResNet-50": SimpleBaselineConfig()})
    published_count = "multiply-accumulates of convolutions, transposed ones at the positions of their output"

    @property
    def presets(self) -> Mapping[str, Callable[[], SimpleBaselineConfig]]:
        return {"simple_baseline_resnet50": SimpleBaselineConfig}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "base_width": Choice(values=(32, 48, 64)),
            "blocks": Choice(values=("1-1-1-1", "2-2-2-2", "3-4-6-3")),
            "head_channels": Choice(values=("64-64-64", "128-128-128", "256-256-256")),
        }
        return {"simple_baselines": lambda: SpaceParts(base=SimpleBaselineConfig(), parameters=choices)}

    def parts(self, arch: SimpleBaselineConfig) -> list[PartCost]:
        features = resnet_widths(arch.base_width)[-1]
        return [
            *resnet_parts(arch.blocks, arch.base_width, arch.input_size),
            *deconv_head_parts(features, arch.head_channels, arch.keypoints, arch.input_size, output_positions=True),
        ]

    def rows(self, arch: SimpleBaselineConfig) -> list[Row]:
        return [*resnet_rows(arch.blocks, arch.base_width), *deconv_head_rows(arch.head_channels)]


def resnet_rows(blocks: tuple[int, ...], base_width: int) -> list[Row]:
    """Return the rows of a ResNet's picture."""
    rows = [Row("stem", 4, base_width, "7×7 convolution, max pooling")]
    for level, (count, channels) in enumerate(zip(blocks, resnet_widths(base_width), strict=True)):
        rows.append(Row(f"layer {level + 1}", 4 * 2**level, channels, counted(count, "bottleneck")))
    return rows


def deconv_head_rows(channels: tuple[int, ...]) -> list[Row]:
    """Return the rows of the picture of a head of transposed convolutions."""
    return [Row("head", 16 // 2**index, width, "transposed 4×4 convolution") for index, width in enumerate(channels)]


FAMILY = SimpleBaseline()
