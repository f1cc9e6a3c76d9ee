"""The first suggestions, before there is anything to learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def most_different(
    features: Array,
    costs: Array,
    *,
    seen_features: Array,
    seen_costs: Array,
    strata: int,
    generator: np.random.Generator,
) -> int:
    """Which of n candidates, ``features`` (n, d) and ``costs`` (n, k), differs most from those seen (m, d), (m, k).

    The candidates are divided by cost into ``strata`` of equal numbers. One of those that the fewest of the seen fall into
    is taken by chance, and in it the candidate whose nearest neighbour among the seen is farthest: a Latin hypercube in the
    costs, and a maximin design (Johnson et al. 1990, doi:10.1016/0378-3758(90)90122-B) in the features.
    """
    own, other = _strata(costs, costs, strata), _strata(seen_costs, costs, strata)
    counts = np.bincount(other, minlength=strata)
    present = np.unique(own)
    fewest = present[counts[present] == counts[present].min()]
    inside = np.flatnonzero(own == generator.choice(fewest))
    if not len(seen_features):
        return int(generator.choice(inside))
    scale = np.where(features.std(axis=0) > 1e-9, features.std(axis=0), 1.0)
    apart = (features[inside, None, :] - seen_features[None, :, :]) / scale
    return int(inside[np.argmax((apart**2).sum(axis=2).min(axis=1))])


def _strata(costs: Array, among: Array, strata: int) -> NDArray[np.intp]:
    """The stratum of each of ``costs`` (m, k), by its mean rank over the costs ``among`` (n, k)."""
    if not among.shape[1] or not len(costs):
        return np.zeros(len(costs), np.intp)
    ranks = [np.searchsorted(np.sort(column), values) / len(among) for column, values in zip(among.T, costs.T, strict=True)]
    found: NDArray[np.intp] = np.minimum((np.mean(ranks, axis=0) * strata).astype(np.intp), strata - 1)
    return found
