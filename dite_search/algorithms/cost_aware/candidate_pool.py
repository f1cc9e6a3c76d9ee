"""The candidates that are compared for one suggestion: all points of a small space, or random ones and variants of the best.

Generators are seeded by the purpose of a draw, never by draws before it. So a pool follows from the seed, the number of the
trial and the front. What is kept from one suggestion to the next only saves time.
"""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dite_search.algorithms.cost_aware.candidates import Candidates, Point
from dite_search.algorithms.cost_aware.history import HistorySchema
from search_spaces.common.errors import InvalidInput

Array = NDArray[np.float64]

SLICES = 16
"""Random candidates are kept in so many slices, the oldest of which is replaced …"""
TRIALS_PER_SLICE = 4
"""… after so many trials."""
DRAWS = 8
"""Draws for each random candidate that is wanted, where many are not allowed or are drawn twice."""
RANDOM_SHARE = 0.6
"""Part of the pool that is random; the rest are variants of the front."""
PARENTS = 32
"""Members of the front whose variants are looked at."""
CROSSOVERS = 8
"""Crossovers of the front for each suggestion."""
MAX_SCANNED_POOLS = 10
"""A space of up to so many pools is looked through when a pool holds nothing new."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Allowed points with their keys (no key twice), ``features`` (n, d) and ``costs`` (n, k)."""

    points: tuple[Point, ...]
    keys: tuple[str, ...]
    features: Array
    costs: Array

    def subset(self, places: Iterable[int]) -> Pool:
        """The candidates at some places."""
        chosen = list(places)
        return Pool(
            points=tuple(self.points[i] for i in chosen),
            keys=tuple(self.keys[i] for i in chosen),
            features=self.features[chosen],
            costs=self.costs[chosen],
        )

    def without(self, keys: set[str]) -> Pool:
        """The candidates that have none of these keys."""
        return self.subset(i for i, key in enumerate(self.keys) if key not in keys)

    def __len__(self) -> int:
        return len(self.points)


class Pools:
    """Draws pools of about ``size`` candidates with the costs that the ``schema`` of the trials names."""

    def __init__(self, candidates: Candidates, schema: HistorySchema, *, size: int, seed: int) -> None:
        self._candidates, self._schema, self._size, self._seed = candidates, schema, size, seed
        count = candidates.count()
        """Whether a pool holds every point."""
        self.complete = count is not None and count <= size
        self._scannable = count is not None and count <= MAX_SCANNED_POOLS * size
        self._slice = functools.lru_cache(2 * SLICES)(self._draw_slice)
        self._variants = functools.lru_cache(8 * PARENTS)(self._draw_variants)
        self._enumerated = functools.lru_cache(1)(lambda: self.of(candidates.points()))

    def draw(self, number: int, front: Sequence[tuple[str, Point]], fixed: Mapping[str, Any]) -> Pool:
        """The candidates for the trial of this number, all with the ``fixed`` values.

        Raises:
            InvalidInput: no candidate that is allowed was found.
        """
        pool = self._enumerated() if self.complete else self._drawn(number, front)
        if fixed:
            pool = self.of({**point, **fixed} for point in pool.points)
        if not len(pool):
            values = " and ".join(f"{name} {value!r}" for name, value in fixed.items())
            raise InvalidInput(
                f"candidates must include one that is allowed{f' with {values}' if fixed else ''}, found none"
            )
        return pool

    def rest(self, keys: set[str], fixed: Mapping[str, Any]) -> Pool:
        """Every point that has none of these keys, where there are few enough points to look at all; otherwise nothing."""
        if self.complete or not self._scannable:
            return self.of(())
        points = ({**point, **fixed} for point in self._candidates.points())
        return self.of(itertools.islice((p for p in points if self._candidates.key(p) not in keys), self._size))

    def near(self, points: Sequence[Point], count: int, number: int) -> Pool:
        """``count`` mutations of each point, drawn for this trial."""
        generator = np.random.default_rng([self._seed, 3, number])
        return self.of([self._candidates.mutate(point, generator) for point in points for _ in range(count)])

    def of(self, points: Iterable[Point]) -> Pool:
        """A pool of those points that are allowed."""
        known: dict[str, tuple[Point, Array, tuple[float, ...]]] = {}
        for point in points:
            costs = self._candidates.costs(point)
            if costs is not None:
                values = self._schema.known_costs(costs)
                known.setdefault(self._candidates.key(point), (point, self._candidates.features(point), values))
        rows = list(known.values())
        return Pool(
            points=tuple(point for point, _, _ in rows),
            keys=tuple(known),
            features=np.array([features for _, features, _ in rows]).reshape(len(rows), -1 if rows else 0),
            costs=np.array([costs for _, _, costs in rows]).reshape(len(rows), len(self._schema.costs)),
        )

    def _drawn(self, number: int, front: Sequence[tuple[str, Point]]) -> Pool:
        newest = number // TRIALS_PER_SLICE + SLICES
        slices = [self._slice(index) for index in range(newest - SLICES, newest)]
        chosen = np.linspace(0, len(front) - 1, min(len(front), PARENTS)).round().astype(int)
        variants = [self._variants(front[i][0], tuple(front[i][1].items())) for i in chosen]
        return joined([*slices, *variants, self._crossed(number, [point for _, point in front])])

    def _draw_slice(self, index: int) -> Pool:
        generator, wanted = np.random.default_rng([self._seed, 1, index]), max(1, round(RANDOM_SHARE * self._size / SLICES))
        found: dict[str, Point] = {}
        for _ in range(DRAWS * wanted):
            if len(found) == wanted:
                break
            point = self._candidates.sample(generator)
            if self._candidates.costs(point) is not None:
                found.setdefault(self._candidates.key(point), point)
        return self.of(found.values())

    def _draw_variants(self, key: str, items: tuple[tuple[str, Any], ...]) -> Pool:
        generator = np.random.default_rng([self._seed, 2, zlib.crc32(key.encode())])
        parent, found = dict(items), []
        for index in range(max(1, round((1.0 - RANDOM_SHARE) * self._size / PARENTS))):
            once = self._candidates.mutate(parent, generator)
            found.append(self._candidates.mutate(once, generator) if index % 3 == 2 else once)
        return self.of(found)

    def _crossed(self, number: int, front: list[Point]) -> Pool:
        if len(front) < 2:
            return self.of(())
        generator = np.random.default_rng([self._seed, 4, number])
        pairs = [generator.choice(len(front), 2, replace=False) for _ in range(CROSSOVERS)]
        return self.of([self._candidates.crossover(front[a], front[b], generator) for a, b in pairs])


def joined(pools: Sequence[Pool]) -> Pool:
    """Several pools as one; of candidates with one key the first is kept."""
    full = [pool for pool in pools if len(pool)]
    if not full:
        return pools[0]
    keys = [key for pool in full for key in pool.keys]
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        first.setdefault(key, index)
    whole = Pool(
        points=tuple(point for pool in full for point in pool.points),
        keys=tuple(keys),
        features=np.vstack([pool.features for pool in full]),
        costs=np.vstack([pool.costs for pool in full]),
    )
    return whole.subset(first.values())
