"""Seconds of an epoch, measured or estimated from the size of a network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dite_search.spending.pace import Pace, size_of


def test_what_was_measured_goes_before_what_is_estimated() -> None:
    pace = Pace()
    assert pace.seconds(3.0) is None
    assert pace.mean_seconds is None
    pace.observe(10.0, 2.0)
    pace.observe(10.0, 4.0)
    assert (pace.seconds(10.0), pace.seconds(20.0), pace.seconds(None)) == (3.0, 6.0, 3.0)
    pace.observe(30.0, 5.0)
    assert pace.seconds(30.0) == 5.0
    assert 3.0 < pace.seconds(20.0) < 5.0
    pace.observe(30.0, -1.0)
    pace.observe_start(4.0)
    pace.observe_start(-2.0)
    assert (pace.mean_seconds, pace.start_seconds) == (11 / 3, 2.0)


@given(
    st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(1e-3, 1e4)), min_size=1, max_size=8),
    st.floats(0, 1e5),
    st.floats(0, 1e5),
)
def test_a_larger_network_is_never_taken_to_be_quicker(measured, one, other) -> None:
    pace = Pace()
    for size, seconds in measured:
        pace.observe(size, seconds)
    low, high = sorted((one, other))
    if low not in dict(measured) and high not in dict(measured):
        assert 0 <= pace.seconds(low) <= pace.seconds(high) * (1 + 1e-9)


def test_the_size_of_a_network_is_its_macs_or_its_first_cost() -> None:
    assert size_of({"params": 5.0, "mmacs": 3.0}) == 3.0
    assert size_of({"gflops": 7.0}) == 7.0
    assert size_of({}) == 0.0
