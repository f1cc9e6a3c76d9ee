"""`CostStrata`: networks of a space drawn uniformly over the logarithm of their multiply-accumulates."""

from __future__ import annotations

import math

import numpy as np

from search_spaces.families.architecture import Architecture
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from search_spaces.space.elastic_space import ElasticSpace

STRATA = 16
"""Equal parts of the range of log MACs."""
POOL_POINTS = 20_000
"""Points of a large space that networks are drawn from; a smaller space is taken whole."""


class CostStrata:
    """Networks drawn stratum by stratum: points of most spaces crowd around the middle of their costs.

    A draw depends on the seed and its own numbers alone. So all processes of a training draw the same network, and a
    training that goes on draws what it would have drawn.

    Args:
        elastic: The space; networks beyond its budget are never drawn.
        seed: The seed of the pool and of every draw.
        strata: The number of parts of the range of log MACs.
        pool_points: The points that a pool of a large space holds.
    """

    def __init__(self, elastic: ElasticSpace, *, seed: int, strata: int = STRATA, pool_points: int = POOL_POINTS) -> None:
        self._space, self._seed = elastic.space, seed
        low, high = (math.log(cost_of(arch).macs) for arch in (elastic.smallest, elastic.largest))
        parts: dict[int, list[Point]] = {}
        for point in self._pool(pool_points):
            arch = self._space.build(point)
            if elastic.allows(arch):
                place = (math.log(cost_of(arch).macs) - low) / (high - low or 1.0)
                parts.setdefault(min(max(int(place * strata), 0), strata - 1), []).append(point)
        self._parts = [parts[number] for number in sorted(parts)] or [[self._point_of(elastic.largest)]]

    def draw(self, epoch: int, batch: int, slot: int) -> Architecture:
        """Return the network of one place in a training.

        Args:
            epoch: The epoch, from 0.
            batch: The batch of the epoch, from 0.
            slot: The place among the networks of one step.
        """
        generator = np.random.default_rng([self._seed, epoch, batch, slot])
        part = self._parts[int(generator.integers(len(self._parts)))]
        return self._space.build(part[int(generator.integers(len(part)))])

    def _pool(self, points: int) -> list[Point]:
        if self._space.count() <= points:
            return list(self._space.points())
        generator = np.random.default_rng(self._seed)
        return [self._space.sample(generator) for _ in range(points)]

    def _point_of(self, arch: Architecture) -> Point:
        point = self._space.point_of(arch)
        assert point is not None, "the largest network is of the space"
        return point
