"""The seconds that an epoch takes, measured, and for a network that was not measured estimated from its costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

MAIN_COST = "mmacs"


def size_of(costs: Mapping[str, float]) -> float:
    """Return the cost that the time of an epoch is estimated from: multiply-accumulates, or the first that is known."""
    return float(costs.get(MAIN_COST, next(iter(costs.values()), 0.0)))


class Pace:
    """The seconds of an epoch by the size of the network: a line through the means of all sizes, never falling.

    The beginning of a training takes time besides, of which the mean is added.
    """

    def __init__(self) -> None:
        self._totals: dict[float, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
        self._starts: tuple[float, int] = (0.0, 0)
        self._line: tuple[float, float] | None = None

    def observe(self, size: float, seconds: float) -> None:
        """Take in an epoch of a network; times that no epoch can have are passed over."""
        if seconds > 0:
            total, count = self._totals[size]
            self._totals[size] = total + seconds, count + 1
            self._line = None

    def observe_start(self, seconds: float) -> None:
        """Take in the time that a training took besides its first epoch."""
        total, count = self._starts
        self._starts = total + max(0.0, seconds), count + 1

    @property
    def start_seconds(self) -> float:
        """The mean time of a training besides its epochs; 0 before one was measured."""
        total, count = self._starts
        return total / count if count else 0.0

    @property
    def mean_seconds(self) -> float | None:
        """The mean of all epochs that were measured; None where none was."""
        count = sum(count for _, count in self._totals.values())
        return sum(total for total, _ in self._totals.values()) / count if count else None

    def seconds(self, size: float | None) -> float | None:
        """Return the seconds of an epoch of a network, of the quickest where its size is None; None if none was measured."""
        if not self._totals:
            return None
        if size is None:
            return min(total / count for total, count in self._totals.values())
        if size in self._totals:
            total, count = self._totals[size]
            return total / count
        self._line = self._line or self._fitted()
        intercept, slope = self._line
        return intercept + slope * size

    def _fitted(self) -> tuple[float, float]:
        sizes = np.array(list(self._totals))
        means = np.array([total / count for total, count in self._totals.values()])
        weights = np.array([count for _, count in self._totals.values()], np.float64)
        weights /= weights.sum()
        middle, level = float(weights @ sizes), float(weights @ means)
        spread = float(weights @ (sizes - middle) ** 2)
        # Of one size alone the time is taken to be that of the size.
        steepest = level / middle if middle > 0 else 0.0
        slope = float(weights @ ((sizes - middle) * (means - level))) / spread if spread > 0 else steepest
        slope = min(max(0.0, slope), steepest)
        return level - slope * middle, slope
