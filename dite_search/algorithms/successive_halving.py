"""Asynchronous successive halving for several objectives: which trainings go on at a rung, and which stop.

A rung is an epoch at which decisions fall (Li et al. 2020, arXiv:1810.05934, in the variant that stops trials where theirs
promotes them). With one objective a trial is placed by its score; with several it is placed by its rank, as in NSGA-II
(Deb et al. 2002, doi:10.1109/4235.996017), and within a rank by how much of the objective space it alone covers.

Arrays: ``rows`` (n, m), a row a trial and a column an objective, all minimised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dite_search.algorithms.dominance_ranks import ranked_rows
from dite_search.config.rungs import check_reduction
from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.common.objectives import SIGNS

Array = NDArray[np.float64]
Key = str | int

EXACT_COLUMNS = 2
"""The number of objectives up to which contributions are exact volumes.

Exact volumes of a whole rank take one sort. With three or more objectives they would take seconds, and crowding distances
stand in for them.
"""
CORNER_MARGIN = 0.1
"""How far past the worst value of its rung, in the range of all values there, volumes end: the ends of a rank count too."""


class Rungs:
    """The scores of all trials at every rung, and the decision which trials go on.

    At a rung a trial is placed among all trials that ever reached it, itself included: by rank, then by contribution
    (`contributions`). Trials that tie share the better place. Of n trials it goes on from place n / ``reduction_factor`` or
    better, at the least from the first. It also goes on whenever nothing at the rung dominates it. So no trial on the front
    of its rung ever stops, nor does the first to come. A decision depends on which trials reached the rung before, not on
    their order.

    A rung holds scores of exactly its epoch. A trial that skipped a rung (an epoch without a score, a start after it) is
    neither judged nor recorded there. The score of a longer training would dominate, and stop, trials that are on the front
    among their equals. It is judged at the next rung that it reports at. One trial has one record and one decision at a
    rung, the first. A training that goes on reports epochs again, and no late number can change record or decision. Memory
    is one row a trial and rung.

    Args:
        epochs: The epochs of the rungs, as of `rung_epochs`.
        directions: ``minimize`` or ``maximize`` for each value.
        reduction_factor: The number of trials of which one goes on.
        least: The score in a maximised objective that a trial must have before a rung stops anybody. While no network has
            learned anything, only the costs would decide, and would stop all networks but the cheapest.
        learned: The place of the learned objective; where it is minimised, a trial has to score as little in it.

    Raises:
        InvalidInput: an epoch is below 1, a direction is unknown or missing, or the factor is not above 1.
    """

    def __init__(
        self,
        epochs: Sequence[int],
        directions: Sequence[str],
        reduction_factor: float,
        *,
        least: float = -math.inf,
        learned: int | None = None,
    ) -> None:
        check_reduction(reduction_factor)
        if any(epoch < 1 for epoch in epochs):
            raise InvalidInput(f"epochs of rungs must be at least 1, got {list(epochs)}")
        if not directions:
            raise InvalidInput("directions must not be empty: a decision needs an objective")
        check_names("direction", directions, SIGNS)
        self._signs = np.array([SIGNS[direction] for direction in directions])
        self._reduction, self._least, self._learned = reduction_factor, least, learned
        self._rungs = {epoch: _Rung(len(directions)) for epoch in sorted(set(epochs))}

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs at which decisions fall, ascending."""
        return tuple(self._rungs)

    @property
    def counts(self) -> dict[int, int]:
        """How many trials have reached each rung."""
        return {epoch: len(rung.decisions) for epoch, rung in self._rungs.items()}

    @property
    def sparing(self) -> set[int]:
        """The rungs at which a trial went on only because nobody there has scored enough."""
        return {epoch for epoch, rung in self._rungs.items() if rung.spared}

    def report(self, key: Key, epoch: int, values: Sequence[float]) -> bool:
        """Record what a trial scored after an epoch, and say whether it goes on; True at epochs that are no rungs.

        Raises:
            InvalidInput: at a rung, a value is missing or not finite.
        """
        rung = self._rungs.get(epoch)
        if rung is None:
            return True
        if key not in rung.decisions:
            rank = rung.insert(self._minimised(values))
            goes_on = rung.newest_goes_on(rank, self._reduction)
            if not goes_on and not self._tells(rung):
                goes_on, rung.spared = True, True
            rung.decisions[key] = goes_on
        return rung.decisions[key]

    def add(self, key: Key, epoch: int, values: Sequence[float]) -> None:
        """Record what a trial scored in the part of a search that lies behind, which decides nothing anew.

        Such a trial went on: a stopped one does not come back, and any other was let go on before the search was cut off.

        Raises:
            InvalidInput: as `report`.
        """
        rung = self._rungs.get(epoch)
        if rung is not None and key not in rung.decisions:
            rung.insert(self._minimised(values))
            rung.decisions[key] = True

    def _tells(self, rung: _Rung) -> bool:
        """Whether a trial at the rung has scored enough for its decisions to mean anything."""
        if self._learned is not None and self._signs[self._learned] > 0:
            return bool(rung.best[self._learned] <= self._least)
        scores = -rung.best[self._signs < 0]
        return not len(scores) or bool((scores >= self._least).any())

    def _minimised(self, values: Sequence[float]) -> Array:
        row = np.asarray(values, np.float64)
        if row.shape != self._signs.shape:
            raise InvalidInput(f"values must be one for each of {len(self._signs)} directions, got shape {row.shape}")
        if not np.isfinite(row).all():
            raise InvalidInput(f"values must be finite, got {row.tolist()}")
        signed: Array = row * self._signs
        return signed


class _Rung:
    """One rung: its rows by rank, and the extremes of all of them."""

    def __init__(self, columns: int) -> None:
        self._ranked = ranked_rows(columns)
        self.best, self._worst = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.decisions: dict[Key, bool] = {}
        self.spared = False

    def insert(self, row: Array) -> int:
        """Add a row; its rank."""
        self.best, self._worst = np.minimum(self.best, row), np.maximum(self._worst, row)
        return self._ranked.insert(row)

    def newest_goes_on(self, rank: int, reduction_factor: float) -> bool:
        """Whether the newest row, of this rank, is among the best ``1 / reduction_factor``, or nothing dominates it."""
        if rank == 0:
            return True
        places, before = max(1.0, len(self._ranked) / reduction_factor), self._ranked.below(rank)
        if before + 1 > places:
            return False
        peers = self._ranked.of(rank)
        if before + len(peers) <= places:
            return True
        # The newest is the last.
        shares = contributions(peers, self.best, self._worst)
        return bool(before + np.count_nonzero(shares > shares[-1]) + 1 <= places)


def contributions(rows: Array, best: Array, worst: Array) -> Array:
    """How much each row of one rank adds to what the rank covers: (n, m) to (n,), copies of one row adding nothing.

    With one or two objectives it is the exclusive hypervolume of each row, up to a corner past ``worst`` (m,). With more it
    is the crowding distance (Deb et al. 2002), without bound at the ends of the rank. ``best`` and ``worst`` are the
    extremes of the whole rung, whose range is the unit of each objective.
    """
    span = np.where(worst > best, worst - best, 1.0)
    unique, place, copies = np.unique((rows - best) / span, axis=0, return_inverse=True, return_counts=True)
    if unique.shape[1] <= EXACT_COLUMNS:
        shares = _exclusive_volumes(unique, (worst - best) / span + CORNER_MARGIN)
    else:
        shares = _crowding(unique)
    found: Array = np.where(copies > 1, 0.0, shares)[place.reshape(-1)]
    return found


def _exclusive_volumes(rows: Array, corner: Array) -> Array:
    """`contributions` of distinct rows of one rank in lexicographic order: the box up to the next row in each objective."""
    first = np.append(rows[1:, 0], corner[0]) - rows[:, 0]
    if rows.shape[1] == 1:
        return first
    second = np.append(corner[1], rows[:-1, 1]) - rows[:, 1]
    volumes: Array = first * second
    return volumes


def _crowding(rows: Array) -> Array:
    """The distance between the neighbours of each row, summed over the objectives."""
    distances = np.zeros(len(rows))
    for column in rows.T:
        order = np.argsort(column, kind="stable")
        padded = np.concatenate([[-np.inf], column[order], [np.inf]])
        distances[order] += padded[2:] - padded[:-2]
    return distances
