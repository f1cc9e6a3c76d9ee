"""An architecture taken apart: the costs of its parts and branches as rows, alone or against another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.families.architecture import Architecture, format_size
from search_spaces.families.cost import NOTHING, Cost
from search_spaces.registry import cost_of, cost_parts, family_of

Place = tuple[int | None, str]
"""A stage, if it is in one, and what the part does."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The work of a network in one place, in all branches together, ``times`` times."""

    stage: int | None
    kind: str
    times: int
    cost: Cost


def parts(arch: Architecture) -> list[Part]:
    """The parts from the input to the output; their costs add up to the network's."""
    found: dict[Place, Part] = {}
    for entry in cost_parts(arch):
        place = (entry.stage, entry.kind)
        before = found[place].cost if place in found else NOTHING
        found[place] = Part(stage=entry.stage, kind=entry.kind, times=entry.times, cost=before + entry.cost)
    return list(found.values())


def names_of_both(first: Architecture, second: Architecture) -> Mapping[str, str]:
    """Names for two networks side by side: those of their papers where they agree, else the common ones."""
    ours, theirs = (family_of(arch).part_labels(arch) for arch in (first, second))
    common = {**family_of(second).common_part_labels, **family_of(first).common_part_labels}
    names = {}
    for kind in (*ours, *theirs):
        known = {labels[kind] for labels in (ours, theirs) if kind in labels}
        names[kind] = known.pop() if len(known) == 1 else common.get(kind, kind)
    return names


def places_of_both(first: Architecture, second: Architecture) -> list[tuple[Place, Cost, Cost]]:
    """The parts of two networks side by side; what one of them lacks costs nothing there."""
    ours, theirs = ({(part.stage, part.kind): part.cost for part in parts(arch)} for arch in (first, second))
    places = list(ours) + [place for place in theirs if place not in ours]
    return [(place, ours.get(place, NOTHING), theirs.get(place, NOTHING)) for place in places]


def anatomy(arch: Architecture) -> dict[str, Any]:
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
