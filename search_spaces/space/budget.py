"""A budget: limits on what a network may cost, checked in closed form before anything is trained."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import OBJECTIVES
from search_spaces.families.parameter import Point
from search_spaces.space.search_space import SearchSpace

MAX_ENUMERATED_POINTS = 20_000
"""Points up to which the cheapest one is found by looking at all of them: a second."""
STARTS = 8
"""Random points from which the cheapest of a larger space is looked for."""

_SUFFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_CONSTRAINT = re.compile(r"\s*([a-z_]\w*)\s*([<>]=)\s*([0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*([kMG]?)\s*")


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """The largest value that a cost may have, or the smallest of one that is better high."""

    cost: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read ``mmacs <= 250`` or ``params <= 1.5M``; k, M and G are thousands, millions and billions.

        Raises:
            InvalidInput: the text is not a name, ``<=`` and a number above 0; or ``>=`` where larger values are better.
        """
        match = _CONSTRAINT.fullmatch(text)
        limit = float(match[3]) * _SUFFIXES[match[4]] if match else math.nan
        if match is not None and limit > 0 and math.isfinite(limit):
            found = cls(cost=match[1], limit=limit)
            if found.sign == match[2]:
                return found
            if found.is_least:
                raise InvalidInput(
                    f"a limit on {found.cost}, which is better high, must be the least, like {str(found)!r}, got {text!r}"
                )
        raise InvalidInput(f"a limit must be written like 'mmacs <= 250' or 'params <= 1.5M', got {text!r}")

    def __str__(self) -> str:
        return f"{self.cost} {self.sign} {self.limit:g}"

    @property
    def is_least(self) -> bool:
        """Whether the limit is the smallest value that is allowed: larger ones are better."""
        return self.cost in OBJECTIVES and OBJECTIVES[self.cost].is_better_high

    @property
    def sign(self) -> str:
        """The sign between the cost and its limit."""
        return ">=" if self.is_least else "<="

    @property
    def bound(self) -> str:
        """The sign in words."""
        return "at least" if self.is_least else "at most"

    def excess(self, value: float) -> float:
        """By which fraction a value misses the limit: 0 or less is within it, to the last digit."""
        return (self.limit - value) / value if self.is_least else (value - self.limit) / self.limit


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits that hold together; none at all allows everything."""

    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str], known: Iterable[str]) -> Budget:
        """Read limits on costs that are among ``known``, at most one for each.

        Raises:
            InvalidInput: a limit cannot be read, is on a cost that is not known, or is the second on one.
        """
        constraints = tuple(Constraint.parse(text) for text in texts)
        names = [constraint.cost for constraint in constraints]
        for name in names:
            if name not in known:
                raise InvalidInput(f"a limit must be on one of {', '.join(sorted(known))}, got one on {name}")
            if names.count(name) > 1:
                raise InvalidInput(f"a budget must hold one limit for each cost, got {names.count(name)} on {name}")
        return cls(constraints=constraints)

    @property
    def costs(self) -> tuple[str, ...]:
        """The costs that are limited."""
        return tuple(constraint.cost for constraint in self.constraints)

    def excess(self, costs: Mapping[str, float]) -> dict[str, float]:
        """By which fraction each cost misses its limit: 0 or less is within it; a cost that is not given is left out."""
        return {c.cost: c.excess(costs[c.cost]) for c in self.constraints if c.cost in costs}

    def allows(self, costs: Mapping[str, float]) -> bool:
        """Whether every given cost is within its limit."""
        return all(excess <= 0 for excess in self.excess(costs).values())

    def problem(self, costs: Mapping[str, float]) -> str:
        """The first limit that is broken, in words; empty where none is."""
        for constraint in self.constraints:
            if constraint.cost in costs and constraint.excess(costs[constraint.cost]) > 0:
                value = costs[constraint.cost]
                return f"{constraint.cost} must be {constraint.bound} {constraint.limit:g}, got {value:g}"
        return ""

    def check(self, space: SearchSpace, costs: Callable[[Point], Mapping[str, float]]) -> None:
        """Refuse a budget that no network of the space meets.

        Raises:
            InvalidInput: the message names the limit and the cheapest network of the space under it.
        """
        for part in (*(Budget(constraints=(constraint,)) for constraint in self.constraints), self):
            if not part.constraints:
                return
            point = _least(space, lambda point, part=part: max(part.excess(costs(point)).values()))  # type: ignore[misc]
            found = costs(point)
            if not part.allows(found):
                limits = " and ".join(map(str, part.constraints))
                values = ", ".join(f"{name} {found[name]:g}" for name in part.costs)
                nearest = "nearest to it" if any(each.is_least for each in part.constraints) else "cheapest"
                where = " ".join(f"{name}={value}" for name, value in point.items())
                raise InvalidInput(
                    f"budget {limits} must be met by a network of space {space.name},"
                    f" but the {nearest} has {values} ({where})"
                )


def _least(space: SearchSpace, cost: Callable[[Point], float]) -> Point:
    """The point of least cost: of all points of a small space; of a large one the least that descent finds.

    The descent changes one parameter at a time, which ends at the least where the cost rises with each parameter.
    """
    if space.count() <= MAX_ENUMERATED_POINTS:
        return min(space.points(), key=cost)
    generator = np.random.default_rng(0)
    found = [_descend(space, space.sample(generator), cost) for _ in range(STARTS)]
    return min(found, key=cost)


def _descend(space: SearchSpace, point: Point, cost: Callable[[Point], float]) -> Point:
    lowest = cost(point)
    while True:
        neighbours = (
            {**point, name: value}
            for name, choice in space.choices.items()
            for value in choice.values
            if value != point[name]
        )
        best = min((near for near in neighbours if space.is_valid(near)), key=cost, default=point)
        if not cost(best) < lowest:
            return point
        point, lowest = best, cost(best)
