"""ShuffleNetV2 (arXiv:1807.11164) with a head of transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from search_spaces.common.bounds import Bounds, Length
from search_spaces.families.architecture import Architecture
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row, counted
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
    area_at,
    check_arch,
    check_even,
    deconv_head_parts,
)
from search_spaces.families.baselines.simple_baseline import deconv_head_rows
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

STEM_CHANNELS = 24


@dataclass(frozen=True, kw_only=True)
class ShuffleNetV2Config(Architecture):
    """A ShuffleNetV2 with a head of transposed convolutions; the default is ShuffleNetV2 1x."""

    FAMILY: ClassVar[str] = "shufflenet_v2"

    stage_widths: Annotated[tuple[int, ...], Length(3), Bounds(2, MAX_WIDTH)] = (116, 232, 464)
    """Channels of the three stages, even: a unit works on one half of them."""
    stage_units: Annotated[tuple[int, ...], Length(3), Bounds(1, MAX_COUNT)] = (4, 8, 4)
    """Units of the three stages."""
    last_channels: Width = 1024
    """Channels of the last 1×1 convolution, which the head reads."""
    head_channels: HeadChannels = HEAD_CHANNELS
    """Channels of each transposed convolution."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=32)
        for index, width in enumerate(self.stage_widths):
            check_even(f"stage_widths[{index}]", width)


class ShuffleNetV2(Baseline[ShuffleNetV2Config]):
    """ShuffleNetV2s."""

    architecture, label = ShuffleNetV2Config, "ShuffleNetV2"
    defaults_note = "The defaults are ShuffleNetV2 1x."
    published = published.figures({"ShuffleNetV2": ShuffleNetV2Config()})

    @property
    def presets(self) -> Mapping[str, Callable[[], ShuffleNetV2Config]]:
        return {"shufflenet_v2": ShuffleNetV2Config}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "stage_widths": Choice(values=("48-96-192", "80-160-320", "116-232-464", "176-352-704")),
            "stage_units": Choice(values=("2-4-2", "4-8-4")),
            "last_channels": Choice(values=(512, 1024)),
            "head_channels": Choice(values=("64-64-64", "128-128-128", "256-256-256")),
        }
        return {"shufflenets_v2": lambda: SpaceParts(base=ShuffleNetV2Config(), parameters=choices)}

    def parts(self, arch: ShuffleNetV2Config) -> list[PartCost]:
        stem, last = LayerTally(), LayerTally()
        stem.convolution(3, STEM_CHANNELS, 3, area_at(arch.input_size, 2))
        parts, inputs, stride = [stem.part(STEM)], STEM_CHANNELS, 4
        for number, (outputs, units) in enumerate(zip(arch.stage_widths, arch.stage_units, strict=True), 1):
            tally, half, before = LayerTally(), outputs // 2, area_at(arch.input_size, stride)
            stride *= 2
            area = area_at(arch.input_size, stride)
            tally.convolution(inputs, inputs, 3, area, groups=inputs)
            tally.convolution(inputs, half, 1, area)
            _branch(tally, inputs, half, before, area)
            for _ in range(units - 1):
                _branch(tally, half, half, area, area)
            parts.append(tally.part(LAYER, stage=number))
            inputs = outputs
        last.convolution(inputs, arch.last_channels, 1, area_at(arch.input_size, stride))
        parts.append(last.part(LAYER, stage=len(arch.stage_widths) + 1))
        return parts + deconv_head_parts(arch.last_channels, arch.head_channels, arch.keypoints, arch.input_size)

    def rows(self, arch: ShuffleNetV2Config) -> list[Row]:
        rows = [Row("stem", 4, STEM_CHANNELS, "3×3 convolution, max pooling")]
        for index, (width, units) in enumerate(zip(arch.stage_widths, arch.stage_units, strict=True)):
            rows.append(Row(f"stage {index + 1}", 8 * 2**index, width, counted(units, "shuffle unit")))
        rows.append(Row("last", 32, arch.last_channels, "1×1 convolution"))
        return [*rows, *deconv_head_rows(arch.head_channels)]


def _branch(tally: LayerTally, inputs: int, half: int, before: int, area: int) -> None:
    """Add the branch of a unit that transforms: 1×1, depth-wise 3×3 and 1×1 convolutions."""
    tally.convolution(inputs, half, 1, before)
    tally.convolution(half, half, 3, area, groups=half)
    tally.convolution(half, half, 1, area)


FAMILY = ShuffleNetV2()
