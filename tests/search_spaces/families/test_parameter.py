"""Parameters as a search file writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import Choice, Range, format_tuple, parameter_from, parse_tuple


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], r"parameter x: must be a list of at least one value, got \(\)"),
        ([1, 1], r"parameter x: must not name a value twice, got \[1, 1\]"),
        ([True], "parameter x: must be a list of numbers or names, got True"),
        ("1", "parameter x: must be a list of values, or low and high, got '1'"),
        ({"low": 1}, "parameter x: a range needs both low and high"),
        ({"low": 1, "hihg": 2}, "parameter x: unknown field 'hihg': did you mean 'high'"),
        ({"low": 2, "high": 1}, "parameter x: must have low < high, both finite, got low 2 and high 1"),
        ({"low": 0, "high": 1, "log": True}, "parameter x: a logarithmic range must start above 0, got low 0"),
    ],
)
def test_a_parameter_that_breaks_a_rule(spec: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parameter_from("x", spec, whole=False)


def test_numbers_rise_and_names_keep_their_order() -> None:
    assert parameter_from("x", [4, 1, 2], whole=False) == Choice(values=(1, 2, 4))
    assert parameter_from("x", ["b", "a"], whole=False) == Choice(values=("b", "a"))
    assert parameter_from("x", [[1, 2], "2-1"], whole=True) == Choice(values=("1-2", "2-1"))


@given(low=st.floats(1e-6, 1), factor=st.floats(1.1, 1e6), log=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_a_range_accepts_what_it_draws(low: float, factor: float, log: bool, seed: int) -> None:
    parameter = Range(low=low, high=low * factor, log=log)
    drawn = float(parameter.sample(np.random.default_rng(seed)))
    assert low * (1 - 1e-9) <= drawn <= low * factor * (1 + 1e-9)
    assert not parameter.accepts(low * factor * 2)
    assert not parameter.accepts(True)


@given(st.lists(st.integers(0, 999_999_999), min_size=1, max_size=5))
def test_a_tuple_is_read_as_it_was_written(values: list[int]) -> None:
    assert parse_tuple("x", format_tuple(values)) == tuple(values)


def test_a_tuple_that_is_none() -> None:
    with pytest.raises(InvalidInput, match="widths must be integers joined by '-', as in 1-1-2-4, got '1-x'"):
        parse_tuple("widths", "1-x")
