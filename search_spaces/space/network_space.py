"""`NetworkSpace`: the part of a space that a search algorithm asks for, whatever its networks are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from search_spaces.families.architecture import Scalar
from search_spaces.families.parameter import Parameter, Point


class Network(Protocol):
    """A network under its identity."""

    @property
    def arch_id(self) -> str:
        """The name of the network: same network, same name."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values from which the network can be found again."""


class KnownCosts(Protocol):
    """The exact costs of a network."""

    @property
    def objectives(self) -> dict[str, float]:
        """The costs that a search may minimise, by name."""


class NetworkSpace(Protocol):
    """A space of networks: `SearchSpace` of a family, or `ListedSpace` of a table."""

    @property
    def name(self) -> str:
        """The name in messages."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters, each with its allowed values."""

    @property
    def training_parameters(self) -> Mapping[str, Parameter]:
        """The parameters that describe a training rather than a network."""

    def build(self, point: Mapping[str, Scalar]) -> Network:
        """Return the network of a point, or raise `InvalidInput`."""

    # Any: a space is asked about its own networks alone.
    def cost_of(self, network: Any) -> KnownCosts:
        """Return the exact costs of a network."""

    def count(self) -> int:
        """Return the number of valid points."""

    def points(self) -> Iterator[Point]:
        """Return every valid point in a fixed order."""

    def sample(self, generator: np.random.Generator) -> Point:
        """Return a valid point by chance."""

    def mutate(self, point: Mapping[str, Scalar], generator: np.random.Generator) -> Point:
        """Return a valid point near another."""
