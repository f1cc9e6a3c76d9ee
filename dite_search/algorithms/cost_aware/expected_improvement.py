"""Expected hypervolume improvement where one objective, a score, is uncertain and the others, costs, are known exactly.

Scores are maximised, costs minimised. Shape legend: n candidates, f points of the front, k costs (0 to 3), l levels.

A candidate of cost c and score a adds the volume above the front over the costs y that it reaches. That is ∫_{y ≥ c} (a -
A(y))+ dy. A(y) is the best score of the front at costs up to y. A is a staircase: it takes the scores of the front, the
*levels*, on the cells between the costs of the front. So the expectation is Σ_l V_l(c) E[(a - A_l)+], where V_l(c) is the
volume of the cells of level l at or above c. The second factor is the expected improvement of a Gaussian in closed form. V_l
is linear in each cost within a cell. It is therefore interpolated without error from its values at the corners of the cells.
(Yang et al. 2019, doi:10.1016/j.swevo.2018.10.007, decompose the general case, where every objective is uncertain.)
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from search_spaces.common.errors import InvalidInput

Array = NDArray[np.float64]

MAX_LEVELS = {1: 128, 2: 48, 3: 24}
"""Points of the front that are told apart, by number of costs: the table of volumes holds l^(k+1) numbers."""


def expected_improvement(
    mean: ArrayLike,
    deviation: ArrayLike,
    costs: ArrayLike,
    *,
    front_scores: ArrayLike,
    front_costs: ArrayLike,
    reference_score: float,
    reference_costs: ArrayLike,
) -> Array:
    """Return the expected gain in hypervolume (n,) of candidates whose scores are Gaussian.

    Without costs this is the plain expected improvement. It is exact for fronts of up to `MAX_LEVELS` points; of a larger
    one so many, evenly spread over its scores, stand for all.

    Args:
        mean: The expected scores (n,).
        deviation: The standard deviations (n,) of the scores.
        costs: The costs (n, k).
        front_scores: The scores (f,) of the front; dominated points change nothing.
        front_costs: The costs (f, k) of the front.
        reference_score: The score above which volume counts.
        reference_costs: The costs (k,) below which volume counts.

    Raises:
        InvalidInput: there are more than three costs.
    """
    corner = np.asarray(reference_costs, np.float64).reshape(-1)
    count = len(corner)
    if count > max(MAX_LEVELS):
        raise InvalidInput(f"expected improvement takes at most {max(MAX_LEVELS)} costs, got {count}")
    where = np.minimum(np.asarray(costs, np.float64).reshape(np.size(mean), count), corner)
    if not count:
        best = np.asarray(front_scores, np.float64).max(initial=reference_score)
        return _gains(np.asarray(mean), np.asarray(deviation), np.array([best]))[:, 0]
    scores, places = _front(front_scores, front_costs, reference_score, corner)
    levels = np.concatenate([[reference_score], scores])
    lines = [
        np.unique(np.concatenate([places[:, i], where[:, i].min(initial=corner[i], keepdims=True), corner[i : i + 1]]))
        for i in range(count)
    ]
    volumes = _interpolate(_volumes(lines, places, len(levels)), lines, where)
    gains: Array = np.einsum("nl,nl->n", volumes, _gains(np.asarray(mean), np.asarray(deviation), levels))
    return gains


def best_scores(costs: ArrayLike, *, front_scores: ArrayLike, front_costs: ArrayLike, floor: float) -> Array:
    """The best score of a front at costs no higher than each of ``costs`` (n, k); ``floor`` where there is none."""
    scores = np.asarray(front_scores, np.float64).reshape(-1)
    places = np.asarray(front_costs, np.float64).reshape(len(scores), -1)
    where = np.asarray(costs, np.float64).reshape(-1, places.shape[1])
    reached = (places[None, :, :] <= where[:, None, :]).all(axis=2)
    found: Array = np.where(reached, scores[None, :], floor).max(axis=1, initial=floor)
    return found


def _front(front_scores: ArrayLike, front_costs: ArrayLike, floor: float, corner: Array) -> tuple[Array, Array]:
    """The points of a front that count, by rising score, thinned out where they are too many."""
    scores = np.asarray(front_scores, np.float64).reshape(-1)
    places = np.asarray(front_costs, np.float64).reshape(len(scores), len(corner))
    counts = (scores > floor) & (places < corner).all(axis=1)
    scores, places = scores[counts], places[counts]
    order = np.argsort(scores, kind="stable")
    limit = MAX_LEVELS[len(corner)]
    if len(order) > limit:
        order = order[np.linspace(0, len(order) - 1, limit).round().astype(int)]
    return scores[order], places[order]


def _volumes(lines: list[Array], places: Array, levels: int) -> Array:
    """(l, lines of each cost …): the volume of the cells of each level at or above each crossing of lines."""
    best = np.zeros([len(line) - 1 for line in lines], np.intp)
    cells = tuple(np.searchsorted(line, places[:, i]) for i, line in enumerate(lines))
    if len(places):
        np.maximum.at(best, cells, np.arange(1, len(places) + 1))
    sizes = np.ones(())
    for axis, line in enumerate(lines):
        best = np.maximum.accumulate(best, axis=axis)
        sizes = sizes[..., None] * np.diff(line)
    each = np.arange(levels).reshape(-1, *[1] * len(lines))
    table = np.pad(np.where(best[None] == each, sizes, 0.0), [(0, 0), *[(0, 1)] * len(lines)])
    for axis in range(1, len(lines) + 1):
        table = np.flip(np.cumsum(np.flip(table, axis), axis), axis)
    return table


def _interpolate(table: Array, lines: list[Array], where: Array) -> Array:
    """(n, l): a table that is linear in each cost between its lines, at the costs of candidates."""
    cells, shares = [], []
    for axis, line in enumerate(lines):
        if len(line) == 1:
            return np.zeros((len(where), len(table)))
        cell = np.clip(np.searchsorted(line, where[:, axis], side="right") - 1, 0, len(line) - 2)
        cells.append(cell)
        shares.append((where[:, axis] - line[cell]) / (line[cell + 1] - line[cell]))
    found = np.zeros((len(where), len(table)))
    for corner in itertools.product((0, 1), repeat=len(lines)):
        weight = np.ones(len(where))
        for upper, share in zip(corner, shares, strict=True):
            weight = weight * (share if upper else 1.0 - share)
        index = tuple(cell + upper for cell, upper in zip(cells, corner, strict=True))
        found += weight[:, None] * np.moveaxis(table, 0, -1)[index]
    return found


def _gains(mean: Array, deviation: Array, levels: Array) -> Array:
    """(n, l): E[(a - level)+] for a Gaussian a; a deviation of 0 is a score that is certain."""
    spread = np.maximum(np.asarray(deviation, np.float64), 1e-300)[:, None]
    above = np.asarray(mean, np.float64)[:, None] - levels[None, :]
    with np.errstate(over="ignore"):
        z = np.clip(above / spread, -40.0, 40.0)
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    gains: Array = np.where(z >= 40.0, above, spread * (z * ndtr(z) + density))
    return np.maximum(gains, 0.0)
