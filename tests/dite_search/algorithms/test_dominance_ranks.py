"""The ranks of rows that come one by one, against ranks that are peeled from the whole table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.algorithms.dominance_ranks import LeveledRows, RankedRows, Staircases, insert_rank, ranked_rows
from tests.dite_search.algorithms.test_successive_halving import minimised, ranks_of, tables


def check(ranked: RankedRows, rows: np.ndarray) -> None:
    for count, row in enumerate(rows, start=1):
        expected = ranks_of(rows[:count])
        assert ranked.insert(row) == expected[-1]
        assert len(ranked) == count
        for rank in range(int(expected.max()) + 1):
            assert ranked.of(rank).tolist() == rows[:count][expected == rank].tolist()
            assert ranked.below(rank) == np.count_nonzero(expected < rank)


@given(tables(rows=40))
def test_ranks_of_any_number_of_columns_are_kept_up_to_date(table: list[tuple[float, ...]]) -> None:
    rows = minimised(table)
    check(LeveledRows(rows.shape[1]), rows)


@given(tables(columns=(2, 2), rows=40))
def test_staircases_are_the_ranks_of_two_columns(table: list[tuple[float, ...]]) -> None:
    check(Staircases(), minimised(table))


@given(tables(rows=40))
def test_ranks_of_an_array_are_brought_up_to_date_in_place(table: list[tuple[float, ...]]) -> None:
    rows = minimised(table)
    ranks = np.empty(len(rows), np.int32)
    for count, row in enumerate(rows):
        ranks[count] = insert_rank(rows[:count], ranks[:count], row)
        assert ranks[: count + 1].tolist() == ranks_of(rows[: count + 1]).tolist()


@given(st.integers(0, 2**32 - 1), st.floats(-1.0, 1.0))
def test_both_ways_rank_hundreds_of_rows_alike(seed: int, agreement: float) -> None:
    """Where columns agree ranks are many, and where they do not their rows are."""
    chance = np.random.default_rng(seed)
    first, other = chance.normal(size=(2, 200))
    rows = np.column_stack([first, agreement * first + (1 - abs(agreement)) * other]).round(2)
    stairs, levels = Staircases(), LeveledRows(2)
    assert [stairs.insert(row) for row in rows] == [levels.insert(row) for row in rows]
    ranks = range(stairs.insert(np.full(2, np.inf)))
    assert [stairs.of(rank).tolist() for rank in ranks] == [levels.of(rank).tolist() for rank in ranks]


@pytest.mark.parametrize(("columns", "kind"), [(1, LeveledRows), (2, Staircases), (3, LeveledRows)])
def test_two_columns_have_a_way_of_their_own(columns: int, kind: type) -> None:
    assert isinstance(ranked_rows(columns), kind)
