"""The answer of a report: cards, and the budget in words."""

from __future__ import annotations

import pytest

from analysis.report.elements.options import Setup
from analysis.report.sections.recommendations import UNKNOWN, budget_words, cards, quantities
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.studies import study, trial


def within(cost: str, limit: float) -> Setup:
    return Setup(budget=Budget(constraints=(Constraint(cost=cost, limit=limit),)))


def test_each_notable_network_has_a_card() -> None:
    found = cards(study(), Setup(), {7: "AP ± 0.01"})
    assert [card.reason.split(",")[0] for card in found if card.number == 7] == ["Most accurate"]
    assert {card.number: card.uncertainty for card in found}[7] == "AP ± 0.01"
    assert all(card.uncertainty == UNKNOWN for card in found if card.number != 7)
    assert [len(card.facts) for card in found] == [len(quantities(study()))] * len(found)


@pytest.mark.parametrize(
    ("setup", "sentence"),
    [
        (Setup(), "No budget was given: every complete trial may be recommended."),
        (within("mmacs", 1e9), "complete trials; 7 of them are on the front."),
        (within("mmacs", 0.001), "No complete trial is within the budget (MMACs at most"),
        (within("latency_ms", 0.001), "the least latency is"),
    ],
)
def test_a_budget_in_words(setup: Setup, sentence: str) -> None:
    assert sentence in budget_words(study(), setup)


def test_a_cost_that_was_never_measured() -> None:
    text = budget_words(study([trial(0, ap=0.5, metrics={"ap_gt": 0.5})]), within("latency_ms", 1.0))
    assert "was measured in none" in text
