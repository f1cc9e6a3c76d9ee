"""Final scores of trainings that have begun: from their curves, and from all other trainings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky

from dite_search.algorithms.cost_aware.surrogate import JITTER, Kernel, Observations

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The expected final scores (n,) of trainings, and their deviations (n,), chance of the training included."""

    means: Array
    deviations: Array


def without_own(kernel: Kernel, data: Observations) -> Forecast:
    """Return the final score of each training: what all others let expect of it, and what its own curve says."""
    noise = kernel.noise + JITTER + data.extra / kernel.spread**2
    known = kernel.between(data.features, data.features) + np.diag(noise)
    inverse = cho_solve((cholesky(known, lower=True, check_finite=False), True), np.eye(len(known)), check_finite=False)
    precision = np.diag(inverse)
    means = data.scores - kernel.spread * (inverse @ ((data.scores - kernel.mean) / kernel.spread)) / precision
    # The variance of a left out row has the noise of its curve, which the final score does not have.
    variances = np.maximum(kernel.spread**2 / precision - data.extra, kernel.spread**2 * kernel.noise)
    share = variances / (variances + data.extra)
    return Forecast(means=means + share * (data.scores - means), deviations=np.sqrt(variances * (1.0 - share)))
