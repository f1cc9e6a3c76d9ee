"""The calls that bring a run of MLflow up to date."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from analysis.study.records import TrialRecord
from analysis.study.trial_status import INTERRUPTED
from dite_search.tracking.client import (
    FAILED,
    FINISHED,
    KILLED,
    MAX_ENTRIES,
    MAX_METRICS,
    MAX_PARAMS,
    MAX_TAGS,
    RUNNING,
    SCHEDULED,
    Point,
)
from dite_search.tracking.plan import BUDGET_SPENT, batches, ending_of, points_of, search_status
from dite_search.tracking.source import Snapshot
from tests.analysis.studies import study, trial
from tests.profiles import examples


@given(values=st.integers(0, 2500), params=st.integers(0, 250), tags=st.integers(0, 250))
@examples(20)
def test_calls_are_of_the_size_that_mlflow_takes_and_lose_nothing(values: int, params: int, tags: int) -> None:
    points = [Point(name=str(number), step=number, value=0.0, timestamp=0) for number in range(values)]
    given_params = {str(number): "x" for number in range(params)}
    given_tags = {str(number): "x" for number in range(tags)}
    calls = list(batches(points, given_params, given_tags))
    assert [point for call in calls for point in call.points] == points
    assert {name: value for call in calls for name, value in call.params.items()} == given_params
    assert {name: value for call in calls for name, value in call.tags.items()} == given_tags
    for call in calls:
        assert len(call.points) <= MAX_METRICS
        assert len(call.params) <= MAX_PARAMS
        assert len(call.tags) <= MAX_TAGS
        assert len(call.points) + len(call.params) <= MAX_ENTRIES
        assert not (call.tags and (call.points or call.params)), "tags say what went before"


def test_the_end_of_a_run() -> None:
    assert ending_of(trial(0, ap=0.5)) == (FINISHED, {})
    assert ending_of(trial(0, status="running")) == (RUNNING, {})
    assert ending_of(trial(0, status="stopped", ap=0.2)) == (FINISHED, {"stopped_at_epoch": "3"})
    assert ending_of(trial(0, status="failed", reason="out of memory")) == (FAILED, {"reason": "out of memory"})
    assert ending_of(trial(0, status="waiting")) == (SCHEDULED, {"reason": INTERRUPTED})
    assert ending_of(trial(0, status="waiting"), driven=False, spent=True) == (KILLED, {"reason": BUDGET_SPENT})
    assert ending_of(trial(0, status="running"), driven=False) == (KILLED, {"reason": INTERRUPTED})
    assert ending_of(trial(0, status="failed", reason=INTERRUPTED)) == (KILLED, {"reason": INTERRUPTED})


def test_every_value_is_written_once_with_its_time() -> None:
    record = trial(0, ap=0.5)
    points = points_of(record, started=100.0)
    assert len({(point.name, point.step) for point in points}) == len(points)
    losses = [point for point in points if point.name == "loss"]
    assert [point.step for point in losses] == list(range(1, 13))
    assert [point.timestamp for point in losses] == [int(1000 * (100 + 4 * epoch)) for epoch in range(1, 13)]
    assert {point.step for point in points if point.name == "mmacs"} == {0}


def test_the_last_accuracy_of_a_whole_training_has_a_name_of_its_own() -> None:
    """A scatter of runs then shows no accuracy of a lower fidelity beside one of a whole training."""
    values = {point.name: point for point in points_of(trial(0, ap=0.5), started=0.0)}
    assert (values["final_ap_gt"].value, values["final_ap_gt"].step) == (0.5, 12)
    assert {"mmacs", "params", "latency_ms"} <= set(values)
    for status in ("stopped", "running", "waiting", "failed"):
        assert "final_ap_gt" not in {point.name for point in points_of(trial(0, ap=0.5, status=status), started=0.0)}


def snapshot(*trials: TrialRecord, left: int = 0) -> Snapshot:
    return Snapshot(study=study(list(trials)), attributes={}, left=left)


def test_the_status_of_a_search_that_nobody_drives() -> None:
    done, waits, runs = trial(0, ap=0.5), trial(1, status="waiting"), trial(2, status="running")
    assert search_status(snapshot(done)) == FINISHED
    assert search_status(snapshot(done, left=2)) == SCHEDULED
    assert search_status(snapshot(done, waits)) == SCHEDULED
    assert search_status(dataclasses.replace(snapshot(done, waits), is_spent=True)) == FINISHED
    assert search_status(snapshot(done, waits, runs)) == KILLED
