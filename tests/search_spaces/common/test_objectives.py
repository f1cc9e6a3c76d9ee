"""The table of objectives."""

from __future__ import annotations

import math

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import (
    COUNTED,
    LEARNED,
    MAXIMIZE,
    MEASURED,
    MINIMIZE,
    OBJECTIVES,
    costs_and_scores,
    directions_of,
    format_value,
    named,
)
from search_spaces.families.cost import Cost

COST = Cost(params=1_234_567, macs=3_000_000, macs_paper=3_500_000, flops_published=4 * 2**20)


def test_every_row_has_a_source_that_exists() -> None:
    assert {row.source for row in OBJECTIVES.values()} == {COUNTED, MEASURED, LEARNED}
    assert COST.objectives == {
        "mmacs": 3.0,
        "mmacs_paper": 3.5,
        "mflops_published": 4.0,
        "params": 1_234_567.0,
    }
    assert tuple(COST.objectives) == named(source=COUNTED)
    for row in OBJECTIVES.values():
        assert row.direction == MINIMIZE or row.source == LEARNED
        assert row.convention.endswith(".")


def test_directions_and_sides() -> None:
    assert directions_of(["ap_gt", "params"]) == [MAXIMIZE, MINIMIZE]
    assert costs_and_scores(["mmacs", "ap_det", "latency_ms"]) == (["mmacs", "latency_ms"], ["ap_det"])
    with pytest.raises(InvalidInput, match="unknown objective 'flops'"):
        directions_of(["flops"])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("ap_gt", 0.65432, "0.654"),
        ("params", 1_234_567, "1.235 M"),
        ("params", 41_175, "41.2 k"),
        ("mmacs", 199.96, "200.0"),
        ("mmacs", 2.379, "2.38"),
        ("latency_ms", 10.04, "10.0"),
        ("loss", 0.01234, "0.012"),
        ("ap_gt", None, "–"),
        ("mmacs", math.nan, "–"),
    ],
)
def test_a_value_has_the_digits_that_mean_something(name: str, value: float | None, text: str) -> None:
    assert format_value(name, value) == text
