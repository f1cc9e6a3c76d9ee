"""Hourglass networks that halve by strided convolutions (arXiv:1603.06937 in the form of arXiv:1808.01244)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from search_spaces.common.bounds import Bounds, Length
from search_spaces.families.architecture import MAX_INPUT_SIDE, Architecture
from search_spaces.families.baselines.baseline import Baseline, Row, counted
from search_spaces.families.baselines.layers import (
    LABELS,
    MAX_COUNT,
    MAX_WIDTH,
    OUTPUT,
    STEM,
    Count,
    LayerTally,
    Width,
    area_at,
    check_arch,
    check_even,
)
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

LEVELS = 6
STACK, BETWEEN = "stack", "between"


@dataclass(frozen=True, kw_only=True)
class HourglassConfig(Architecture):
    """An hourglass of strided convolutions; the default is Hourglass-52."""

    FAMILY: ClassVar[str] = "hourglass"

    stacks: Count = 1
    """Hourglasses one after another, each with heatmaps of its own."""
    widths: Annotated[tuple[int, ...], Length(LEVELS), Bounds(1, MAX_WIDTH)] = (256, 256, 384, 384, 384, 512)
    """Channels of each level from the outermost to the innermost; those of the outermost are even."""
    blocks: Annotated[tuple[int, ...], Length(LEVELS), Bounds(1, MAX_COUNT)] = (2, 2, 2, 2, 2, 4)
    """Basic blocks at each place of a level."""
    input_size: Annotated[tuple[int, int], Bounds(128, MAX_INPUT_SIDE)] = (256, 256)
    """Height and width of the input in pixels, multiples of 128."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=128)
        check_even("widths[0]", self.widths[0])


class Hourglass(Baseline[HourglassConfig]):
    """Hourglasses of strided convolutions."""

    architecture, label = HourglassConfig, "Hourglass"
    defaults_note = "The defaults are Hourglass-52. Tuples run from the outermost level to the innermost."
    inputs = (("COCO", (256, 256), 17), ("COCO", (384, 384), 17), ("MPII", (256, 256), 16))

    @property
    def presets(self) -> Mapping[str, Callable[[], HourglassConfig]]:
        return {"hourglass_52": HourglassConfig}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "stacks": Choice(values=(1, 2)),
            "widths": Choice(
                values=("64-64-96-96-96-128", "128-128-192-192-192-256", "256-256-384-384-384-512"),
            ),
            "blocks": Choice(values=("1-1-1-1-1-1", "1-1-1-1-1-2", "2-2-2-2-2-4")),
        }
        return {"hourglasses": lambda: SpaceParts(base=HourglassConfig(), parameters=choices)}

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return {**LABELS, STACK: "hourglass", BETWEEN: "between stacks"}

    def parts(self, arch: HourglassConfig) -> list[PartCost]:
        width, area = arch.widths[0], area_at(arch.input_size, 4)
        stem, output = LayerTally(), LayerTally()
        stem.convolution(3, width // 2, 7, area_at(arch.input_size, 2))
        stem.basic_block(width // 2, width, area, stride=2)
        stack = _level(arch, 0, 4)
        stack.convolution(width, width, 3, area)
        output.convolution(width, arch.keypoints, 1, area, bias=True, norm=False)
        parts = [stem.part(STEM), stack.part(STACK, times=arch.stacks), output.part(OUTPUT, times=arch.stacks)]
        parts.insert(2, _between(arch, area))
        return parts

    def rows(self, arch: HourglassConfig) -> list[Row]:
        levels = [
            Row(
                "hourglass" if level == 0 else "",
                4 * 2**level,
                width,
                f"{counted(count, 'basic block')} at each place",
            )
            for level, (width, count) in enumerate(zip(arch.widths, arch.blocks, strict=True))
        ]
        stem = Row("stem", 4, arch.widths[0], "7×7 convolution, basic block")
        return [stem, *levels, Row("stacks", 4, arch.widths[0], f"{arch.stacks} of these")]


def _level(arch: HourglassConfig, level: int, stride: int) -> LayerTally:
    """Return the cost of a level and of those inside."""
    here, below, count = arch.widths[level], arch.widths[level + 1], arch.blocks[level]
    area, inner = area_at(arch.input_size, stride), area_at(arch.input_size, 2 * stride)
    tally = LayerTally()
    for _ in range(count):
        tally.basic_block(here, here, area)
    tally.basic_block(here, below, inner, stride=2)
    # The blocks behind the halving, and those of the way back but the last.
    for _ in range(2 * (count - 1)):
        tally.basic_block(below, below, inner)
    tally.basic_block(below, here, inner)
    if level + 2 < LEVELS:
        tally.add(_level(arch, level + 1, 2 * stride), 1)
    else:
        for _ in range(arch.blocks[-1]):
            tally.basic_block(below, below, inner)
    return tally


def _between(arch: HourglassConfig, area: int) -> PartCost:
    """Return what lies between stacks; a single stack has the basic block as well, which nothing runs."""
    tally, width, several = LayerTally(), arch.widths[0], arch.stacks > 1
    if several:
        tally.convolution(width, width, 1, area)
        tally.convolution(width, width, 1, area)
    tally.basic_block(width, width, area if several else 0)
    return tally.part(BETWEEN, times=max(1, arch.stacks - 1))


FAMILY = Hourglass()
