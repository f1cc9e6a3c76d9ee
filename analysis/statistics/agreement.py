"""The agreement of a ranking with results: rank correlations, what a choice by the ranking loses, and effects of settings.

Shape legend: n networks. Scores are larger where better, costs are smaller where better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from analysis.pareto.front import hypervolume, non_dominated, reference_point

Vector = NDArray[np.float64]

DIRECTIONS = ("maximize", "minimize")
LEAST_NETWORKS = 4
"""Networks below which a rank correlation says nothing."""
RESAMPLES = 2000
APART_ERRORS = 3.0
"""Standard errors by which two effects differ that are flagged."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Spearman's rank correlation of n networks, with a 95 % interval of a bootstrap over them."""

    rho: float
    low: float
    high: float
    networks: int

    def __str__(self) -> str:
        return f"ρ = {self.rho:.2f} ({self.low:.2f} to {self.high:.2f}), n = {self.networks}"


def agreement_of(foretold: Sequence[float], results: Sequence[float], *, resamples: int = RESAMPLES) -> Agreement | None:
    """Return how two lists (n,) of figures agree in rank; None for too few networks, or where a list is constant.

    Args:
        foretold: The figures of the ranking.
        results: The results of the same networks.
        resamples: The draws of the bootstrap.
    """
    first, second = np.asarray(foretold, np.float64), np.asarray(results, np.float64)
    if len(first) < LEAST_NETWORKS or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    generator, count = np.random.default_rng(0), len(first)
    drawn = [_spearman(first[rows], second[rows]) for rows in generator.integers(0, count, (resamples, count))]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Agreement(rho=_spearman(first, second), low=float(low), high=float(high), networks=count)


@dataclass(frozen=True, kw_only=True)
class SeedShare:
    """The spread of networks beside that of their seeds, in the unit of the scores.

    Args:
        networks: Standard deviation of the networks' true means; 0 where seeds explain all that differs.
        seeds: Standard deviation of the trainings of one network.
        trainings: The mean number of trainings of a network.
        count: The number of networks.
    """

    networks: float
    seeds: float
    trainings: float
    count: int

    @property
    def reliability(self) -> float:
        """The share of the variance of seed means, in [0, 1], that is the networks' own."""
        total = self.networks**2 + self.seeds**2 / self.trainings
        return self.networks**2 / total if total else 0.0

    def __str__(self) -> str:
        return (
            f"{self.count} networks: standard deviation {self.networks:.4f} between networks, {self.seeds:.4f} between seeds"
            f" of one; means over {self.trainings:.3g} seeds have a reliability of {self.reliability:.2f}"
        )


def seed_share(scores: Sequence[Sequence[float]]) -> SeedShare | None:
    """Return the spread of networks and seeds by a one-way analysis of variance, over networks with two trainings or more.

    Args:
        scores: The scores of each network's trainings. None is returned for fewer than two such networks.
    """
    repeated = [np.asarray(values, np.float64) for values in scores if len(values) > 1]
    if len(repeated) < 2:
        return None
    counts = np.array([len(values) for values in repeated], np.float64)
    means = np.array([values.mean() for values in repeated])
    whole = float(counts @ means / counts.sum())
    within = sum(float(((values - mean) ** 2).sum()) for values, mean in zip(repeated, means, strict=True))
    within /= counts.sum() - len(repeated)
    between = float(counts @ (means - whole) ** 2) / (len(repeated) - 1)
    usual = float((counts.sum() - (counts**2).sum() / counts.sum()) / (len(repeated) - 1))
    return SeedShare(
        networks=math.sqrt(max(between - within, 0.0) / usual),
        seeds=math.sqrt(within),
        trainings=float(counts.mean()),
        count=len(repeated),
    )


def regret_within(foretold: Vector, results: Vector, costs: Vector, *, first: int, limits: int = 8) -> float:
    """Return what is lost by training only the ``first`` networks of a ranking, in the mean over limits on the cost.

    A loss is the best result within a limit less the best among those that rank first within it. Limits lie at equal shares
    of the networks.

    Args:
        foretold: The figures of the ranking (n,).
        results: The results (n,), means over seeds.
        costs: The costs (n,).
        first: The networks that are trained within each limit.
        limits: The number of limits.
    """
    losses = []
    for limit in np.quantile(costs, (np.arange(limits) + 1) / limits, method="inverted_cdf"):
        inside = np.flatnonzero(costs <= limit)
        ranked = inside[np.argsort(-foretold[inside], kind="stable")[:first]]
        losses.append(results[inside].max() - results[ranked].max())
    return float(np.mean(losses))


def front_kept(foretold: Vector, results: Vector, costs: Vector) -> float:
    """Return the share of the results' hypervolume that the networks on the ranking's own front hold."""
    values = np.column_stack([results, costs])
    chosen = non_dominated(np.column_stack([foretold, costs]), DIRECTIONS)
    corner = reference_point(values, DIRECTIONS)
    return hypervolume(values[chosen], corner, DIRECTIONS) / hypervolume(values, corner, DIRECTIONS)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect of one value of a setting against the setting's first value.

    Args:
        setting: The name of the setting.
        value: The value.
        foretold: The difference of the mean foretold figures.
        trained: The difference of the mean results.
        error: The standard error of the difference between the two.
    """

    setting: str
    value: Any
    foretold: float
    trained: float
    error: float

    @property
    def is_apart(self) -> bool:
        """Whether the two effects differ by more than `APART_ERRORS` standard errors."""
        return bool(abs(self.foretold - self.trained) > APART_ERRORS * self.error)


def main_effects(settings: Sequence[Mapping[str, Any]], foretold: Vector, results: Vector) -> list[Effect]:
    """Return the effects of every value of every setting that varies, over all other settings.

    The error is that of what a network's other settings leave unexplained in the difference of foretold figure and result.

    Args:
        settings: The settings of each network.
        foretold: The foretold figures (n,).
        results: The results (n,).
    """
    names = list(settings[0])
    levels = {name: sorted({point[name] for point in settings}, key=_order) for name in names}
    columns = [(name, value) for name in names for value in levels[name][1:]]
    design = np.array([[1.0, *(float(point[name] == value) for name, value in columns)] for point in settings])
    effects, left = _fitted(design, np.column_stack([foretold, results, foretold - results]))
    free = max(len(settings) - design.shape[1], 1)
    variance = float(left[:, 2] @ left[:, 2]) / free
    errors = np.sqrt(np.maximum(variance * np.diag(np.linalg.pinv(design.T @ design)), 0.0))
    return [
        Effect(setting=name, value=value, foretold=effects[row, 0], trained=effects[row, 1], error=float(errors[row]))
        for row, (name, value) in enumerate(columns, start=1)
    ]


def _fitted(design: Vector, values: Vector) -> tuple[Vector, Vector]:
    """Return the coefficients of least squares, and what they leave."""
    found: Vector = np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], np.float64)
    left: Vector = values - design @ found
    return found, left


def _spearman(first: Vector, second: Vector) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(spearmanr(first, second).statistic)


def _order(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))
