"""Limits beside fields: one function checks them, in the words of the rule, and the reference prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.bounds import Bounds, Choices, Length, check_fields, limits_of
from search_spaces.common.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Recipe:
    KIND: ClassVar[str] = "recipe"

    steps: Annotated[int, Bounds(1, 64)] = 3
    rate: Annotated[float, Bounds(0.0, 1.0)] = 0.5
    clip: Annotated[float | None, Bounds(0.1, 10.0)] = None
    codec: Annotated[str, Choices(("msra", "dark"))] = "msra"
    widths: Annotated[tuple[int, ...], Length(2), Bounds(2, 8)] = (2, 4)
    size: Annotated[tuple[int, int], Bounds(32, 64)] = (32, 32)
    marks: Annotated[tuple[float, ...], Bounds(0.0, 1.0)] = ()
    shares: Annotated[tuple[float, ...], Bounds(0.0, 1.0, "shares of the whole")] = ()
    flip: bool = True
    note: str = ""
    place: str | int | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps must be an integer from 1 to 64, got 0"),
        ({"steps": True}, "steps must be an integer from 1 to 64, got True"),
        ({"steps": 2.0}, "steps must be an integer from 1 to 64, got 2.0"),
        ({"steps": None}, "steps must be an integer from 1 to 64, got None"),
        ({"rate": float("nan")}, "rate must be a number from 0 to 1, got nan"),
        ({"rate": "0.5"}, "rate must be a number from 0 to 1, got '0.5'"),
        ({"clip": 11}, "clip must be a number from 0.1 to 10, got 11"),
        ({"codec": "msar"}, "unknown codec 'msar': did you mean 'msra'? known: dark, msra"),
        ({"widths": [2]}, "widths must be a list of 2 integers, got [2]"),
        ({"widths": (2, 9)}, "widths[1] must be an integer from 2 to 8, got 9"),
        ({"size": "32x32"}, "size must be a list of 2 integers, got '32x32'"),
        ({"marks": 0.5}, "marks must be a list of numbers, got 0.5"),
        ({"marks": (0.5, 2)}, "marks[1] must be a number from 0 to 1, got 2"),
        ({"shares": "1"}, "shares must be a list of shares of the whole, got '1'"),
        ({"flip": 1}, "flip must be true or false, got 1"),
    ],
)
def test_a_field_out_of_its_limits_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Recipe(**fields)
    assert str(caught.value) == message


@given(steps=st.integers(1, 64), rate=st.floats(0, 1) | st.integers(0, 1), marks=st.lists(st.floats(0, 1), max_size=3))
def test_values_within_their_limits_are_kept_in_the_type_of_the_field(steps: int, rate: float, marks: list[float]) -> None:
    recipe = Recipe(steps=steps, rate=rate, marks=marks)  # type: ignore[arg-type]
    assert (recipe.steps, recipe.rate, recipe.marks) == (steps, rate, tuple(marks))
    assert isinstance(recipe.rate, float)
    assert recipe.clip is None


def test_limits_in_words() -> None:
    assert {name: str(limits) for name, limits in limits_of(Recipe).items()} == {
        "steps": "integer from 1 to 64",
        "rate": "number from 0 to 1",
        "clip": "number from 0.1 to 10, or null",
        "codec": "one of msra, dark",
        "widths": "2 integers from 2 to 8",
        "size": "2 integers from 32 to 64",
        "marks": "list of numbers from 0 to 1",
        "shares": "list of shares of the whole from 0 to 1",
        "flip": "true or false",
    }
    assert str(Bounds(1, 1_000_000)) == "from 1 to 1,000,000"
