"""The largest network of a space by any measure of its costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from search_spaces.families.parameter import Point
from search_spaces.space.budget import Budget
from search_spaces.space.candidate import Candidate, CandidateCache
from search_spaces.space.search_space import SearchSpace

_MAX_ENUMERATED_POINTS, _STARTS = 2000, 50


def largest_candidate(
    space: SearchSpace,
    budget: Budget,
    measure: Callable[[Any], float],
    candidates: CandidateCache | None = None,
) -> Candidate:
    """Return the network of the largest cost, or one near it where the space is too large to look at every point.

    Args:
        space: The space.
        budget: The limits that the network keeps, where one that was looked at does.
        measure: Returns a number for the costs of a network.
        candidates: The candidates of the space that are known already.
    """
    candidate = candidates or CandidateCache(space)

    def size(point: Point) -> float:
        return measure(candidate(point).cost)

    points = list(space.points()) if space.count() <= _MAX_ENUMERATED_POINTS else []
    if not points:
        # Costs add up over the branches, so values can be improved one at a time.
        generator = np.random.default_rng(0)
        point = max((space.sample(generator) for _ in range(_STARTS)), key=size)
        improved = True
        while improved:
            improved = False
            for name, choice in space.choices.items():
                others = [point | {name: value} for value in choice.values]
                best = max((other for other in others if space.is_valid(other)), key=size)
                if size(best) > size(point):
                    point, improved = best, True
        points = [point]
    found = [candidate(point) for point in points]
    within = [each for each in found if budget.allows(each.cost.objectives)]
    return max(within or found, key=lambda each: measure(each.cost))
