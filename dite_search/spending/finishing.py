"""The choice of the last tenth: which stopped network promises most for each epoch that it still needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import reference_point
from dite_search.algorithms.cost_aware.expected_improvement import expected_improvement

Array = NDArray[np.float64]

ENOUGH_RISES = 3
"""Whole trainings from which on the spread of their rises is measured; of fewer, that of all their scores stands in."""
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A training as far as it came.

    Args:
        scores: The accuracy by epoch, the higher the better.
        costs: The costs among the objectives.
        epochs_left: The epochs that are missing; 0 for a whole training.
    """

    scores: Mapping[int, float]
    costs: tuple[float, ...]
    epochs_left: int = 0

    @property
    def last(self) -> float:
        """The latest score."""
        return self.scores[max(self.scores)]


def expected_gains(stopped: Sequence[Curve], whole: Sequence[Curve]) -> Array:
    """Return the gain in hypervolume to be expected of each stopped training, for each epoch that it still needs.

    A training is taken to rise from its last scored epoch as whole trainings rose from the same epoch, on average and with
    their spread.

    Args:
        stopped: The stopped trainings, at least one, each with a score.
        whole: The whole trainings.
    """
    finals = np.array([curve.last for curve in whole])
    spread = float(np.std(finals)) if len(finals) > 1 else 0.0
    means, deviations = np.empty(len(stopped)), np.empty(len(stopped))
    for place, curve in enumerate(stopped):
        epoch = max(curve.scores)
        rises = [each.last - each.scores[epoch] for each in whole if epoch in each.scores]
        means[place] = curve.last + (float(np.mean(rises)) if rises else 0.0)
        measured = float(np.std(rises, ddof=1)) if len(rises) >= ENOUGH_RISES else spread
        deviations[place] = max(measured, LEAST_DEVIATION)
    width = len(stopped[0].costs)
    costs = np.array([curve.costs for curve in stopped]).reshape(len(stopped), width)
    front_costs = np.array([curve.costs for curve in whole]).reshape(len(whole), width)
    lowest = min((*finals, *means), default=0.0)
    gains = expected_improvement(
        means,
        deviations,
        costs,
        front_scores=finals,
        front_costs=front_costs,
        reference_score=0.0 if lowest >= 0 else float(lowest) - spread - LEAST_DEVIATION,
        reference_costs=reference_point(np.vstack([costs, front_costs]), ["minimize"] * width) if width else (),
    )
    found: Array = gains / np.array([max(1, curve.epochs_left) for curve in stopped])
    return found
