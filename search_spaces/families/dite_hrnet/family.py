"""The Dite-HRNet and Lite-HRNet family as the other layers see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from search_spaces.families.architecture import Scalar
from search_spaces.families.cost import NOTHING, Cost, PartCost
from search_spaces.families.dite_hrnet import diagram, elastic, parameters, presets, published, spaces
from search_spaces.families.dite_hrnet.config import (
    BLOCKS,
    BRANCHES,
    FUSIONS,
    POOLINGS,
    STEMS,
    ArchConfig,
    branch_problem,
)
from search_spaces.families.dite_hrnet.cost import (
    CONTEXT,
    CONVOLUTION,
    CROSS,
    FUSION,
    HEAD,
    IN_BLOCK,
    OUTPUT,
    STEM,
    TRANSITION,
    cost_of,
    cost_parts,
)
from search_spaces.families.envelope import Envelope, Values
from search_spaces.families.family import SHARED, Family, Pair, SpaceParts
from search_spaces.families.parameter import Point, format_tuple, parse_tuple

_UNITS = tuple(f"branch{branch + 1}" for branch in range(BRANCHES))


class DiteHRNet(Family[ArchConfig]):
    """Dite-HRNet, Lite-HRNet and the points between them."""

    architecture = ArchConfig
    label = "Lite-HRNet / Dite-HRNet"
    field_notes: Mapping[str, str] = {
        "stem": f"one of {', '.join(STEMS)}",
        "block": f"one of {', '.join(BLOCKS)}: Dite-HRNet's, Lite-HRNet's, and the two between them in the paper's Table 6",
        "fusion": f"one of {', '.join(FUSIONS)}: which sum of the highest branch the lower ones read",
        "context_pooling": f"one of {', '.join(POOLINGS)}: how DCM pools a branch",
        "blocks_per_module": "blocks before each fusion",
        "stem_context_reduction": "bottleneck of GCM in the stem",
    }
    defaults_note = "The defaults are Dite-HRNet-18; tuples run from the highest\nresolution to the lowest."
    export_note = (
        "The ONNX model spends more multiply-accumulates than counted above where the network has dynamic kernels."
        " On several images,\n"
        "and for some kernels on one, it sums N convolutions instead of aggregating N kernels. The result is the same,"
        " and the batch\n"
        "size stays free."
    )
    legend = (
        "G is the number of groups of the dynamic convolution on each branch, N its number of kernels, from the highest"
        " resolution to the lowest."
    )
    branch_fields: Mapping[str, str] = {
        "widths": "width",
        "groups": "G (groups)",
        "kernels": "N (kernels)",
        "context_reductions": "context reduction",
    }
    published = published.PUBLISHED
    published_count = (
        "convolutions with their biases, batch normalisation, ReLU, pooling to one position and nearest upsampling, by the"
        " counter of the authors' code"
    )
    published_giga = 1000
    pairs = (
        Pair(
            rows="groups",
            columns="kernels",
            letters=("G", "N"),
            note="as in Table 5 of the Dite-HRNet paper; branches from the highest resolution to the lowest",
        ),
    )
    # A block is two choices: weighting by ACM or not, convolving by DSC or not.
    coded: Mapping[str, Callable[[ArchConfig], Mapping[str, float]]] = {
        "block": lambda arch: {"acm": float(arch.uses_acm), "dsc": float(arch.uses_dsc)}
    }

    @property
    def presets(self) -> Mapping[str, Callable[[], ArchConfig]]:
        return presets.PRESETS

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        return spaces.SPACES

    def parts(self, arch: ArchConfig) -> list[PartCost]:
        return cost_parts(arch)

    def cost(self, arch: ArchConfig) -> Cost:
        return cost_of(arch)

    @property
    def whole_parameters(self) -> tuple[str, ...]:
        return parameters.TUPLE_PARAMETERS

    @property
    def parameters(self) -> tuple[str, ...]:
        return parameters.ARCH_PARAMETERS

    def flatten(self, arch: ArchConfig) -> dict[str, Scalar]:
        return parameters.flatten(arch)

    def unflatten(self, values: Mapping[str, Scalar], base: ArchConfig) -> ArchConfig:
        return parameters.unflatten(values, base)

    def whole_of(self, parameter: str) -> str | None:
        return parameters.field_of(parameter)

    @property
    def units(self) -> tuple[str, ...]:
        """The branches: G divides half the width within each of them."""
        return _UNITS

    def unit_of(self, parameter: str) -> str:
        if parameter == "block" or parameter in parameters.TUPLE_PARAMETERS:
            return SHARED
        return parameter.rpartition("_")[2] if "_branch" in parameter else parameter

    def problem(self, values: Point, base: ArchConfig, unit: str) -> str | None:
        branch = _UNITS.index(unit)
        own = {n: value for n, value in values.items() if n != "block" and self.unit_of(n) in (SHARED, unit)}
        arch = parameters.unflatten(own, _without_rules(base))
        block = str(values.get("block", base.block))
        uses_dsc = dataclasses.replace(base, block=block, groups=(1,) * BRANCHES).uses_dsc
        return branch_problem(arch.widths[branch], arch.groups[branch] if uses_dsc else 1, branch)

    def check_value(self, parameter: str, value: Scalar, base: ArchConfig) -> None:
        free = _without_rules(base)
        if parameter == "block":
            free = dataclasses.replace(free, groups=(1,) * BRANCHES)
        parameters.unflatten({parameter: value}, free)

    def entries(self, parameter: str, value: Scalar) -> dict[str, Scalar]:
        if parameter not in parameters.TUPLE_PARAMETERS:
            return {parameter: value}
        places = [name for name in parameters.ARCH_PARAMETERS if parameters.field_of(name) == parameter]
        return dict(zip(places, parse_tuple(parameter, value), strict=True))

    def envelope(self, values: Values) -> Envelope:
        return elastic.envelope_of(values)

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return {
            STEM: "stem",
            TRANSITION: "transition",
            CROSS: "cross weights",
            CONVOLUTION: "convolution",
            CONTEXT: "context",
            FUSION: "fusion",
            HEAD: "head",
            OUTPUT: "heatmaps",
        }

    def part_labels(self, arch: ArchConfig) -> Mapping[str, str]:
        return dict(self.common_part_labels) | {
            CROSS: "DCM" if arch.uses_acm else "cross weights",
            CONVOLUTION: "DSC" if arch.uses_dsc else "depth-wise",
            CONTEXT: "GCM" if arch.uses_acm else "spatial weights",
        }

    def part_group(self, part: PartCost) -> str:
        between = part.stage is None or part.kind == TRANSITION
        return "stem, transitions and head" if between else f"stage {part.stage}"

    def outline(self, arch: ArchConfig) -> str:
        blocks = "1 block" if arch.blocks_per_module == 1 else f"{arch.blocks_per_module} blocks"
        widths, groups, kernels = (format_tuple(values) for values in (arch.widths, arch.groups, arch.kernels))
        return f"widths {widths}; G {groups}; N {kernels}; modules {format_tuple(arch.modules)} of {blocks}"

    def diagram(self, arch: ArchConfig, width: int) -> list[str]:
        return diagram.diagram(arch, width=width)

    def block_sentence(self, arch: ArchConfig) -> str:
        return f"Each block: {diagram.block_words(arch)}."

    def branch_settings(self, arch: ArchConfig) -> list[tuple[str, list[str]]]:
        return diagram.settings(arch)

    def branch_costs(self, arch: ArchConfig) -> list[Cost]:
        """Return what the blocks of each branch cost in all stages, their weighting across branches not counted."""
        costs = [NOTHING] * BRANCHES
        for part in cost_parts(arch):
            if part.kind in IN_BLOCK and part.branch is not None:
                costs[part.branch] += part.cost
        return costs


def _without_rules(base: ArchConfig) -> ArchConfig:
    """Return the base as a block on which no rule ties groups to widths, so that single values can be looked at."""
    return dataclasses.replace(base, block="lite")


FAMILY = DiteHRNet()
