"""The words of errors."""

from __future__ import annotations

import pytest

from search_spaces.common.errors import InvalidInput, check_names, first_line, unknown_name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("drak", "unknown codec 'drak': did you mean 'dark'? known: dark, msra"),
        ("xyz", "unknown codec 'xyz': known: dark, msra"),
    ],
)
def test_the_nearest_known_name_is_said_where_one_is_near(name: str, message: str) -> None:
    assert str(unknown_name("codec", name, ("msra", "dark"))) == message


def test_the_first_unknown_name_is_refused() -> None:
    check_names("codec", ["dark", "msra"], ("msra", "dark"))
    with pytest.raises(InvalidInput, match=r"^unknown codec 'drak': did you mean 'dark'\? known: dark, msra$"):
        check_names("codec", ["msra", "drak", "xyz"], ("msra", "dark"))


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("\n  first \nsecond"), "first"), (KeyError(), "KeyError"), (InvalidInput("a: b"), "a: b")],
)
def test_the_first_line_of_an_error(error: BaseException, line: str) -> None:
    assert first_line(error) == line
