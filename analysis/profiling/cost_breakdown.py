"""An architecture taken apart: the costs of its parts and branches as rows, alone or against another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.study.labels import architecture_words
from search_spaces.families.dite_hrnet.config import ArchConfig, format_size
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
    Cost,
    cost_of,
    cost_parts,
)

Place = tuple[int | None, str]
"""A stage, if it is in one, and what the part does."""
COMMON_NAMES = {
    STEM: "stem",
    TRANSITION: "transition",
    CROSS: "cross weights",
    CONVOLUTION: "convolution",
    CONTEXT: "context",
    FUSION: "fusion",
    HEAD: "head",
    OUTPUT: "heatmaps",
}
"""The name of each kind of part whatever the block."""
_ZERO = Cost(params=0, macs=0, macs_paper=0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a network does in one place, in all branches together, ``times`` times."""

    stage: int | None
    kind: str
    times: int
    cost: Cost


def parts(arch: ArchConfig) -> list[Part]:
    """The parts from the input to the output; their costs add up to the network's."""
    found: dict[Place, Part] = {}
    for entry in cost_parts(arch):
        place = (entry.stage, entry.kind)
        before = found[place].cost if place in found else _ZERO
        found[place] = Part(stage=entry.stage, kind=entry.kind, times=entry.times, cost=_sum(before, entry.cost))
    return list(found.values())


def branch_costs(arch: ArchConfig) -> list[Cost]:
    """What the blocks of each branch cost in all stages, their weighting across branches not counted."""
    costs = [_ZERO] * len(arch.widths)
    for entry in cost_parts(arch):
        if entry.kind in IN_BLOCK and entry.branch is not None:
            costs[entry.branch] = _sum(costs[entry.branch], entry.cost)
    return costs


def part_names(arch: ArchConfig) -> Mapping[str, str]:
    """The name of each kind of part in this network, as its paper has it."""
    return COMMON_NAMES | {
        CROSS: "DCM" if arch.uses_acm else "cross weights",
        CONVOLUTION: "DSC" if arch.uses_dsc else "depth-wise",
        CONTEXT: "GCM" if arch.uses_acm else "spatial weights",
    }


def names_of_both(first: ArchConfig, second: ArchConfig) -> Mapping[str, str]:
    """Names for two networks side by side: the paper's where they agree."""
    ours, theirs = part_names(first), part_names(second)
    return {kind: name if theirs[kind] == name else COMMON_NAMES[kind] for kind, name in ours.items()}


def places_of_both(first: ArchConfig, second: ArchConfig) -> list[tuple[Place, Cost, Cost]]:
    """The parts of two networks side by side; what one of them lacks costs nothing there."""
    ours, theirs = ({(part.stage, part.kind): part.cost for part in parts(arch)} for arch in (first, second))
    places = list(ours) + [place for place in theirs if place not in ours]
    return [(place, ours.get(place, _ZERO), theirs.get(place, _ZERO)) for place in places]


def differences(first: ArchConfig, second: ArchConfig) -> list[tuple[str, str, str]]:
    """Return the fields in which two architectures differ, in words; none where they are the same network.

    A field that is only spelled in another way, as reductions of one bottleneck may be, does not differ.
    """
    one, other = (architecture_words(arch.canonical) for arch in (first, second))
    acting = {name for (name, ours), (_, theirs) in zip(one, other, strict=True) if ours != theirs}
    pairs = zip(architecture_words(first), architecture_words(second), strict=True)
    return [(name, ours, theirs) for (name, ours), (_, theirs) in pairs if name in acting and ours != theirs]


def anatomy(arch: ArchConfig) -> dict[str, Any]:
    """Everything about an architecture as plain JSON types."""
    return {
        "arch_id": arch.arch_id,
        "input_size": format_size(arch.input_size),
        **dataclasses.asdict(cost_of(arch)),
        "architecture": arch.to_dict(),
        "parts": [
            {"stage": entry.stage, "kind": entry.kind, "branch": entry.branch, "times": entry.times}
            | dataclasses.asdict(entry.cost)
            for entry in cost_parts(arch)
        ],
    }


def _sum(first: Cost, second: Cost) -> Cost:
    return Cost(
        params=first.params + second.params,
        macs=first.macs + second.macs,
        macs_paper=first.macs_paper + second.macs_paper,
    )
