"""Stacked hourglass networks that halve by pooling (arXiv:1603.06937)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from search_spaces.common.bounds import Bounds
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import CENTRED, MAX_INPUT_SIDE, Architecture, Normalisation
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row
from search_spaces.families.baselines.layers import (
    LABELS,
    MAX_WIDTH,
    OUTPUT,
    STEM,
    Count,
    LayerTally,
    Width,
    area_at,
    check_arch,
)
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

LEVELS = 4
STACK, BETWEEN = "stack", "between"


@dataclass(frozen=True, kw_only=True)
class StackedHourglassConfig(Architecture):
    """Hourglasses that pool, one residual block at each place; the default has 8 stacks."""

    FAMILY: ClassVar[str] = "stacked_hourglass"
    NORMALISATION: ClassVar[Normalisation] = CENTRED

    stacks: Count = 8
    """Hourglasses one after another, each with heatmaps of its own."""
    base_width: Annotated[int, Bounds(4, MAX_WIDTH)] = 256
    """Channels of a stack, a multiple of 4: the stem has a quarter of them, and a block works on a half."""
    input_size: Annotated[tuple[int, int], Bounds(64, MAX_INPUT_SIDE)] = (256, 192)
    """Height and width of the input in pixels, multiples of 64."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=64)
        if self.base_width % 4:
            raise InvalidInput(f"base_width must be a multiple of 4, got {self.base_width}")


class StackedHourglass(Baseline[StackedHourglassConfig]):
    """Stacked hourglasses."""

    architecture, label = StackedHourglassConfig, "stacked hourglass"
    defaults_note = "The defaults are the stacked hourglass of 8 stacks."
    published = published.figures({"8-stage Hourglass": StackedHourglassConfig()})

    @property
    def presets(self) -> Mapping[str, Callable[[], StackedHourglassConfig]]:
        return {"stacked_hourglass_8": StackedHourglassConfig}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {"stacks": Choice(values=(1, 2, 4, 8)), "base_width": Choice(values=(64, 128, 192, 256))}
        return {"stacked_hourglasses": lambda: SpaceParts(base=StackedHourglassConfig(), parameters=choices)}

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return {**LABELS, STACK: "hourglass", BETWEEN: "between stacks"}

    def parts(self, arch: StackedHourglassConfig) -> list[PartCost]:
        width, size = arch.base_width, arch.input_size
        stem, stack, output, between = _Tally(), _Tally(), _Tally(), _Tally()
        stem.convolution(3, width // 4, 7, area_at(size, 2), bias=True)
        stem.residual(width // 4, width // 2, area_at(size, 2))
        stem.residual(width // 2, width, area_at(size, 4))
        stem.residual(width, width, area_at(size, 4))
        for level in range(LEVELS):
            stack.residual(width, width, area_at(size, 4 * 2**level))
            stack.residual(width, width, area_at(size, 8 * 2**level))
            stack.residual(width, width, area_at(size, 8 * 2**level))
        stack.residual(width, width, area_at(size, 4 * 2**LEVELS))
        stack.residual(width, width, area_at(size, 4))
        stack.convolution(width, width, 1, area_at(size, 4), bias=True)
        output.convolution(width, arch.keypoints, 1, area_at(size, 4), bias=True, norm=False)
        between.convolution(width, width, 1, area_at(size, 4), bias=True, norm=False)
        between.convolution(arch.keypoints, width, 1, area_at(size, 4), bias=True, norm=False)
        parts = [stem.part(STEM), stack.part(STACK, times=arch.stacks), output.part(OUTPUT, times=arch.stacks)]
        if arch.stacks > 1:
            parts.insert(2, between.part(BETWEEN, times=arch.stacks - 1))
        return parts

    def rows(self, arch: StackedHourglassConfig) -> list[Row]:
        rows = [Row("stem", 4, arch.base_width, "7×7 convolution, 3 blocks, pooling")]
        for level in range(LEVELS + 1):
            rows.append(Row("hourglass" if level == 0 else "", 4 * 2**level, arch.base_width, ""))
        return [*rows, Row("stacks", 4, arch.base_width, f"{arch.stacks} of these")]


class _Tally(LayerTally):
    """A running sum that knows residual blocks with activation first."""

    __slots__ = ()

    def residual(self, inputs: int, outputs: int, area: int) -> None:
        """Add a block: batch normalisation before each of three convolutions with bias, and the shortcut's projection."""
        half = outputs // 2
        self.params += 2 * inputs
        self.convolution(inputs, half, 1, area, bias=True)
        self.convolution(half, half, 3, area, bias=True)
        self.convolution(half, outputs, 1, area, bias=True, norm=False)
        if inputs != outputs:
            self.convolution(inputs, outputs, 1, area, bias=True, norm=False)


FAMILY = StackedHourglass()
