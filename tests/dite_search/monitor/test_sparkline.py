"""A curve in one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dite_search.monitor.sparkline import BARS, sparkline


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.integers(1, 30))
def test_a_sparkline_is_no_wider_than_asked_and_rises_with_its_values(values, width):
    line = sparkline(values, low=min(values, default=0.0), high=max(values, default=0.0), width=width)
    assert len(line) == min(len(values), width)
    assert set(line) <= set(BARS)
    ordered = sparkline(sorted(values), low=min(values, default=0.0), high=max(values, default=0.0), width=width)
    assert list(ordered) == sorted(ordered, key=BARS.index)


def test_a_sparkline_runs_from_the_least_to_the_greatest():
    assert sparkline([0.0, 0.5, 1.0], low=0.0, high=1.0, width=9) == "▁▅█"
    assert sparkline([0.3, 0.3], low=0.3, high=0.3, width=9) == "▄▄"
