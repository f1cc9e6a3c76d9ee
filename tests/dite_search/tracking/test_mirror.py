"""MLflow equals the study, whatever gets lost on the way; and no training waits for it."""

from __future__ import annotations

import threading
import time

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.driver.searcher import StudySearch
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study
from dite_search.tracking.client import Point, Refused, RunState, Unreachable
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.plan import batches, choose_run, ending_of, points_of
from dite_search.tracking.source import StudySource
from tests.dite_search.tracking.mirrors import MemoryStudy, MemoryTracker, differences

ENDS = ("complete", "stopped", "failed", "waiting")

pytestmark = pytest.mark.xdist_group("clock")


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float | None) -> None:
        assert seconds is not None, "nothing is left to wait for"
        self.now += seconds
        self.slept.append(seconds)


def mirror_of(tracker: MemoryTracker, study: MemoryStudy) -> tuple[Mirror, Clock]:
    clock = Clock()
    return Mirror(tracker, study, clock=clock, sleep=clock.sleep), clock


def finish(mirror: Mirror) -> None:
    mirror.end()
    mirror.run()


actions = st.one_of(
    st.just(("start",)),
    st.tuples(st.just("epoch"), st.integers(0, 5)),
    st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from(ENDS)),
    st.tuples(st.just("go on"), st.integers(0, 5)),
    st.just(("step",)),
    st.just(("step",)),
    st.just(("killed",)),
    st.just(("closed",)),
)
fates = st.lists(st.sampled_from(("ok", "ok", "ok", "lost", "unheard", "late")), max_size=80)


@given(script=st.lists(actions, max_size=40), fates=fates)
def test_whatever_fails_mlflow_ends_equal_to_the_study(script, fates):
    study, tracker = MemoryStudy(), MemoryTracker(iter(fates))
    mirror, clock = mirror_of(tracker, study)
    for name, *arguments in script:
        if name == "start":
            mirror.tell(study.start())
        elif name == "step":
            clock.now += mirror.step() or 0.0
        elif name == "closed":
            finish(mirror)
        if name in ("killed", "closed"):
            mirror, clock = mirror_of(tracker, study)
        if len(arguments) and arguments[0] < len(study.trials):
            number, status = arguments[0], study.trials[arguments[0]].status
            if name == "epoch" and status == "running":
                study.epoch(number)
                mirror.tell(number)
            elif name == "end" and status == "running":
                study.end(number, arguments[1])
                mirror.tell(number)
            elif name == "go on" and status == "waiting":
                study.go_on(number)
                mirror.tell(number)
    finish(mirror)
    tracker.land()
    mirror, _ = mirror_of(tracker, study)
    mirror.reconcile()
    assert differences(tracker, study) == []
    assert mirror.lacks() == ""
    calls = len(tracker.calls)
    again, _ = mirror_of(tracker, study)
    again.reconcile()
    assert not again.written
    assert set(tracker.calls[calls:]) <= {"find_runs", "history"}


@given(fates=st.lists(st.sampled_from(("ok", "ok", "lost", "unheard")), max_size=60))
def test_the_end_of_a_search_needs_no_second_comparison(fates):
    """Where nothing arrives late, one mirror is enough, and no value is sent again that has arrived."""
    study, tracker = MemoryStudy(), MemoryTracker(iter(fates), keeps_equal=True)
    mirror, clock = mirror_of(tracker, study)
    for status in ENDS:
        number = study.start()
        for _ in range(3):
            study.epoch(number)
            mirror.tell(number)
            clock.now += mirror.step() or 0.0
        study.end(number, status)
        mirror.tell(number)
    finish(mirror)
    assert differences(tracker, study) == []
    assert mirror.lacks() == ""


def test_a_finished_study_is_compared_without_reading_its_histories():
    study, tracker = MemoryStudy(), MemoryTracker()
    for status in ENDS:
        study.epoch(number := study.start())
        study.end(number, status)
    mirror, _ = mirror_of(tracker, study)
    mirror.reconcile()
    tracker.calls.clear()
    mirror_of(tracker, study)[0].reconcile()
    assert tracker.calls == ["find_runs"]


def test_an_hour_without_a_server_goes_out_in_a_few_calls():
    study, tracker = MemoryStudy(), MemoryTracker()
    mirror, clock = mirror_of(tracker, study)
    mirror.tell(study.start())
    while mirror.step() is not None:
        pass
    tracker.down = True
    for _ in range(300):
        study.epoch(0)
        mirror.tell(0)
        clock.now += mirror.step() or 0.0
    tracker.down = False
    tracker.calls.clear()
    clock.now += 60.0
    while mirror.step() is not None:
        pass
    assert tracker.calls == ["find_runs", "history", "log_batch"]
    assert len({(p.name, p.step) for p in tracker.runs[study.trials[0].mlflow_run_id].points if p.name == "loss"}) == 300


def test_the_waits_double_up_to_a_minute_and_are_short_at_the_end():
    study, tracker = MemoryStudy(), MemoryTracker()
    tracker.down = True
    mirror, clock = mirror_of(tracker, study)
    waits = []
    for _ in range(9):
        waits.append(mirror.step())
        clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.now -= 30
    assert mirror.step() == 30
    mirror.end()
    assert [mirror.step(), mirror.step()] == [1, 1]
    clock.now += 1
    assert mirror.step() == 2
    clock.now += 2
    assert mirror.step() == 2
    assert mirror.lacks() == "the front"


def test_a_server_that_hangs_holds_up_nobody():
    class Hanging(MemoryTracker):
        def __init__(self) -> None:
            super().__init__()
            self.release, self.called = threading.Event(), threading.Event()

        def find_runs(self, study, *, trial=None):
            self.called.set()
            assert self.release.wait(30)
            return super().find_runs(study, trial=trial)

    study, tracker = MemoryStudy(), Hanging()
    mirror = Mirror(tracker, study)
    with mirror:
        assert tracker.called.wait(30)
        number = study.start()
        began = time.monotonic()
        for _ in range(1000):
            mirror.tell(number)
        assert time.monotonic() - began < 1
        study.end(number, "complete")
        began = time.monotonic()
        mirror.close(grace=0.1)
        assert time.monotonic() - began < 5
        assert mirror.lacks() == "1 of 1 trials and the front"
        tracker.release.set()


def test_the_thread_follows_and_ends():
    study, tracker = MemoryStudy(), MemoryTracker()
    with Mirror(tracker, study) as mirror:
        for _ in range(5):
            number = study.start()
            mirror.tell(number)
            study.epoch(number)
            mirror.tell(number)
            study.end(number, "complete")
            mirror.tell(number)
    assert differences(tracker, study) == []
    assert mirror.lacks() == ""


def test_a_search_that_raises_waits_for_no_server():
    tracker = MemoryTracker()
    tracker.down = True
    began = time.monotonic()
    with pytest.raises(KeyError, match="defect"), Mirror(tracker, MemoryStudy()):
        raise KeyError("defect")
    assert time.monotonic() - began < 5


def test_a_refusal_concerns_one_trial():
    class Refusing(MemoryTracker):
        def log_batch(self, run_id, **written):
            if self.runs[run_id].state.tags.get("dite_search.trial") == "1":
                raise Refused("values must be small")
            super().log_batch(run_id, **written)

    study, tracker = MemoryStudy(), Refusing()
    for _ in range(3):
        study.end(study.start(), "complete")
    mirror, _ = mirror_of(tracker, study)
    finish(mirror)
    assert mirror.lacks() == "1 of 3 trials (refused: values must be small)"
    assert {run.state.status for key, run in enumerate(tracker.runs.values()) if key != 2} == {"FINISHED"}


def test_a_run_that_goes_on_loses_its_reason():
    study, tracker = MemoryStudy(), MemoryTracker()
    study.end(study.start(), "waiting")
    mirror_of(tracker, study)[0].reconcile()
    run = tracker.runs[next(run_id for run_id, run in tracker.runs.items() if "dite_search.trial" in run.state.tags)]
    assert (run.state.status, "reason" in run.state.tags) == ("SCHEDULED", True)
    study.go_on(0)
    mirror_of(tracker, study)[0].reconcile()
    assert (run.state.status, "reason" in run.state.tags) == ("RUNNING", False)


def test_a_run_without_tags_is_taken_up_where_the_study_noted_it():
    study, tracker = MemoryStudy(), MemoryTracker()
    study.run_id = tracker.create_run("drawn", {}, started=0)
    study.note(study.start(), tracker.create_run("trial-00000", {}, started=0))
    study.end(0, "complete")
    mirror_of(tracker, study)[0].reconcile()
    assert differences(tracker, study) == []
    assert len(tracker.runs) == 2


def test_a_server_that_was_set_up_anew_gets_everything_again():
    study, tracker = MemoryStudy(), MemoryTracker()
    study.end(study.start(), "complete")
    mirror_of(tracker, study)[0].reconcile()
    tracker.runs.clear()
    mirror_of(tracker, study)[0].reconcile()
    assert differences(tracker, study) == []


@given(
    points=st.integers(0, 2500),
    params=st.integers(0, 250),
    tags=st.integers(0, 250),
)
def test_no_call_is_larger_than_mlflow_takes(points, params, tags):
    given_points = [Point(name="loss", step=step, value=0.0, timestamp=0) for step in range(points)]
    given_params, given_tags = ({f"{kind}{i}": "x" for i in range(n)} for kind, n in (("p", params), ("t", tags)))
    calls = list(batches(given_points, given_params, given_tags))
    for call in calls:
        assert len(call.points) <= 1000
        assert len(call.params) <= 100
        assert len(call.tags) <= 100
        assert 0 < len(call.points) + len(call.params) + len(call.tags) <= 1000
    assert [point for call in calls for point in call.points] == given_points
    assert {name for call in calls for name in call.params} == set(given_params)
    assert {name for call in calls for name in call.tags} == set(given_tags)
    first_tags = next((i for i, call in enumerate(calls) if call.tags), len(calls))
    assert not any(call.points or call.params for call in calls[first_tags:])


def test_of_twins_the_noted_one_stays_else_the_oldest():
    runs = [RunState(run_id=name, status="RUNNING", started=started) for name, started in (("a", 2), ("b", 1), ("c", 3))]
    assert choose_run(runs, "c") == (runs[2], [runs[1], runs[0]])
    assert choose_run(runs, None) == (runs[1], [runs[0], runs[2]])
    assert choose_run([], "c") == (None, [])


def test_a_value_is_planned_once_and_its_time_follows_from_the_study():
    study = MemoryStudy()
    number = study.start()
    for _ in range(2):
        study.epoch(number)
    study.end(number, "complete")
    points = points_of(study.trials[number], 1000.0)
    assert len({(point.name, point.step) for point in points}) == len(points)
    values = {(point.name, point.step): point for point in points}
    assert values["loss", 2].timestamp == 1_004_000
    assert values["latency_ms", 2].value == 3.0
    assert values["ap_gt", 1].value == 0.1
    assert values["params", 0].value == study.trials[number].cost.params
    assert ("epoch", 1) not in values


def test_statuses():
    study = MemoryStudy()
    for status in ENDS:
        study.epoch(number := study.start())
        study.end(number, status)
    study.start()
    endings = [ending_of(trial) for trial in study.trials]
    assert [status for status, _ in endings] == ["FINISHED", "FINISHED", "FAILED", "SCHEDULED", "RUNNING"]
    assert [tags for _, tags in endings] == [
        {},
        {"stopped_at_epoch": "1"},
        {"reason": "burst"},
        {"reason": "the search was stopped before the trial ended"},
        {},
    ]


def test_the_source_reads_and_notes_a_real_study(make_search):
    config = make_search(mlflow_url="http://me:secret@127.0.0.1:9")
    create_study(config)
    search = StudySearch(config)
    search.suggest("a")
    search.suggest("b")
    source = StudySource(config)
    source.note(None, "parent")
    source.note(0, "first")
    search.on_trial_complete("b", {"ap_gt": 0.5})
    source.read()
    source.note(1, "second")
    snapshot = source.read()
    assert snapshot.run_id == "parent"
    assert {number: record.mlflow_run_id for number, record in snapshot.records.items()} == {0: "first", 1: "second"}
    assert snapshot.attributes[0]["seed"] == config.seed
    assert StudySource(config).tag == source.tag
    assert source.tag.startswith("small-")
    assert "secret" not in source.search_file
    assert read_study(config).trials[0].mlflow_run_id == "first"
    assert open_study(config).trials[1].state is optuna.trial.TrialState.COMPLETE


def test_what_a_dead_driver_left_running_was_killed_and_goes_on():
    study, tracker = MemoryStudy(), MemoryTracker()
    study.end(study.start(), "complete")
    study.epoch(study.start())
    mirror_of(tracker, study)[0].reconcile()
    assert sorted(run.state.status for run in tracker.runs.values()) == ["FINISHED", "RUNNING", "RUNNING"]
    study.driven = False
    mirror_of(tracker, study)[0].reconcile()
    assert differences(tracker, study) == []
    assert sorted(run.state.status for run in tracker.runs.values()) == ["FINISHED", "KILLED", "KILLED"]
    study.driven = True
    mirror, _ = mirror_of(tracker, study)
    study.end(1, "complete")
    mirror.tell(1)
    finish(mirror)
    assert differences(tracker, study) == []
    assert {run.state.status for run in tracker.runs.values()} == {"FINISHED"}


def followed(mirror: Mirror) -> None:
    while mirror.step() is not None:
        pass


def test_pages_are_renewed_once_a_minute_where_a_trial_has_ended_since():
    study, tracker = MemoryStudy(), MemoryTracker()
    mirror, clock = mirror_of(tracker, study)
    made = []
    for ended in (False, True, True, True, False, False):
        number = study.start()
        study.epoch(number)
        if ended:
            study.end(number, "complete")
        mirror.tell(number)
        followed(mirror)
        made.append(study.made)
        clock.now += 40.0
    assert made == [0, 1, 1, 2, 2, 2]
    clock.now -= 40.0
    for number in (0, 4, 5):
        study.end(number, "failed")
    finish(mirror)
    assert study.made == 3, "the end of a search is shown at once"


def test_pages_that_take_long_are_renewed_less_often():
    study, tracker = MemoryStudy(), MemoryTracker()
    mirror, clock = mirror_of(tracker, study)
    tracker.upload = lambda run_id, files: setattr(clock, "now", clock.now + (10.0 if "front.html" in files else 0.0))
    made = []
    for _ in range(3):
        study.end(number := study.start(), "complete")
        mirror.tell(number)
        followed(mirror)
        made.append(study.made)
        clock.now += 150.0
    assert made == [1, 1, 2]


def test_pages_that_did_not_arrive_are_sent_again_and_not_made_again():
    class Losing(MemoryTracker):
        lost = 0

        def upload(self, run_id, files):
            if "front.html" in files and self.lost < 3:
                self.lost += 1
                raise Unreachable("no answer")
            super().upload(run_id, files)

    study, tracker = MemoryStudy(), Losing()
    study.end(study.start(), "complete")
    mirror, clock = mirror_of(tracker, study)
    for _ in range(8):
        clock.now += mirror.step() or 0.0
    assert tracker.lost == 3
    assert study.made == 1
    assert [run.state.tags.get("mlflow.note.content") for run in tracker.runs.values()] == ["of 1", None]
