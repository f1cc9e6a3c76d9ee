"""Counts how often each network is built from a point, and how often its cost is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from search_spaces.families.architecture import Architecture
from search_spaces.families.cost import Cost
from search_spaces.registry import FAMILIES
from search_spaces.space.search_space import SearchSpace


@dataclass
class Counts:
    """Calls of `SearchSpace.build` by the point, and of `cost_of` by the network."""

    built: Counter[frozenset[tuple[str, Any]]] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)


@contextmanager
def counted_networks(counts: Counts | None = None) -> Iterator[Counts]:
    """Count in this process while the block runs."""
    counts, build = counts or Counts(), SearchSpace.build

    def building(space: SearchSpace, point: Mapping[str, Any]) -> Architecture:
        counts.built[frozenset(point.items())] += 1
        return build(space, point)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchSpace, "build", building)
        for family in {type(family) for family in FAMILIES.values()}:
            count = family.cost

            def counting(family: Any, arch: Architecture, count: Any = count) -> Cost:
                counts.counted[arch.arch_id] += 1
                result: Cost = count(family, arch)
                return result

            patch.setattr(family, "cost", counting)
        yield counts
