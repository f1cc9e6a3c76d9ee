"""The cascaded pyramid network (arXiv:1711.07319): coarse heatmaps from a pyramid of features, then refined ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from search_spaces.common.bounds import Bounds
from search_spaces.families.architecture import Architecture, Normalisation
from search_spaces.families.baselines import published
from search_spaces.families.baselines.baseline import Baseline, Row, counted
from search_spaces.families.baselines.layers import (
    LABELS,
    MAX_WIDTH,
    RESNET_50,
    BaseWidth,
    InputSize,
    LayerTally,
    ResNetBlocks,
    Width,
    area_at,
    check_arch,
    check_even,
    resnet_parts,
    resnet_widths,
)
from search_spaces.families.baselines.simple_baseline import resnet_rows
from search_spaces.families.cost import PartCost
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import Choice

LEVELS = 4
PYRAMID, REFINEMENT = "pyramid", "refinement"


@dataclass(frozen=True, kw_only=True)
class CPNConfig(Architecture):
    """A cascaded pyramid network; the default has a ResNet-50."""

    FAMILY: ClassVar[str] = "cpn"
    NORMALISATION: ClassVar[Normalisation] = Normalisation(
        mean=(122.7717 / 255, 115.9465 / 255, 102.9801 / 255), std=(1.0, 1.0, 1.0)
    )

    blocks: ResNetBlocks = RESNET_50
    """Bottlenecks in each of the four layers of the ResNet."""
    base_width: BaseWidth = 64
    """Channels of the ResNet's stem, and of its first layer's 3×3 convolutions."""
    pyramid_channels: Annotated[int, Bounds(2, MAX_WIDTH)] = 256
    """Channels of every level of the pyramid and of its refinement, even."""
    input_size: InputSize = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Width = 17
    """Heatmaps of the output, one for each keypoint."""

    def __post_init__(self) -> None:
        check_arch(self, multiple=32)
        check_even("pyramid_channels", self.pyramid_channels)


class CPN(Baseline[CPNConfig]):
    """Cascaded pyramid networks."""

    architecture, label = CPNConfig, "CPN"
    defaults_note = "The defaults are CPN with a ResNet-50."
    published = published.figures({"CPN-ResNet-50": CPNConfig()})

    @property
    def presets(self) -> Mapping[str, Callable[[], CPNConfig]]:
        return {"cpn_resnet50": CPNConfig}

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        choices = {
            "base_width": Choice(values=(32, 48, 64)),
            "blocks": Choice(values=("1-1-1-1", "2-2-2-2", "3-4-6-3")),
            "pyramid_channels": Choice(values=(64, 128, 256)),
        }
        return {"cpns": lambda: SpaceParts(base=CPNConfig(), parameters=choices)}

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return {**LABELS, PYRAMID: "GlobalNet", REFINEMENT: "RefineNet"}

    def parts(self, arch: CPNConfig) -> list[PartCost]:
        width, areas = arch.pyramid_channels, [area_at(arch.input_size, stride) for stride in (32, 16, 8, 4)]
        pyramid, refinement = LayerTally(), LayerTally()
        features = reversed(resnet_widths(arch.base_width))
        for level, (inputs, area) in enumerate(zip(features, areas, strict=True)):
            pyramid.convolution(inputs, width, 1, area)
            if level + 1 < LEVELS:
                pyramid.convolution(width, width, 1, areas[level + 1])
            pyramid.convolution(width, width, 1, area)
            _heatmaps(pyramid, width, arch.keypoints, area)
            for _ in range(LEVELS - 1 - level):
                refinement.bottleneck(width, width // 2, area, expansion=2, projected=True)
        refinement.bottleneck(LEVELS * width, width // 2, areas[-1], expansion=2, projected=True)
        _heatmaps(refinement, width, arch.keypoints, areas[-1])
        backbone = resnet_parts(arch.blocks, arch.base_width, arch.input_size)
        return [*backbone, pyramid.part(PYRAMID), refinement.part(REFINEMENT)]

    def rows(self, arch: CPNConfig) -> list[Row]:
        rows = resnet_rows(arch.blocks, arch.base_width)
        for level in range(LEVELS):
            name = "pyramid" if level == 0 else ""
            words = counted(LEVELS - 1 - level, "bottleneck") if level < LEVELS - 1 else "no bottlenecks"
            rows.append(Row(name, 32 // 2**level, arch.pyramid_channels, f"heatmaps; refined by {words}"))
        return [*rows, Row("refinement", 4, arch.pyramid_channels, "all levels, 1 bottleneck")]


def _heatmaps(tally: LayerTally, inputs: int, keypoints: int, area: int) -> None:
    """Add a 3×3 convolution to heatmaps, and their batch normalisation."""
    tally.convolution(inputs, keypoints, 3, area)


FAMILY = CPN()
