"""HRNet: parallel branches of several resolutions that exchange what they see (arXiv:1902.09212)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from search_spaces.common.bounds import Bounds, Length
from search_spaces.families.architecture import Architecture, format_size
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row, counted
from search_spaces.families.baselines.layers import (
    BOTTLENECK_EXPANSION,
    LABELS,
    MAX_COUNT,
    OUTPUT,
    STEM,
    BaseWidth,
    Count,
    InputSize,
    LayerTally,
    Width,
    area_at,
    check_arch,
)
from search_spaces.families.cost import NOTHING, Cost, PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

STAGES = (2, 3, 4)
"""Stage numbers after the bottlenecks; stage s runs s branches."""
BRANCHES = 4
STEM_CHANNELS = 64
BOTTLENECKS, TRANSITION, BLOCKS, FUSION = "bottlenecks", "transition", "blocks", "fusion"


@dataclass(frozen=True, kw_only=True)
class HRNetConfig(Architecture):
    """An HRNet; the default is HRNet-W32. Branch b, counted from 0, has base_width · 2^b channels at stride 4 · 2^b."""

    FAMILY: ClassVar[str] = "hrnet"

    base_width: BaseWidth = 32
    """Channels of the first branch; each further one has twice as many."""
    stem_blocks: Count = 4
    """Bottlenecks before the first branch."""
    bottleneck_width: Width = 64
    """Channels of the 3×3 convolutions of these bottlenecks."""
    blocks: Count = 4
    """Basic blocks on each branch of a module."""
    modules: Annotated[tuple[int, ...], Length(len(STAGES)), Bounds(1, MAX_COUNT)] = (1, 4, 3)
    """Modules in stages 2, 3 and 4."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=32)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each branch."""
        return tuple(self.base_width * 2**branch for branch in range(BRANCHES))


def hrnet_w32() -> HRNetConfig:
    """HRNet-W32."""
    return HRNetConfig()


def hrnet_w48() -> HRNetConfig:
    """HRNet-W48."""
    return HRNetConfig(base_width=48)


def small_hrnet_w18() -> HRNetConfig:
    """Small HRNet: the configuration "W18 small v1", whose first branch has 16 channels in spite of its name."""
    return HRNetConfig(base_width=16, stem_blocks=1, bottleneck_width=32, blocks=2, modules=(1, 1, 1))


class HRNet(Baseline[HRNetConfig]):
    """HRNets."""

    architecture, label = HRNetConfig, "HRNet"
    defaults_note = "The defaults are HRNet-W32."
    published = published.figures(
        {
            "HRNet-W32": hrnet_w32(),
            "UDP-HRNet-W32": hrnet_w32(),
            "DARK-HRNet-W48": hrnet_w48(),
            "Small HRNet": small_hrnet_w18(),
        }
    )

    @property
    def presets(self) -> Mapping[str, Callable[[], HRNetConfig]]:
        return {make.__name__: make for make in (hrnet_w32, hrnet_w48, small_hrnet_w18)}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "base_width": Choice(values=(8, 16, 24, 32)),
            "stem_blocks": Choice(values=(1, 2, 4)),
            "blocks": Choice(values=(1, 2, 4)),
            "modules": Choice(values=("1-1-1", "1-2-2", "1-4-3")),
        }
        return {"hrnets": lambda: SpaceParts(base=small_hrnet_w18(), parameters=choices)}

    def parts(self, arch: HRNetConfig) -> list[PartCost]:
        return list(_parts(arch))

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return {**LABELS, BOTTLENECKS: "bottlenecks", TRANSITION: "transition", BLOCKS: "basic blocks", FUSION: "fusion"}

    def rows(self, arch: HRNetConfig) -> list[Row]:
        outputs = BOTTLENECK_EXPANSION * arch.bottleneck_width
        rows = [
            Row("stem", 4, STEM_CHANNELS, "two 3×3 convolutions"),
            Row("stage 1", 4, outputs, counted(arch.stem_blocks, "bottleneck")),
        ]
        for stage, modules in zip(STAGES, arch.modules, strict=True):
            label = f"{counted(modules, 'module')} of {counted(arch.blocks, 'block')} a branch"
            for branch, width in enumerate(arch.widths[:stage]):
                name = f"stage {stage}" if branch == 0 else ""
                rows.append(Row(name, 4 * 2**branch, width, label if branch == 0 else ""))
        return rows

    def branch_settings(self, arch: HRNetConfig) -> list[tuple[str, list[str]]]:
        height, width = arch.input_size
        sizes = [format_size((height // stride, width // stride)) for stride in (4, 8, 16, 32)]
        return [
            ("resolution", [size.replace("x", "×") for size in sizes]),
            ("channels", [str(width) for width in arch.widths]),
        ]

    def branch_costs(self, arch: HRNetConfig) -> list[Cost]:
        """Return what the basic blocks of each branch cost in all stages."""
        costs = [NOTHING] * BRANCHES
        for part in _parts(arch):
            if part.kind == BLOCKS and part.branch is not None:
                costs[part.branch] += part.cost
        return costs


def _parts(arch: HRNetConfig) -> Iterator[PartCost]:
    areas = [area_at(arch.input_size, 4 * 2**branch) for branch in range(BRANCHES)]
    stem, bottlenecks, output = LayerTally(), LayerTally(), LayerTally()
    stem.convolution(3, STEM_CHANNELS, 3, 4 * areas[0])
    stem.convolution(STEM_CHANNELS, STEM_CHANNELS, 3, areas[0])
    yield stem.part(STEM)
    inputs, outputs = STEM_CHANNELS, BOTTLENECK_EXPANSION * arch.bottleneck_width
    for _ in range(arch.stem_blocks):
        bottlenecks.bottleneck(inputs, arch.bottleneck_width, areas[0])
        inputs = outputs
    yield bottlenecks.part(BOTTLENECKS, stage=1)
    for stage, modules in zip(STAGES, arch.modules, strict=True):
        widths = arch.widths[:stage]
        yield from _transitions(stage, outputs, widths, areas)
        for branch, width in enumerate(widths):
            block = LayerTally()
            block.basic_block(width, width, areas[branch])
            yield block.part(BLOCKS, stage=stage, branch=branch, times=modules * arch.blocks)
        for target in range(stage):
            # The last module of the network leads to the first branch alone.
            times = modules - 1 if stage == STAGES[-1] and target else modules
            if times:
                yield _fusion(widths, target, areas).part(FUSION, stage=stage, branch=target, times=times)
    output.convolution(arch.base_width, arch.keypoints, 1, areas[0], bias=True, norm=False)
    yield output.part(OUTPUT)


def _transitions(stage: int, entry: int, widths: tuple[int, ...], areas: list[int]) -> Iterator[PartCost]:
    """Yield the convolution to each new branch; stage 2 makes both of its branches from the bottlenecks."""
    for branch in range(stage) if stage == STAGES[0] else (stage - 1,):
        tally = LayerTally()
        tally.convolution(entry if stage == STAGES[0] else widths[-2], widths[branch], 3, areas[branch])
        yield tally.part(TRANSITION, stage=stage, branch=branch)


def _fusion(widths: tuple[int, ...], target: int, areas: list[int]) -> LayerTally:
    tally = LayerTally()
    for source, width in enumerate(widths):
        if source > target:
            tally.convolution(width, widths[target], 1, areas[source])
        for step in range(source + 1, target + 1):
            tally.convolution(width, widths[target] if step == target else width, 3, areas[step])
    return tally


FAMILY = HRNet()
