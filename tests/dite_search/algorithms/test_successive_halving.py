"""The trials that go on at a rung, against brute force over the whole table of reports there."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.front import hypervolume, non_dominated
from dite_search.algorithms.successive_halving import CORNER_MARGIN, Rungs, contributions
from search_spaces.common.errors import InvalidInput

SIDES = ("minimize", "maximize", "minimize", "maximize")
FACTORS = st.sampled_from([1.5, 2.0, 3.0, 4.0])


@st.composite
def tables(draw: st.DrawFn, columns: tuple[int, int] = (1, 4), rows: int = 24) -> list[tuple[float, ...]]:
    """Draw the reports of trials at a rung, in order: small whole numbers, so that ties and copies are common."""
    count = draw(st.integers(*columns))
    size = draw(st.sampled_from([2, 4, 9]))
    return draw(st.lists(st.tuples(*[st.integers(-1, size).map(float)] * count), min_size=1, max_size=rows))


def sides_of(table: Sequence[tuple[float, ...]]) -> tuple[str, ...]:
    return SIDES[: len(table[0])]


def minimised(table: Sequence[tuple[float, ...]]) -> np.ndarray:
    return np.array(table) * np.where(np.array(sides_of(table)) == "maximize", -1.0, 1.0)


def rungs_for(table: Sequence[tuple[float, ...]], factor: float, epoch: int = 3) -> Rungs:
    return Rungs([epoch], sides_of(table), factor)


def decisions(rungs: Rungs, table: Sequence[tuple[float, ...]], first: int = 0) -> list[bool]:
    return [rungs.report(key, 3, row) for key, row in enumerate(table, start=first)]


def ranks_of(rows: np.ndarray) -> np.ndarray:
    """The definition: what is left without the ranks before is the next rank's."""
    ranks, left = np.full(len(rows), -1), np.arange(len(rows))
    while len(left):
        front = non_dominated(rows[left], ("minimize",) * rows.shape[1])
        ranks[left[front]] = ranks.max() + 1
        left = left[~front]
    return ranks


#  score
#    4   |                              e
#    3   |          c,c'  h
#    2.5 |          g
#    2   |  a                   b
#    1   |     d                        f
#        +-------------------------------
#           1 1.5   2    2.5   3.5      5   cost
#
# In this order, each with the ranks at its time; with factor 2 the better half of them goes on, and the front.
TABLE = (
    ("a", 1, 2, True),  # the first to come
    ("b", 3.5, 2, False),  # a dominates it: place 2 of 2
    ("c", 2, 3, True),  # on the front
    ("d", 1.5, 1, False),  # rank 1 behind a and c: at best place 3 of 4
    ("e", 5, 4, True),  # on the front
    ("f", 5, 1, False),  # rank 2 behind a, c, e and b, d: place 6 of 6
    ("g", 2, 2.5, False),  # rank 1, where it pushes b out, behind a, c and e: at best place 4 of 7
    ("h", 2.5, 3, True),  # rank 1, where it covers more than d and g: place 4 of 8
    ("c'", 2, 3, True),  # a copy of c is on the front as c is
)


def test_table_of_decisions() -> None:
    rungs = Rungs([3], ("minimize", "maximize"), 2.0)
    found = {name: rungs.report(name, 3, (cost, score)) for name, cost, score, _ in TABLE}
    assert found == {name: goes_on for name, *_, goes_on in TABLE}


def test_within_a_rank_the_larger_contribution_comes_first() -> None:
    front = [(0.0, 10.0), (10.0, 0.0)]
    crowd = [(1.0, 11.0), (5.0, 10.5), (5.5, 10.4)]  # of rank 1, as what follows
    for row, goes_on in (((11.0, 1.0), True), ((5.2, 10.45), False)):
        rungs = Rungs([1], ("minimize", "minimize"), 2.0)
        for key, known in enumerate(front + crowd):
            rungs.add(key, 1, known)
        assert rungs.report("new", 1, row) is goes_on, "2 on the front leave 1 place of 3: only the lonely one has it"


@given(tables(), FACTORS)
def test_what_nothing_at_its_rung_dominates_never_stops(table: list[tuple[float, ...]], factor: float) -> None:
    for count, goes_on in enumerate(decisions(rungs_for(table, factor), table), start=1):
        assert goes_on or not non_dominated(table[:count], sides_of(table))[-1]


@given(tables(), FACTORS, st.data())
def test_a_restart_in_the_middle_changes_no_decision(
    table: list[tuple[float, ...]], factor: float, data: st.DataObject
) -> None:
    behind = data.draw(st.integers(0, len(table)))
    undisturbed = decisions(rungs_for(table, factor), table)
    anew = rungs_for(table, factor)
    for key in data.draw(st.permutations(range(behind))):
        anew.add(key, 3, table[key])
    # Those that went on start again, and report the epoch once more.
    went_on = [key for key in range(behind) if undisturbed[key]]
    for key in data.draw(st.lists(st.sampled_from(went_on), max_size=3)) if went_on else ():
        assert anew.report(key, 3, table[key])
    assert decisions(anew, table[behind:], first=behind) == undisturbed[behind:]


@given(tables(), FACTORS, st.randoms(use_true_random=False))
def test_a_repeated_epoch_gets_the_first_answer_and_no_second_record(
    table: list[tuple[float, ...]], factor: float, random: object
) -> None:
    undisturbed = decisions(rungs_for(table, factor), table)
    rungs = rungs_for(table, factor)
    for key, row in enumerate(table):
        assert rungs.report(key, 3, row) == undisturbed[key]
        earlier = random.randrange(key + 1)  # type: ignore[attr-defined]
        assert rungs.report(earlier, 3, table[random.randrange(len(table))]) == undisturbed[earlier]  # type: ignore[attr-defined]
        rungs.add(earlier, 3, row)
    assert rungs.counts == {3: len(table)}


@given(tables(columns=(1, 1)), FACTORS, st.booleans())
def test_with_one_objective_it_is_successive_halving(table: list[tuple[float]], factor: float, highest: bool) -> None:
    rungs = Rungs([3], ("maximize" if highest else "minimize",), factor)
    for count, goes_on in enumerate(decisions(rungs, table), start=1):
        scores = sorted((value for (value,) in table[:count]), reverse=highest)
        assert goes_on == (scores.index(table[count - 1][0]) < max(1, math.floor(count / factor)))


@given(tables(rows=14), FACTORS)
def test_the_best_part_goes_on_whoever_comes_last(table: list[tuple[float, ...]], factor: float) -> None:
    going = 0
    for last, row in enumerate(table):
        rungs = rungs_for(table, factor)
        for key, known in enumerate(table):
            if key != last:
                rungs.add(key, 3, known)
        going += rungs.report(last, 3, row)
    assert going >= max(1, math.floor(len(table) / factor))


@given(tables(columns=(2, 2)), FACTORS)
def test_with_two_objectives_the_place_is_the_definition(table: list[tuple[float, ...]], factor: float) -> None:
    """By peeled ranks, and hypervolumes with and without each row, in tenths so that they are whole numbers."""
    for count, goes_on in enumerate(decisions(rungs_for(table, factor), table), start=1):
        rows = 10 * minimised(table[:count])
        span = rows.max(axis=0) - rows.min(axis=0)
        corner = rows.max(axis=0) + np.where(span > 0, span, 10) * CORNER_MARGIN
        ranks = ranks_of(rows)
        peers = rows[ranks == ranks[-1]]
        sides = ("minimize", "minimize")
        without = [hypervolume(np.delete(peers, i, axis=0), corner, sides) for i in range(len(peers))]
        before = int((ranks < ranks[-1]).sum()) + sum(volume < without[-1] - 1e-6 for volume in without)
        tied = sum(abs(volume - without[-1]) <= 1e-6 for volume in without)
        places = max(1, count / factor)
        if ranks[-1] == 0 or before + tied <= places:
            assert goes_on
        elif before + 1 > places:
            assert not goes_on


@given(tables())
def test_contributions_depend_on_neither_order_nor_scale_and_copies_add_nothing(table: list[tuple[float, ...]]) -> None:
    rows = minimised(table)
    best, worst = rows.min(axis=0), rows.max(axis=0)
    front = rows[ranks_of(rows) == 0]
    shares = contributions(front, best, worst)
    assert (shares >= 0).all()
    assert contributions(front[::-1], best, worst).tolist() == shares[::-1].tolist()
    factors = 2.0 ** np.arange(rows.shape[1])
    assert contributions(front * factors, best * factors, worst * factors).tolist() == shares.tolist()
    for row, share in zip(front, shares, strict=True):
        assert (share > 0) == ((front == row).all(axis=1).sum() == 1)


def test_a_copy_is_one_whatever_the_sign_of_its_zeros() -> None:
    rows = np.array([[0.0, 2.0], [-0.0, 2.0], [1.0, 1.0]])
    assert contributions(rows, np.zeros(2), np.full(2, 2.0)).tolist() == [0.0, 0.0, pytest.approx(0.6 * 0.5)]


def test_crowding_distances_of_three_objectives() -> None:
    rows = np.array([[0.0, 4.0, 2.0], [1.0, 2.0, 3.0], [2.0, 1.0, 1.0], [4.0, 0.0, 4.0]])
    # The second row is an end in no objective: its neighbours are 2, 3 and 2 apart, in ranges of 4, 4 and 4.
    assert contributions(rows, np.zeros(3), np.full(3, 4.0)).tolist() == [math.inf, (2 + 3 + 2) / 4, math.inf, math.inf]


@given(tables(), FACTORS, st.integers(-1, 10).map(float))
def test_nobody_stops_before_somebody_has_scored_enough(table: list[tuple[float, ...]], factor: float, least: float) -> None:
    found = decisions(Rungs([3], sides_of(table), factor, least=least), table)
    plain = decisions(rungs_for(table, factor), table)
    scores = [[value for value, side in zip(row, sides_of(table), strict=True) if side == "maximize"] for row in table]
    for number, (decision, without) in enumerate(zip(found, plain, strict=True)):
        told = not scores[0] or any(value >= least for row in scores[: number + 1] for value in row)
        assert decision == (without if told else True)


def test_an_epoch_that_is_no_rung_decides_and_records_nothing() -> None:
    rungs = Rungs([2, 6], ("maximize",), 2.0)
    assert all(rungs.report(key, epoch, [0.0]) for key in range(5) for epoch in (1, 3, 4, 5, 7))
    rungs.add("k", 3, [1.0])
    assert rungs.counts == {2: 0, 6: 0}


def test_a_trial_that_skipped_a_rung_is_judged_at_the_next_and_missing_at_the_first() -> None:
    rungs = Rungs([2, 6], ("maximize",), 2.0)
    assert rungs.report("straggler", 6, [0.9])
    assert rungs.report("a", 2, [0.1]), "the score of epoch 6 is no rival at epoch 2"
    assert not rungs.report("a", 6, [0.2])
    assert rungs.counts == {2: 1, 6: 2}


@pytest.mark.parametrize("columns", [2, 4])
def test_a_report_among_ten_thousand_trials_takes_milliseconds(columns: int) -> None:
    generator = np.random.default_rng(columns)
    table = generator.random((10_000, columns))
    rungs = Rungs([3], SIDES[:columns], 3.0)
    for key, row in enumerate(table[:-100]):
        rungs.add(key, 3, row)
    began = time.process_time()
    for key, row in enumerate(table[-100:], start=9_900):
        rungs.report(key, 3, row)
    assert (time.process_time() - began) / 100 < 0.01


@pytest.mark.parametrize(
    ("epochs", "directions", "factor", "message"),
    [
        ([0], ["minimize"], 2.0, r"epochs of rungs must be at least 1, got \[0\]"),
        ([1], ["minimise"], 2.0, "unknown direction 'minimise': did you mean 'minimize'"),
        ([1], [], 2.0, "directions must not be empty"),
        ([1], ["minimize"], 0.5, "reduction_factor must be a number above 1, got 0.5"),
    ],
)
def test_refused_construction(epochs: list[int], directions: list[str], factor: float, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Rungs(epochs, directions, factor)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, math.nan], r"values must be finite, got \[1.0, nan\]"),
        ([1.0], r"one for each of 2 directions, got shape \(1,\)"),
    ],
)
@pytest.mark.parametrize("method", ["report", "add"])
def test_refused_values_leave_no_record(values: list[float], message: str, method: str) -> None:
    rungs = Rungs([1], ("minimize", "maximize"), 2.0)
    with pytest.raises(InvalidInput, match=message):
        getattr(rungs, method)("k", 1, values)
    assert rungs.counts == {1: 0}
