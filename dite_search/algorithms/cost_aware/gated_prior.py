"""The gate of a figure that may foretell the accuracy: the model reads it only while results so far are better foretold.

Shape legend: n observations, d features besides the figure, which is the last column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dite_search.algorithms.cost_aware.surrogate import Kernel, Observations, Trend, fit_kernel, leave_one_out

Array = NDArray[np.float64]

LEAST_GAIN = 3.0
"""Log likelihood by which the figure has to foretell better, in nats: odds of 20 to 1."""
LEAST_DEVIATION = 1e-9
"""A figure that varies less is the same for all."""


@dataclass(frozen=True, kw_only=True)
class GateState:
    """The state of the gate after some trials.

    Args:
        gain: The log likelihood that the figure adds to results that were left out, in nats.
        trials: The results that were foretold.
    """

    gain: float
    trials: int

    @property
    def is_open(self) -> bool:
        """Whether the model reads the figure."""
        return self.gain >= LEAST_GAIN

    def __str__(self) -> str:
        verdict = "guide the search" if self.is_open else "do not guide the search"
        return (
            f"the supernet's scores {verdict}: they change the log likelihood of {self.trials} results by {self.gain:+.1f},"
            f" and {LEAST_GAIN:g} are needed"
        )


def fit_gated_kernel(data: Observations, told: Callable[[GateState], None] = lambda state: None) -> Kernel:
    """Return the kernel of observations, with a trend in their last column where that has earned its place.

    Args:
        data: The observations, with features (n, d + 1).
        told: Takes the state of the gate.
    """
    plain = dataclasses.replace(data, features=data.features[:, :-1])
    without, trended = fit_kernel(plain), _with_trend(data, plain)
    gain = 0.0 if trended is None else leave_one_out(trended, data) - leave_one_out(without, data)
    state = GateState(gain=gain, trials=len(data.scores))
    told(state)
    return trended if trended is not None and state.is_open else without


def _with_trend(data: Observations, plain: Observations) -> Kernel | None:
    """Return a kernel of what a straight line leaves, with that line; None where the line does not rise.

    A figure that falls while scores rise is no forecast, however well it fits.
    """
    figure, scores = data.features[:, -1], data.scores
    deviation, spread = float(figure.std()), float(scores.std())
    if deviation < LEAST_DEVIATION or spread <= 0.0:
        return None
    places = (figure - figure.mean()) / deviation
    slope = float((places * (scores - scores.mean())).mean())
    if slope <= 0.0:
        return None
    left = fit_kernel(dataclasses.replace(plain, scores=scores - slope * places))
    # Before any trial the slope may be as large as scores and figure agree at most. How large it is, is left to learn.
    trend = Trend(shift=float(figure.mean()), scale=deviation, variance=(spread / left.spread) ** 2)
    return dataclasses.replace(left, mean=float(scores.mean()), trend=trend)
