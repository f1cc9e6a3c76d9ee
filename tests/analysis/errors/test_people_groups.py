"""The groups of people, and the people who are shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors.gallery import choose
from analysis.errors.keypoint_errors import GOOD, INVERSION, MISS, SWAP, KeypointErrors
from analysis.errors.people_groups import failures, group_errors, grouped, hidden_share, neighbours, sizes


def errors(*rows: tuple[int, float]) -> KeypointErrors:
    """People with four keypoints of one class and similarity."""
    classes = np.array([[place] * 4 for place, _ in rows], np.int64)
    similarity = np.array([[value] * 4 for _, value in rows])
    return KeypointErrors(classes=classes, similarity=similarity, distance=1 - similarity)


def truth(*visibilities: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([np.zeros((len(visibilities), 4, 2)), np.array(visibilities)[..., None]], axis=2)


def test_hidden_is_a_share_of_what_is_labelled() -> None:
    found = hidden_share(truth((2, 2, 2, 2), (1, 2, 0, 0), (0, 0, 0, 0), (1, 1, 1, 1)))
    assert found.tolist() == [0, 0.5, 0, 1]


def test_neighbours_overlap_in_the_same_image() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [9.5, 0, 10, 10], [0, 0, 10, 10], [50, 50, 0, 0]], float)
    assert neighbours(boxes, np.array([1, 1, 1, 2, 1])).tolist() == [1, 2, 1, 0, 0]


def test_sizes_are_those_of_coco_or_thirds() -> None:
    assert [rows.tolist() for rows in sizes(np.array([1023.0, 1024.0, 9216.0])).values()] == np.eye(3, dtype=bool).tolist()
    thirds = sizes(np.array([2500.0, 3600.0, 4900.0]))
    assert next(iter(thirds)).startswith("smallest third (area to ")
    assert [rows.tolist() for rows in thirds.values()] == np.eye(3, dtype=bool).tolist()


@given(
    st.lists(
        st.tuples(st.floats(1, 1e5), st.integers(0, 4), st.lists(st.integers(0, 2), min_size=4, max_size=4)), min_size=1
    )
)
def test_each_kind_of_group_holds_everybody_once(rows) -> None:
    areas, crowding = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = list(grouped(truth(*(tuple(row[2]) for row in rows)), areas, crowding).values())
    for start in (0, 3, 6):
        assert (np.sum(found[start : start + 3], axis=0) == 1).all()


def test_a_table_of_groups() -> None:
    found = errors((GOOD, 0.9), (MISS, 0.1))
    groups = {"first": np.array([True, False]), "nobody": np.array([False, False])}
    everybody, first = group_errors(found, groups)
    assert (everybody.people, everybody.failed, everybody.oks) == (2, 1, pytest.approx(0.5))
    assert (everybody.shares["good"], everybody.shares["miss"]) == (0.5, 0.5)
    assert (first.name, first.people, first.failed, first.shares["good"]) == ("first", 1, 0, 1)


def test_failures_by_what_is_known_of_them() -> None:
    found = failures(
        errors((INVERSION, 0.2), (SWAP, 0.1), (MISS, 0.3), (MISS, 0.05), (INVERSION, 0.6), (MISS, 0.4)),
        truth(*[(2, 2, 2, 2)] * 2, (1, 1, 2, 2), *[(2, 2, 2, 2)] * 3),
        np.array([2000.0, 2000, 2000, 500, 500, 2000]),
    )
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "much hidden": [2],
        "small": [3],
        "with a left-right inversion": [0],
        "with a swap": [1],
        "none of these": [5],
    }


def test_the_best_the_middle_and_the_worst() -> None:
    found = choose(np.array([0.1, 0.9, np.nan, 0.5, 0.7, 0.3]), 1)
    assert (found.best, found.median, found.worst) == ((1,), (3,), (0,))
    assert choose(np.array([0.5]), 4).best == (0,)
    assert choose(np.array([np.nan]), 4).best == ()


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=40), st.integers(1, 6))
def test_nobody_is_shown_twice_and_all_is_in_order(values, count) -> None:
    scores = np.array(values)
    found = choose(scores, count)
    shown = [*found.best, *found.median, *found.worst]
    assert len(set(shown)) == len(shown)
    assert (np.diff(scores[shown]) <= 0).all()
    assert max(map(len, (found.best, found.median, found.worst))) <= count
    known = np.sort(scores[np.isfinite(scores)])
    if len(known):
        assert scores[shown[0]] == known[-1]
        assert len(known) == 1 or scores[shown[-1]] == known[0]
    if len(known) >= 3 * count:
        assert len(shown) == 3 * count
