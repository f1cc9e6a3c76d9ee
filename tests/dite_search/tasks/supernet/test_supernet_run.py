"""The run of shared weights: of its own kind, complete after an outage, and found again by the next process."""

from __future__ import annotations

from pathlib import Path

import pytest

from dite_search.tasks.supernet.supernet_run import KIND_TAG, SUPERNET, SupernetRun
from dite_search.tracking.client import FAILED, FINISHED, STUDY_TAG, SUPERNET_TAG, Tracker, Unreachable

CURVE = [{"epoch": float(number), "loss_largest": 1.0 / number, "seconds": 10.0 * number} for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    folder = tmp_path_factory.mktemp("mlflow")
    return Tracker(f"sqlite:///{folder / 'mlflow.db'}", experiment="dite-search", artifacts=Path(folder) / "artifacts")


def run_of(tracker: Tracker, study: str) -> SupernetRun:
    return SupernetRun(tracker, study, {"epochs": 3, "distillation": 0.5}, clock=lambda: 1_000_000.0)


@pytest.mark.slow
def test_figures_of_every_epoch_stand_in_a_run_of_its_own_kind(tracker: Tracker) -> None:
    run = run_of(tracker, "whole")
    for epochs in (1, 2, 3):
        run.report(CURVE[:epochs])
    run.end(CURVE)
    assert run.lacks == ""
    (found,) = tracker.find_tagged({SUPERNET_TAG: "whole"})
    assert (found.run_id, found.status) == (run.run_id, FINISHED)
    assert found.tags[KIND_TAG] == SUPERNET
    assert STUDY_TAG not in found.tags, "a search would take the run for its own"
    assert found.params == {"epochs": "3", "distillation": "0.5"}
    assert tracker.history(run.run_id, ["loss_largest"]) == {("loss_largest", number) for number in (1, 2, 3)}
    assert tracker.find_runs("whole") == []


@pytest.mark.slow
def test_the_next_process_goes_on_with_the_run(tracker: Tracker) -> None:
    first = run_of(tracker, "resumed")
    first.report(CURVE[:1])
    first.end(CURVE[:1], failed="loss is not finite")
    (ended,) = tracker.find_tagged({SUPERNET_TAG: "resumed"})
    assert (ended.status, ended.tags["reason"]) == (FAILED, "loss is not finite")
    second = SupernetRun(tracker, "resumed", {"epochs": 4, "subnets_per_step": 5}, clock=lambda: 2_000_000.0)
    for epochs in (1, 2, 3):
        second.report(CURVE[:epochs])
    second.end(CURVE)
    (found,) = tracker.find_tagged({SUPERNET_TAG: "resumed"})
    assert (second.run_id, found.status, second.lacks) == (first.run_id, FINISHED, "")
    assert found.params["subnets_per_step"] == "5"
    assert tracker.history(first.run_id, ["loss_largest"]) == {("loss_largest", number) for number in (1, 2, 3)}


@pytest.mark.slow
def test_an_outage_delays_figures_and_nothing_else(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unreachable("the server does not answer")

    run = run_of(tracker, "outage")
    run.report(CURVE[:1])
    with monkeypatch.context() as patch:
        patch.setattr(tracker, "log_batch", away)
        run.report(CURVE[:2])
        assert run.lacks == "the server does not answer"
    run.end(CURVE)
    assert run.lacks == ""
    assert tracker.history(run.run_id, ["loss_largest"]) == {("loss_largest", number) for number in (1, 2, 3)}


def test_a_server_that_never_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def find_tagged(self, tags: dict[str, str]) -> None:
            raise Unreachable("no route")

    run = run_of(Away(), "away")
    run.report(CURVE)
    run.end(CURVE)
    assert (run.run_id, run.lacks) == ("", "no route")
