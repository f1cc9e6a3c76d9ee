"""The yardstick of searches: how good the networks are that a search recommends, judged by the means over their seeds.

A search sees one training of each network, and recommends what did best in it. A lucky network is recommended more often
than it deserves. It is therefore judged by the mean of all its recorded trainings, which training it again will give on
average. Three figures describe a search after so many epochs:

- *regret*: under each of eight cost limits, the seed mean of the best network less that of the recommended network, averaged
  over the limits (`limits_of`). Without a recommendation it is the regret of a network taken by chance.
- *hypervolume of seed means*: that of the networks on the front of what the search saw, as a part of the best there is.
- *hypervolume of what was seen*: the older figure, which rewards luck.

Shape legend: n networks, t trainings.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import hypervolume, non_dominated
from dite_search.simulation.recorded_curves import Curve
from dite_search.simulation.tabular_benchmark import TabularBenchmark
from search_spaces.common.objectives import MAXIMIZE, SIGNS
from search_spaces.space.encoding import LOGARITHMIC_RATIO

Array = NDArray[np.float64]

LIMITS = 8
"""Cost limits under which a search recommends a network."""
TRAININGS = (25, 50, 100)
"""Budgets at which searches are judged, in full trainings."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A training that ran to its last epoch: the network, which of its trainings it was, and all epochs spent by then."""

    epochs: int
    network: str
    training: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The three figures of one search at one budget.

    Args:
        regrets: The regret under each limit.
        means: The hypervolume of seed means, as a part of the best there is.
        seen: The hypervolume of what was seen, as a part of the best that could be seen.
    """

    regrets: tuple[float, ...]
    means: float
    seen: float

    @property
    def regret(self) -> float:
        """The mean of the regrets under all limits."""
        return float(np.mean(self.regrets))


def drawn(seed: int, network: str, count: int) -> int:
    """Return which of a network's trainings a search of this seed sees: the same one for every competitor."""
    return zlib.crc32(f"{seed} {network}".encode()) % count


def limits_of(costs: Array) -> Array:
    """Return eight limits from above the cheapest network to the dearest.

    They are evenly spaced, by their logarithms where the greatest cost is at least `LOGARITHMIC_RATIO` times the least.
    """
    low, high = float(costs.min()), float(costs.max())
    parts = np.arange(1, LIMITS + 1) / LIMITS
    found: Array = low * (high / low) ** parts if 0 < LOGARITHMIC_RATIO * low <= high else low + (high - low) * parts
    # The last one is the dearest network, whatever rounding makes of it.
    found[-1] = high
    return found


class Yardstick:
    """The truth about a table, and the figures of searches over it.

    The first objective that is learned is the score, and the first of the others the cost that is limited.
    """

    def __init__(self, table: TabularBenchmark) -> None:
        self.table = table
        objectives, accuracy = table.config.objectives, table.config.accuracy
        self._score = objectives.index(accuracy)
        self.sign = -SIGNS[table.directions[self._score]]
        self.cost = next(name for name in objectives if name != accuracy)
        self._names = list(table.points)
        self._rows = {name: row for row, name in enumerate(self._names)}
        self._finals = [np.array([curve[-1][accuracy] for curve in table.curves[name]]) for name in self._names]
        values = table.values()
        self._costs: Array = values[:, objectives.index(self.cost)]
        self._means = values.copy()
        self._means[:, self._score] = [finals.mean() for finals in self._finals]
        self.limits = limits_of(self._costs)

    def curve(self, seed: int, network: str, repeat: int) -> Curve:
        """Return the curve that a search of this seed sees of a network's training number ``repeat``."""
        return self.table.curve(network, self.training(seed, network, repeat))

    def training(self, seed: int, network: str, repeat: int) -> int:
        """Return which training that is."""
        count = len(self._finals[self._rows[network]])
        return (drawn(seed, network, count) + repeat) % count

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the costs and of every final score, which tells one table from another."""
        return hashlib.sha256(b"".join(part.tobytes() for part in (self._costs, *self._finals))).hexdigest()

    @cached_property
    def seeds(self) -> tuple[int, int]:
        """The least and the most trainings of a network."""
        counts = [len(finals) for finals in self._finals]
        return min(counts), max(counts)

    @cached_property
    def _best(self) -> tuple[Array, Array]:
        """Under each limit, the best seed mean and the mean of all networks, larger where better."""
        means = self.sign * self._means[:, self._score]
        within = [means[self._costs <= limit] for limit in self.limits]
        return np.array([part.max() for part in within]), np.array([part.mean() for part in within])

    @cached_property
    def _whole(self) -> float:
        return self._volume(self._means)

    def _volume(self, values: Array) -> float:
        return hypervolume(values, self.table.reference, self.table.directions)

    def _seen(self, seed: int) -> Array:
        """Return the objectives of every network as a search of this seed would see them (n, m)."""
        values = self._means.copy()
        chosen = (drawn(seed, name, len(finals)) for name, finals in zip(self._names, self._finals, strict=True))
        values[:, self._score] = [finals[place] for finals, place in zip(self._finals, chosen, strict=True)]
        return values

    def figures(self, ended: Sequence[Ended], *, seed: int, budgets: Sequence[int]) -> list[Figures]:
        """Return the figures of a search after each of some numbers of epochs."""
        whole = self._volume(self._seen(seed))
        return [self._figures([one for one in ended if one.epochs <= budget], whole) for budget in budgets]

    def _figures(self, ended: Sequence[Ended], whole: float) -> Figures:
        if not ended:
            best, chance = self._best
            return Figures(regrets=tuple((best - chance).tolist()), means=0.0, seen=0.0)
        rows = np.array([self._rows[one.network] for one in ended], np.intp)
        seen = self._means[rows]
        seen[:, self._score] = [self._finals[self._rows[one.network]][one.training] for one in ended]
        front = non_dominated(seen, self.table.directions)
        return Figures(
            regrets=self._regrets(rows, self.sign * seen[:, self._score]),
            means=self._volume(self._means[rows][front]) / self._whole,
            seen=self._volume(seen) / whole,
        )

    def _regrets(self, rows: NDArray[np.intp], scores: Array) -> tuple[float, ...]:
        """Return the regret under each limit; of networks that scored alike the cheapest is recommended."""
        best, chance = self._best
        found = []
        for limit, most, mean in zip(self.limits, best, chance, strict=True):
            within = np.flatnonzero(self._costs[rows] <= limit)
            if not len(within):
                found.append(float(most - mean))
                continue
            place = within[np.lexsort((self._costs[rows[within]], -scores[within]))[0]]
            found.append(float(most - self.sign * self._means[rows[place], self._score]))
        return tuple(found)


def larger_is_better(table: TabularBenchmark) -> bool:
    """Whether the score of a table is better where larger."""
    return table.directions[table.config.objectives.index(table.config.accuracy)] == MAXIMIZE


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two searches compared over the seeds that both have: means, their difference and their ratio, with 95 % intervals."""

    ours: float
    others: float
    difference: float
    interval: tuple[float, float]
    ratio: float
    ratio_interval: tuple[float, float]


def paired(ours: Mapping[int, float], others: Mapping[int, float], *, seed: int = 0, resamples: int = 10_000) -> Paired:
    """Return how this search compares with another; the intervals are those of a percentile bootstrap over the seeds.

    Raises:
        ValueError: the two have no seed in common.
    """
    common = sorted(ours.keys() & others.keys())
    if not common:
        raise ValueError("two searches must have a seed in common to be compared")
    pairs = np.array([(ours[one], others[one]) for one in common])
    chosen = np.random.default_rng(seed).integers(len(pairs), size=(resamples, len(pairs)))
    first, second = pairs[chosen].mean(axis=1).T
    low, high = np.quantile(first - second, (0.025, 0.975))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.nan_to_num(first / second, nan=1.0, posinf=np.inf)
    least, most = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    own, other = pairs.mean(axis=0)
    return Paired(
        ours=float(own),
        others=float(other),
        difference=float(own - other),
        interval=(float(low), float(high)),
        ratio=float(own / other) if other else 1.0 if not own else float("inf"),
        ratio_interval=(float(least), float(most)),
    )
