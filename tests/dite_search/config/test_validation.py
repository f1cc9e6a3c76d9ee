"""Sentences about wrong fields, and fields that replace others."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dite_search.config.sections import SamplerSection, Section
from dite_search.config.validation import first_sentence, merged


class File(Section):
    count: int
    sampler: SamplerSection = SamplerSection()


def section_at(path):
    return SamplerSection if path else File


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 1, "cuont": 2}, "unknown field of the search file 'cuont': did you mean 'count'? known: count, sampler"),
        ({"count": 1, "sampler": {"pol": 3}}, "unknown field of sampler 'pol': did you mean 'pool'? known: "),
        ({}, "count must be given"),
        ({"count": "many"}, "count: input should be a valid integer, unable to parse string as an integer, got 'many'"),
        ({"count": 1, "sampler": {"name": "tp"}}, "sampler.name: unknown sampler 'tp': did you mean 'tpe'? known: "),
    ],
)
def test_the_first_problem_is_one_sentence(values, sentence):
    with pytest.raises(ValidationError) as caught:
        File.model_validate(values)
    assert first_sentence(caught.value, section_at).startswith(sentence)


def test_of_a_section_only_what_is_given_is_replaced():
    values = {"a": 1, "part": {"b": 2, "c": 3}, "list": [1]}
    assert merged(values, {"part": {"c": 4}, "list": [2], "new": {"d": 5}}) == {
        "a": 1, "part": {"b": 2, "c": 4}, "list": [2], "new": {"d": 5}
    }  # fmt: skip
    assert values["part"] == {"b": 2, "c": 3}
