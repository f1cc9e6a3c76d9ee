"""When the kernel of the accuracy is fitted anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dite_search.algorithms.cost_aware.surrogate_data import GROWTH, milestone


@given(st.integers(0, 5000))
def test_a_milestone_is_passed_and_not_far_behind(count: int) -> None:
    reached = milestone(count)
    assert reached <= count
    assert milestone(reached) == reached, "a milestone is one itself"
    assert count < max(reached + 1, round(reached * GROWTH)) or count == reached


@given(st.integers(0, 5000))
def test_milestones_only_rise(count: int) -> None:
    assert milestone(count) <= milestone(count + 1)
