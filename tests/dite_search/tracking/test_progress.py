"""The curves of a search over its finished trials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.front import front_of, hypervolume_curve
from analysis.study.records import TrialRecord
from dite_search.study.attributes import STARTED
from dite_search.tracking.progress import SearchCurves, reference_of, round_limits
from search_spaces.space.budget import Budget
from tests.analysis.studies import study, trial
from tests.profiles import examples

OBJECTIVES = ("ap_gt", "mmacs")
REFERENCE = {"ap_gt": 0.0, "mmacs": 30.0}


def curves_of(trials: list[TrialRecord], budget: Budget | None = None) -> dict[str, dict[int, float]]:
    """Return the value of each curve at each step, of trials that ended in the order of their numbers."""
    curves = SearchCurves(REFERENCE, budget or Budget())
    return as_curves(curves, trials)


def as_curves(curves: SearchCurves, trials: list[TrialRecord]) -> dict[str, dict[int, float]]:
    attributes = {record.number: {STARTED: 100.0 * record.number} for record in trials}
    found: dict[str, dict[int, float]] = {}
    for point in curves.points(study(trials, objectives=OBJECTIVES), attributes):
        assert point.step not in found.setdefault(point.name, {}), "each value is planned once"
        found[point.name][point.step] = point.value
    return found


scores = st.lists(st.one_of(st.none(), st.floats(0.01, 0.99)), max_size=12)


@given(scores)
@examples(20)
def test_the_curves_go_on_as_trials_end(values: list[float | None]) -> None:
    trials = [
        trial(n, ap=ap, status="complete" if ap else "failed", reason="" if ap else "x") for n, ap in enumerate(values)
    ]
    curves = SearchCurves(REFERENCE, Budget())
    for count in range(len(trials) + 1):
        grown = as_curves(curves, trials[:count])
    assert grown == curves_of(trials)
    for name in ("hypervolume", "front_size", "epochs_spent", "hours_spent"):
        assert list(grown.get(name, {})) == list(range(1, len(trials) + 1))
    covered = list(grown.get("hypervolume", {}).values())
    assert covered == sorted(covered)
    if trials:
        record = study(trials, objectives=OBJECTIVES)
        assert grown["front_size"][len(trials)] == len(front_of(record))
        assert covered == pytest.approx(list(hypervolume_curve(record, [0.0, 30.0])["hypervolume"]))
    assert list(grown.get("best_ap_gt", {}).values()) == [
        max(known) for n in range(1, len(values) + 1) if (known := [ap for ap in values[:n] if ap])
    ]


def test_the_best_accuracy_under_each_budget() -> None:
    trials = [trial(0, ap=0.3), trial(1, ap=0.6), trial(2, ap=0.5)]
    costs = [record.cost.mmacs for record in trials]
    assert costs == sorted(costs)
    assert [round(cost, 1) for cost in costs] == [2.8, 4.1, 5.5]
    found = curves_of(trials, Budget.parse(["mmacs <= 3.5", "params <= 1"], ("mmacs", "params")))
    assert found["best_ap_gt"] == {1: 0.3, 2: 0.6, 3: 0.6}
    assert found["best_ap_gt_under_3_5_mmacs"] == {1: 0.3, 2: 0.3, 3: 0.3}
    assert found["best_ap_gt_under_5_mmacs"] == {1: 0.3, 2: 0.6, 3: 0.6}
    assert found["best_ap_gt_under_10_mmacs"] == {3: 0.6}
    assert not [name for name in found if "params" in name], "no network is within that limit"


def test_what_counts_for_nothing_has_no_step() -> None:
    unfinished = [trial(0, status="running"), trial(1, status="waiting"), trial(2, ap=0.9, origin="trial 1 of before")]
    assert curves_of(unfinished) == {}
    found = curves_of([*unfinished, trial(3, ap=0.4)])
    assert found["best_ap_gt"] == {1: 0.9}, "results of earlier studies are among the best"
    assert found["epochs_spent"] == {1: 12.0}


@given(st.floats(1e-3, 1e7), st.floats(1.0, 1e3))
@examples(20)
def test_round_limits_enclose_what_was_seen(least: float, factor: float) -> None:
    limits = list(round_limits(least, least * factor))
    assert limits == sorted(set(limits))
    assert limits[0] >= least
    assert limits[-1] >= least * factor
    assert all(limit < least * factor for limit in limits[:-1])
    assert {f"{limit:e}"[0] for limit in limits} <= {"1", "2", "5"}


@given(st.floats(1e-3, 1e7), st.floats(1.0, 1e3))
@examples(20)
def test_round_least_values_are_met_by_what_was_seen(least: float, factor: float) -> None:
    limits = round_limits(least, least * factor, is_least=True)
    assert limits == sorted(set(limits))
    assert limits[0] <= least
    assert limits[-1] <= least * factor < 2.5001 * limits[-1]
    assert all(limit > least for limit in limits[1:])


def test_the_corner_of_the_hypervolume_is_known_before_the_first_trial(make_search) -> None:
    config = make_search()
    largest = max(config.search_space.cost_of(arch).mmacs for arch in config.search_space.enumerate())
    assert reference_of(config) == {"ap_gt": 0.0, "mmacs": pytest.approx(1.1 * largest)}
    limited = make_search(budget=["mmacs <= 4"], objectives=["ap_gt", "mmacs", "latency_ms"])
    assert reference_of(limited) == {"ap_gt": 0.0, "mmacs": pytest.approx(4.4)}, "a latency is not known before"
