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
    """Return the candidate that differs most from those seen.

    The candidates are divided by cost into strata of equal numbers. One of the strata with the fewest seen is taken by
    chance, and in it the candidate whose nearest seen neighbour is farthest. That is a Latin hypercube in the costs, and a
    maximin design in the features (Johnson et al. 1990, doi:10.1016/0378-3758(90)90122-B).

    Args:
        features: The features (n, d) of the candidates.
        costs: Their costs (n, k).
        seen_features: The features (m, d) of what was seen.
        seen_costs: Its costs (m, k).
        strata: The number of strata.
        generator: The source of chance.
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
