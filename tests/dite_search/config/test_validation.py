"""Fields that replace others."""

from __future__ import annotations

from dite_search.config.validation import merged


def test_of_a_section_only_what_is_given_is_replaced():
    values = {"a": 1, "part": {"b": 2, "c": 3}, "list": [1]}
    assert merged(values, {"part": {"c": 4}, "list": [2], "new": {"d": 5}}) == {
        "a": 1, "part": {"b": 2, "c": 4}, "list": [2], "new": {"d": 5}
    }  # fmt: skip
    assert values["part"] == {"b": 2, "c": 3}
