"""`Candidate`: a network that a search may train, with all that is known of it before the training."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.families.architecture import Scalar
from search_spaces.space.network_space import Network, NetworkSpace
from search_spaces.training_config import training_values

MAX_CACHED_CANDIDATES = 100_000
"""Candidates that are remembered, about a kilobyte each."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network that was built from a point once, and whose cost was counted once.

    Args:
        arch: The network: an `Architecture`, or a network that a table lists.
        cost: Its exact costs, such as parameters and MACs.
        key: The identity of its training, as of `training_key`.
    """

    # Any: a network and its cost are of the kind that the space holds, a `Network` and `KnownCosts` at least.
    arch: Any
    cost: Any
    key: str


def training_key(arch: Network, parameters: Mapping[str, Scalar]) -> str:
    """Return the identity of a training under one protocol, apart from its seed: the network and its hyper-parameters."""
    training = training_values(parameters)
    return f"{arch.arch_id} {json.dumps(training, sort_keys=True)}" if training else arch.arch_id


def candidate_of(space: NetworkSpace, point: Mapping[str, Scalar]) -> Candidate:
    """Return the candidate that a point of a space describes.

    Raises:
        InvalidInput: as `SearchSpace.build`.
    """
    arch = space.build(point)
    return Candidate(arch=arch, cost=space.cost_of(arch), key=training_key(arch, point))


class CandidateCache:
    """The candidates of one space, each made once while it is remembered."""

    def __init__(self, space: NetworkSpace) -> None:
        self.space = space
        self._made = functools.lru_cache(MAX_CACHED_CANDIDATES)(lambda items: candidate_of(space, dict(items)))

    def __call__(self, point: Mapping[str, Scalar]) -> Candidate:
        """Return the candidate of a point, whose hyper-parameters may be absent.

        Raises:
            InvalidInput: as `SearchSpace.build`.
        """
        return self._made(frozenset(point.items()))
