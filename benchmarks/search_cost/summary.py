"""The tables: epochs until parts of the hypervolume are reached, medians and quartiles over the seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.study.trial_status import TrialStatus
from benchmarks.search_cost.competitors import Competitor
from benchmarks.search_cost.runs import Run

FRACTIONS = (0.9, 0.99)
RESAMPLES = 10_000
Vector = NDArray[np.float64]


def best_peer(competitors: Sequence[Competitor], runs: Mapping[str, Sequence[Run]]) -> Competitor:
    """The peer with the lowest median at the last fraction."""
    peers = [competitor for competitor in competitors if competitor.group == "peer"]
    return min(peers, key=lambda competitor: median_to(runs[competitor.name], FRACTIONS[-1]))


def markdown(
    competitors: Sequence[Competitor], runs: Mapping[str, Sequence[Run]], *, epochs: int, against: Sequence[Competitor]
) -> str:
    """A row for each competitor: median epochs (quartiles), seeds that never arrived, and its median over others'."""
    heads = [f"epochs to {fraction:.0%}" for fraction in FRACTIONS]
    heads += ["never", "trainings: complete, stopped", *(f"over {other.label}" for other in against)]
    lines = [f"| search | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for competitor in competitors:
        own = runs[competitor.name]
        reached = [_quartiles(own, fraction, epochs) for fraction in FRACTIONS]
        never = sum(math.isinf(run.epochs_to(FRACTIONS[-1])) for run in own)
        counts = ", ".join(
            f"{np.median([run.trials[status] for run in own]):.0f}" for status in (TrialStatus.COMPLETE, TrialStatus.STOPPED)
        )
        cells = [*reached, f"{never} of {len(own)}", counts, *(_ratio(own, runs[other.name]) for other in against)]
        lines.append(f"| {competitor.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def median_to(runs: Sequence[Run], fraction: float) -> float:
    """Median epochs over the seeds; infinity where most never arrived."""
    return float(_quantiles(runs, fraction)[1])


def interval(ours: Sequence[Run], theirs: Sequence[Run], fraction: float, *, seed: int = 0) -> tuple[float, float]:
    """95 % of the ratios of the medians when the seeds of both are drawn again (percentile bootstrap)."""
    generator = np.random.default_rng(seed)
    ratios = []
    first, second = _epochs(ours, fraction), _epochs(theirs, fraction)
    for _ in range(RESAMPLES):
        above = _quantile(generator.choice(first, len(first)), 0.5)
        below = _quantile(generator.choice(second, len(second)), 0.5)
        ratios.append(above / below if math.isfinite(above) else math.inf)
    low, high = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    return float(low), float(high)


def _epochs(runs: Sequence[Run], fraction: float) -> Vector:
    return np.array([run.epochs_to(fraction) for run in runs])


def _quantiles(runs: Sequence[Run], fraction: float) -> Vector:
    values = _epochs(runs, fraction)
    return np.array([_quantile(values, part) for part in (0.25, 0.5, 0.75)])


def _quantile(values: Vector, part: float) -> float:
    """The mean of the smallest value with at least ``part`` up to it and the largest with at least the rest from it on.

    For a half this is the usual median; unlike interpolation it stays defined beside values that are infinite.
    """
    ordered, place = np.sort(values), part * len(values)
    return float(ordered[math.ceil(place) - 1] + ordered[math.floor(place)]) / 2


def _quartiles(runs: Sequence[Run], fraction: float, epochs: int) -> str:
    low, middle, high = (
        f"{value:,.0f}" if math.isfinite(value) else f"> {epochs:,}" for value in _quantiles(runs, fraction)
    )
    return f"{middle} ({low} to {high})"


def _ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> str:
    above, below = median_to(ours, FRACTIONS[-1]), median_to(theirs, FRACTIONS[-1])
    if math.isinf(below):
        return "–"
    return f"{above / below:.2f}" if math.isfinite(above) else "–"
