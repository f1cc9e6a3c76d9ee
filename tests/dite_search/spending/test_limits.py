"""Limits of a budget: what is left, which are reached, and their words."""

from __future__ import annotations

import pytest

from dite_search.config.sections import SpendSection
from dite_search.spending.limits import Limits, Spent, spent_words

SPENT = Spent(seconds=1800.0, gpu_seconds=7200.0, epochs=30)


def test_what_is_left_of_each_limit_and_the_share_of_the_nearest() -> None:
    limits = Limits.of(SpendSection(hours=1, gpu_hours=8, epochs=40, until="1970-01-01T01:00+00:00"))
    assert limits.left(SPENT, 900.0) == {"hours": 1800.0, "gpu_hours": 21600.0, "epochs": 10.0, "until": 2700.0}
    assert limits.share(SPENT, 900.0, began=0.0) == 0.75
    assert limits.share(SPENT, 3500.0, began=0.0) == pytest.approx(3500 / 3600)
    assert Limits().share(SPENT, 0.0, 0.0) == 0.0
    assert Limits.of(None).known == {}


def test_a_limit_is_reached_where_nothing_is_left_or_the_search_ended_at_it() -> None:
    limits = Limits(hours=1800.0, epochs=31)
    assert limits.reached(SPENT, 0.0, {}) == ["hours"]
    assert limits.reached(SPENT, 0.0, {"epochs": 31}) == ["hours", "epochs"]
    assert Limits(epochs=32).reached(SPENT, 0.0, {"epochs": 31}) == [], "the limit was raised since"


def test_what_is_spent_in_words() -> None:
    limits = Limits(hours=7200.0, gpu_hours=36000.0, epochs=4000)
    assert (
        spent_words(limits, SPENT, 0.0)
        == "30.0 min of 2 h 0 min and 2 GPU hours of 10 GPU hours and 30 epochs of 4,000 epochs"
    )
    assert spent_words(Limits(until=600.0), SPENT, 540.0).endswith(", in 1.0 min")
    assert spent_words(Limits(), SPENT, 0.0) == ""
