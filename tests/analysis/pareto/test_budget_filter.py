"""The trials that a budget leaves."""

from __future__ import annotations

from analysis.pareto.budget_filter import allows, front_within
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.studies import study, trial


def test_what_was_not_measured_is_beyond_the_limit() -> None:
    budget = Budget(constraints=(Constraint(cost="latency_ms", limit=100.0),))
    assert allows(budget, trial(0, ap=0.5))
    assert not allows(budget, trial(0, ap=0.5, metrics={"ap_gt": 0.5}))
    assert [record.number for record in front_within(study(), Budget())] == [8, 0, 1, 2, 6, 7, 3]
