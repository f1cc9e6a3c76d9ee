"""`ListedCandidates`: the networks of a table as candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

from dite_search.algorithms.cost_aware.candidates import Point, distributions_of
from search_spaces.common.errors import InvalidInput
from search_spaces.space.listed_space import ListedNetwork, ListedSpace

Array = NDArray[np.float64]

DRAWS = 60
"""Networks drawn in search of one that is allowed."""


class ListedCandidates:
    """The networks of a `ListedSpace`; a point that is not on the list stands for the network nearest to it.

    Features are those of the list and the logarithms of all costs. ``allowed`` narrows the list (a budget).

    Raises:
        InvalidInput: the list does not have one of the ``cost_objectives``.
    """

    def __init__(
        self,
        space: ListedSpace,
        *,
        cost_objectives: Sequence[str],
        allowed: Callable[[ListedNetwork], bool] = lambda network: True,
    ) -> None:
        known = space.networks[0].costs
        for name in cost_objectives:
            if name not in known:
                raise InvalidInput(f"cost_objectives must be costs of the table ({', '.join(known)}), got {name}")
        self._space, self._distributions = space, distributions_of(space)
        costs = np.array([list(network.costs.values()) for network in space.networks]).reshape(space.count(), -1)
        self._features = np.hstack([space.features, _logarithms(costs)])
        self._costs = [
            {name: network.costs[name] for name in cost_objectives} if allowed(network) else None
            for network in space.networks
        ]

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return self._distributions

    def sample(self, generator: np.random.Generator) -> Point:
        """Return the point of a network by chance, an allowed one where a few draws find one."""
        point = self._space.sample(generator)
        for _ in range(DRAWS):
            if self.costs(point) is not None:
                break
            point = self._space.sample(generator)
        return point

    def mutate(self, point: Mapping[str, Any], generator: np.random.Generator) -> Point:
        return self._space.mutate(point, generator)

    def crossover(self, first: Mapping[str, Any], second: Mapping[str, Any], generator: np.random.Generator) -> Point:
        return self._space.crossover(first, second, generator)

    def points(self) -> Iterator[Point]:
        return self._space.points()

    def count(self) -> int | None:
        return self._space.count()

    def costs(self, point: Mapping[str, Any]) -> Mapping[str, float] | None:
        try:
            return self._costs[self._space.row_of(point)]
        except InvalidInput:
            return None

    def features(self, point: Mapping[str, Any]) -> Array:
        found: Array = self._features[self._space.row_of(point)]
        return found

    def expensive(self, point: Mapping[str, Any]) -> Array:
        return np.empty(0)

    def key(self, point: Mapping[str, Any]) -> str:
        return self._space.build(point).arch_id


def _logarithms(costs: Array) -> Array:
    """Return the logarithms of costs (n, k); in a column that holds a 0, of their sums with its least other value."""
    shifted = costs.copy()
    for column in shifted.T:
        positive = column[column > 0]
        if len(positive) < len(column):
            column += positive.min() if len(positive) else 1.0
    found: Array = np.log(shifted)
    return found
