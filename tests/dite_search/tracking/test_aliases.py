"""Aliases of registered models, one for each budget."""

from __future__ import annotations

import pytest

from dite_search.tracking.aliases import alias_of, parse_budgets
from search_spaces.common.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("mmacs <= 200", "best-under-200-mmacs"),
        ("mmacs <= 2.5", "best-under-2_5-mmacs"),
        ("latency_ms <= 12", "best-under-12-ms"),
        ("params <= 1e6", "best-under-1000000-params"),
    ],
)
def test_an_alias_names_limit_and_unit(text: str, alias: str) -> None:
    (constraint,) = parse_budgets([text])
    assert alias_of(constraint) == alias


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["mmacs <= 200", "mmacs <= 200.0"], "budgets must differ, got .* twice"),
        (["ap_gt <= 1"], "ap_gt"),
        (["mmacs"], "mmacs"),
    ],
)
def test_budgets_that_cannot_be(texts: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_budgets(texts)
