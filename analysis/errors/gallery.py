"""Whom to show: the best, the middling and the worst by OKS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Rows of people, best first in each: nobody is shown twice."""

    best: tuple[int, ...]
    median: tuple[int, ...]
    worst: tuple[int, ...]


def choose(oks: Array, count: int) -> Chosen:
    """``count`` people (1 or more) each from the top, the middle and the bottom of (N,) OKS, fewer where N is small.

    People without an OKS are left out, and equal ones stand in their order.
    """
    assert count >= 1, count
    order: NDArray[np.int64] = np.argsort(-oks, kind="stable")
    order = order[np.isfinite(oks[order])]
    each = min(count, max(1, len(order) // 3))
    best = order[:each].tolist()
    left = order[each:]
    worst = left[max(0, len(left) - each) :].tolist()
    left = left[: max(0, len(left) - each)]
    # The middle of everybody, which is the middle of those left: as many were taken on either side.
    start = max(0, (len(left) - each) // 2)
    return Chosen(best=tuple(best), median=tuple(left[start : start + each].tolist()), worst=tuple(worst))
