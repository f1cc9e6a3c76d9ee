"""`ElasticSpace`: a space whose networks share weights, with its smallest network and the largest that a budget allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, Scalar
from search_spaces.families.envelope import Envelope
from search_spaces.families.family import Family
from search_spaces.families.parameter import Point
from search_spaces.space.budget import MAX_ENUMERATED_POINTS, STARTS, Budget
from search_spaces.space.search_space import SearchSpace
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class ElasticSpace:
    """A space whose networks share weights.

    Args:
        space: The space.
        budget: The limits of its networks; those on costs that are measured rather than counted are left out.
        envelope: The sizes of the tensors that the networks share.
        smallest: The network of the fewest multiply-accumulates.
        largest: The network of the most multiply-accumulates within the budget.
    """

    space: SearchSpace
    budget: Budget
    envelope: Envelope
    smallest: Architecture
    largest: Architecture

    def allows(self, arch: Architecture) -> bool:
        """Whether a network is within the budget."""
        return self.budget.allows(self.space.cost_of(arch).objectives)


def elastic_space(space: SearchSpace, budget: Budget | None = None) -> ElasticSpace:
    """Return a space with what its networks share.

    Raises:
        InvalidInput: the networks cannot share weights, or the budget allows none of them; the message says why.
    """
    budget = budget or Budget()
    envelope = envelope_of(space)
    budget.check(space, lambda point: space.cost_of(space.build(point)).objectives)

    def found(sign: int) -> Architecture:
        return space.build(_first(space, lambda point: _order(space, budget, point, sign), len(budget.constraints)))

    return ElasticSpace(
        space=space,
        budget=budget,
        envelope=envelope,
        smallest=found(1),
        largest=found(-1),
    )


def check_sharing(space: SearchSpace, settings: SupernetConfig, training: TrainConfig) -> None:
    """Refuse a search whose networks cannot share weights.

    Args:
        space: The space of the search.
        settings: The training of shared weights.
        training: The recipe of the search.

    Raises:
        InvalidInput: the space or the recipe does not allow it; the message says why.
    """
    try:
        settings.recipe(training)
    except InvalidInput as error:
        raise InvalidInput(f"training.{error}") from None
    envelope_of(space)


def envelope_of(space: SearchSpace) -> Envelope:
    """Return the sizes of the tensors that the networks of a space share.

    Raises:
        InvalidInput: the networks cannot share weights; the message says why.
    """
    try:
        if space.training_parameters:
            name = next(iter(space.training_parameters))
            raise InvalidInput(f"{name} describes a training, and one training serves all networks that share weights")
        if len(space.families) > 1:
            names = ", ".join(family.name for family in space.families)
            raise InvalidInput(f"networks that share weights must be of one family, got {names}")
        (family,) = space.families
        return family.envelope(_values(space, family))
    except InvalidInput as error:
        raise InvalidInput(f"space {space.name} cannot have shared weights: {error}") from None


def _values(space: SearchSpace, family: Family[Architecture]) -> dict[str, list[Scalar]]:
    """Return the values that every flat name of a network takes in the space."""
    varied: dict[str, list[Scalar]] = {}
    for name, choice in space.choices.items():
        for value in choice.values if name in family.all_parameters else ():
            for place, own in family.entries(name, value).items():
                varied.setdefault(place, []).append(own)
    found: dict[str, list[Scalar]] = {}
    for base in space.bases.values():
        for name, value in family.flatten(base).items():
            found.setdefault(name, []).extend(varied.get(name, [value]))
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def _order(space: SearchSpace, budget: Budget, point: Point, sign: int) -> tuple[float, float]:
    """Return the place of a point in an order by MACs, in which points over the budget stand behind all others."""
    cost = space.cost_of(space.build(point))
    return max([0.0, *budget.excess(cost.objectives).values()]), sign * float(cost.macs)


def _first(space: SearchSpace, order: Callable[[Point], tuple[float, float]], limits: int) -> Point:
    """Return the point that stands first in an order: of all points of a small space, else the first that climbing finds.

    Without limits the cost rises with each parameter, and every climb ends at the same point.
    """
    if space.count() <= MAX_ENUMERATED_POINTS:
        return min(space.points(), key=order)
    generator = np.random.default_rng(0)
    starts = [space.sample(generator) for _ in range(STARTS if limits else 1)]
    return min((_climbed(space, point, order) for point in starts), key=order)


def _climbed(space: SearchSpace, point: Point, order: Callable[[Point], tuple[float, float]]) -> Point:
    reached = order(point)
    while True:
        following, best = min(((order(near), near) for near in _neighbours(space, point)), key=lambda pair: pair[0])
        if not following < reached:
            return point
        point, reached = best, following


def _neighbours(space: SearchSpace, point: Point) -> Iterator[Point]:
    """Yield every valid point that differs in one parameter."""
    for name, choice in space.choices.items():
        for value in choice.values:
            near = {**point, name: value}
            if value != point[name] and space.is_valid(near):
                yield near
