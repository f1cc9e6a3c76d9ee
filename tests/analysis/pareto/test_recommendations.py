"""The networks of the front that have something to say for themselves."""

from __future__ import annotations

from analysis.pareto.recommendations import axis_costs, knee_of, recommendations
from tests.analysis.studies import study, trial


def test_the_most_accurate_and_the_cheapest_have_their_reason() -> None:
    found = recommendations(study())
    reasons = {entry.record.number: entry.reason for entry in found if entry.reason}
    best = max(found, key=lambda entry: entry.record.values["ap_gt"]).record
    least = min(found, key=lambda entry: entry.record.values["mmacs"]).record
    assert "most accurate" in reasons[best.number]
    assert "MMACs" in reasons[least.number]
    costs = [entry.record.values["mmacs"] for entry in found]
    assert costs == sorted(costs), "cheapest first"


def test_a_front_of_one_has_no_knee() -> None:
    assert knee_of(study([trial(0, ap=0.5)])) is None
    assert [entry.reason for entry in recommendations(study([trial(0, ap=0.5)]))] == ["most accurate"]
    assert recommendations(study([])) == []


def test_costs_that_were_measured_are_shown_beside_the_objectives() -> None:
    assert "latency_ms" in axis_costs(study())
    assert "latency_ms" not in axis_costs(study([trial(0, ap=0.5, metrics={"ap_gt": 0.5})], objectives=("ap_gt", "mmacs")))
