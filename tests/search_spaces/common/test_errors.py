"""The words of errors."""

from __future__ import annotations

import pickle

import pytest

from search_spaces.common.errors import (
    InvalidInput,
    SeveralMistakes,
    check_all,
    check_names,
    first_line,
    mistakes_of,
    unknown_name,
)


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


def test_all_checks_are_made_and_a_sentence_is_said_once() -> None:
    def refuse(*sentences: str) -> None:
        raise SeveralMistakes(*sentences)

    check_all([lambda: None])
    with pytest.raises(InvalidInput, match=r"^a must be 1; b must be 2; c must be 3$") as caught:
        check_all(
            [lambda: refuse("a must be 1", "b must be 2"), lambda: refuse("b must be 2"), lambda: refuse("c must be 3")]
        )
    assert mistakes_of(pickle.loads(pickle.dumps(caught.value))) == ("a must be 1", "b must be 2", "c must be 3")
    with pytest.raises(InvalidInput, match=r"^unknown codec 'x': known: dark$") as caught:
        check_all([lambda: check_names("codec", ["x"], ("dark",))])
    assert mistakes_of(caught.value) == ("unknown codec 'x': known: dark",)
