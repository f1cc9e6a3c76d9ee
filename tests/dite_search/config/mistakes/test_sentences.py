"""Every mistake of a file of settings in a sentence."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from dite_search.config.mistakes.sentences import file_error, sentences_of
from dite_search.config.sections import SamplerSection, Section
from search_spaces.common.errors import SeveralMistakes


class File(Section):
    count: int
    size: str | dict[str, int] = "small"
    share: float = 0.5
    sampler: SamplerSection = SamplerSection()


def sentences(values):
    with pytest.raises(ValidationError, match="validation error") as caught:
        File.model_validate(values)
    return sentences_of(caught.value, File)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 1, "cuont": 2}, "unknown field of the search file 'cuont': did you mean 'count'? known: count, sampler"),
        ({"count": 1, "sampler": {"pol": 3}}, "unknown field of sampler 'pol': did you mean 'pool'? known: "),
        ({}, "count must be given"),
        ({"count": "many"}, "count must be an integer, got 'many'"),
        ({"count": 1.5}, "count must be an integer, got 1.5"),
        ({"count": None}, "count must be an integer, got None"),
        ({"count": 1, "size": 3}, "size must be text or hold fields, each with its value, got 3"),
        ({"count": 1, "share": "half"}, "share must be a number, got 'half'"),
        ({"count": 1, "sampler": 3}, "sampler must hold fields, each with its value, got 3"),
        ({"count": 1, "sampler": {"pool": 1}}, "sampler.pool must be at least 2, got 1"),
        ({"count": 1, "sampler": {"proxies": "jacob"}}, "sampler.proxies must be a list, got 'jacob'"),
        ({"count": 1, "sampler": {"name": "tp"}}, "sampler.name: unknown sampler 'tp': did you mean 'tpe'? known: "),
    ],
)
def test_a_problem_is_one_sentence_in_words_of_the_file(values, sentence):
    (found,) = sentences(values)
    assert found.startswith(sentence)


def test_every_problem_is_told():
    found = sentences({"share": "half", "size": {"a": "b"}, "sampler": {"pool": 0, "population": 1}})
    assert found == [
        "count must be given",
        "size must be text, got {'a': 'b'}",
        "size.a must be an integer, got 'b'",
        "share must be a number, got 'half'",
        "sampler.population must be at least 2, got 1",
        "sampler.pool must be at least 2, got 0",
    ]


def test_one_mistake_is_on_the_line_of_the_file_and_several_are_below_it():
    assert str(file_error("a.yaml", ["x must be y"])) == "a.yaml: x must be y"
    assert str(file_error("a.yaml", ["x must be y", "z must be w"])) == (
        "a.yaml has 2 mistakes:\n  - x must be y\n  - z must be w"
    )
    assert str(SeveralMistakes("x must be y", "z must be w")) == "x must be y; z must be w"


@pytest.mark.parametrize(
    ("values", "rule"),
    [({"seed": -1}, "be at least 0"), ({"seed": 2**40}, "be at most 4,294,967,295"), ({"share": 1.5}, "be below 0.123457")],
)
def test_a_limit_has_all_its_digits(values, rule):
    class Limited(Section):
        seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
        share: Annotated[float, Field(lt=0.123456789)] = 0.1

    with pytest.raises(ValidationError, match="validation error") as caught:
        Limited.model_validate(values)
    (name,) = values
    assert sentences_of(caught.value, Limited) == [f"{name} must {rule}, got {values[name]}"]
