"""The ranks of rows that come one by one: 0 where nothing dominates a row, else one more than the rows that do.

A rank is the length of the longest chain of rows that each dominate the next and end at the row. All columns are minimised.
A new row can only push the rows that it dominates, each by one. Rank by rank, the rows pushed out push the rows that they
dominate in the next. Where they are the whole of their rank, every later rank shifts as it stands (the update of levels by
Li et al. 2017, doi:10.1109/TCYB.2016.2621008).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ranks = NDArray[np.int32]


class RankedRows(Protocol):
    """Rows (m,), in the order in which they come."""

    def __len__(self) -> int: ...

    def insert(self, row: Array) -> int:
        """Add a row; its rank."""

    def below(self, rank: int) -> int:
        """Return the number of rows of lower ranks."""

    def of(self, rank: int) -> Array:
        """Return the rows (n, m) of a rank, in order."""


def ranked_rows(columns: int) -> RankedRows:
    """Return a place for rows of so many columns."""
    return Staircases() if columns == Staircases.COLUMNS else LeveledRows(columns)


class LeveledRows:
    """Rows of any number of columns, in arrays that double when full."""

    def __init__(self, columns: int) -> None:
        self._rows, self._ranks = np.empty((16, columns)), np.empty(16, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def insert(self, row: Array) -> int:
        """Add a row (m,); its rank."""
        index = self._count
        if index == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._ranks = np.concatenate([self._ranks, np.empty_like(self._ranks)])
        rank = insert_rank(self._rows[:index], self._ranks[:index], row)
        self._rows[index], self._ranks[index] = row, rank
        self._count += 1
        return rank

    def below(self, rank: int) -> int:
        """Return the number of rows of lower ranks."""
        return int(np.count_nonzero(self._ranks[: self._count] < rank))

    def of(self, rank: int) -> Array:
        """Return the rows (n, m) of a rank, in order."""
        rows: Array = self._rows[: self._count][self._ranks[: self._count] == rank]
        return rows


class Staircases:
    """Rows of two columns: those of a rank are a staircase, on which one column rises while the other falls.

    What a part of a staircase dominates of the next is one part of that, found at its two ends. So a row costs two searches
    a rank (Buzdalov et al. 2015, doi:10.1145/2739480.2754789), which matters where two columns nearly agree and ranks are
    many.
    """

    COLUMNS = 2

    def __init__(self) -> None:
        # Each with its rows as (first, -second, number) in rising order, so that equal rows stand side by side.
        self._steps: list[list[tuple[float, float, int]]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def insert(self, row: Array) -> int:
        """Add a row (2,); its rank."""
        step = (float(row[0]), -float(row[1]), self._count)
        self._count += 1
        rank = bisect_left(self._steps, True, key=lambda steps: not _dominated(step, steps))
        level, coming = rank, [step]
        while coming:
            if level == len(self._steps):
                self._steps.append(coming)
                break
            steps = self._steps[level]
            begin, end = _dominated_part(coming, steps)
            pushed, steps[begin:end] = steps[begin:end], coming
            if len(steps) == len(coming):
                # The whole rank was pushed, and every later one shifts as it stands.
                self._steps.insert(level + 1, pushed)
                break
            coming, level = pushed, level + 1
        return rank

    def below(self, rank: int) -> int:
        """Return the number of rows of lower ranks."""
        return sum(map(len, self._steps[:rank]))

    def of(self, rank: int) -> Array:
        """Return the rows (n, 2) of a rank, in order."""
        return np.array([(first, -second) for first, second, _ in sorted(self._steps[rank], key=lambda each: each[2])])


def _dominated(step: tuple[float, float, int], steps: list[tuple[float, float, int]]) -> bool:
    """Whether a row of a staircase dominates another: if one does, the last that is no worse in the first column does."""
    place = bisect_right(steps, step[0], key=lambda each: each[0]) - 1
    return place >= 0 and steps[place][1] >= step[1] and steps[place][:2] != step[:2]


def _dominated_part(coming: list[tuple[float, float, int]], steps: list[tuple[float, float, int]]) -> tuple[int, int]:
    """Return where the rows begin and end that one of a part of the staircase before dominates."""
    begin = bisect_left(steps, coming[0][0], key=lambda each: each[0])
    end = bisect_right(steps, coming[-1][1], begin, key=lambda each: each[1])
    if begin < end and steps[begin][:2] == coming[0][:2]:
        # An equal row, beside which the new one belongs: neither dominates the other, nor anything else here.
        return begin, begin
    return begin, end


def insert_rank(rows: Array, ranks: Ranks, row: Array) -> int:
    """The rank of a new row among ``rows``, whose ``ranks`` are brought up to date in place."""
    no_worse, no_better = _all_columns(rows, row, np.less_equal), _all_columns(rows, row, np.greater_equal)
    dominating = ranks[no_worse & ~no_better]
    first = int(dominating.max()) + 1 if len(dominating) else 0
    behind = np.flatnonzero(no_better & ~no_worse & (ranks >= first))
    levels = ranks[behind].copy()
    arriving, pushed, rank = behind[:0], behind[levels == first], first
    while len(pushed):
        if len(pushed) == np.count_nonzero(ranks == rank):
            ranks[ranks >= rank] += 1
            break
        reached = behind[levels == rank + 1]
        worse = np.ones((len(pushed), len(reached)), np.bool_)
        for better, other in zip(rows[pushed].T, rows[reached].T, strict=True):
            worse &= better[:, None] <= other
        ranks[arriving] = rank
        arriving, pushed, rank = pushed, reached[worse.any(axis=0)], rank + 1
    ranks[arriving] = rank
    return first


def _all_columns(rows: Array, row: Array, compare: np.ufunc) -> NDArray[np.bool_]:
    """Where a comparison with ``row`` holds in every column."""
    mask = np.ones(len(rows), np.bool_)
    for column, value in zip(rows.T, row, strict=True):
        mask &= compare(column, value)
    return mask
