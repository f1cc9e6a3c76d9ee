"""A search as it stands: throughput, time left, states and curves, and what a reader makes of a study."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.study.records import StudyRecord, TrialRecord
from dite_search.driver.searcher import StudySearch
from dite_search.monitor.payload import as_plain
from dite_search.monitor.snapshot import (
    LiveReader,
    StudySnapshot,
    advice,
    clean,
    epoch_times,
    epochs_left,
    eta,
    eta_words,
    state_of,
    state_words,
    tally_words,
    throughput,
)
from dite_search.storage.lease import Holder, Lease
from dite_search.study.directory import SEARCH_FILE
from dite_search.study.study import create_study, extend_study, storage_of
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import trial

pytestmark = pytest.mark.filterwarnings("ignore")

DRIVER = Holder(host="node", pid=7, since=0.0, state="drives")
NOW = 100_000.0


def trained(number: int, epochs: int, *, each: float = 60.0, status: str = "complete", **changes) -> TrialRecord:
    """A trial whose epochs took ``each`` seconds."""
    curve = [{"epoch": float(n), "loss": 1.0 / n, "seconds": each * n, "ap_gt": n / 20} for n in range(1, epochs + 1)]
    return trial(number, ap=0.4, status=status, curve=curve, seconds=each * epochs, **changes)


def moment_of(trials: list[TrialRecord], started: dict[int, float], **changes) -> StudySnapshot:
    study = StudyRecord(name="s", directory=Path("runs/s"), objectives=("ap_gt", "mmacs"), trials=trials)
    spent = sum(record.status not in ("running", "waiting") and not record.origin for record in trials)
    fields = {"study": study, "now": NOW, "asked": 10, "spent": spent, "epochs": 12, "started": started, "driver": DRIVER}
    return StudySnapshot(**(fields | changes))


def steady(epochs: int = 12, trials: int = 5, **changes) -> StudySnapshot:
    """Trials one after another, an epoch a minute, the last of which ends now."""
    records = [trained(number, epochs) for number in range(trials)]
    return moment_of(records, {n: NOW - (trials - n) * epochs * 60 for n in range(trials)}, **changes)


def test_throughput_is_that_of_the_last_hour():
    speed = throughput(steady())
    assert speed.seconds == 3600
    assert speed.epochs_per_hour == pytest.approx(60)
    assert speed.trials_per_hour == pytest.approx(5)
    assert str(speed) == "60 epochs/h and 5 trials/h over the last 1 h 0 min"


def test_a_pause_before_the_present_driver_is_no_part_of_the_window():
    old = steady()
    started = {number: start - 50_000 for number, start in old.started.items()} | {5: NOW - 600}
    records = [*old.study.trials, trained(5, 10, status="running")]
    speed = throughput(moment_of(records, started, driver=dataclasses.replace(DRIVER, since=NOW - 660)))
    assert speed.seconds == 660
    assert speed.epochs_per_hour == pytest.approx(10 / 660 * 3600)
    assert speed.trials_per_hour == 0


def test_long_epochs_widen_the_window():
    speed = throughput(moment_of([trained(0, 10, each=1800, status="running")], {0: NOW - 18_000}))
    assert speed.seconds == 4 * 3600
    assert speed.epochs_per_hour == pytest.approx(2)


def test_of_a_search_that_stands_still_the_last_speed_is_told():
    ended = dataclasses.replace(DRIVER, state="ended")
    speed = throughput(steady(driver=ended, now=NOW + 1e6))
    assert speed.is_last
    assert speed.epochs_per_hour == pytest.approx(60)
    assert "in its last 1 h 0 min" in str(speed)
    assert eta(steady(driver=ended)) is None
    for driver in (ended, dataclasses.replace(DRIVER, pause_asked=True)):
        assert eta_words(steady(driver=driver)) == ""


def test_a_search_that_died_before_a_trial_ended_has_a_speed():
    gone = dataclasses.replace(DRIVER, state="gone")
    speed = throughput(moment_of([trained(0, 5, status="running")], {0: NOW - 900}, driver=gone))
    assert (speed.seconds, speed.trials_per_hour) == (300, 0)
    assert speed.epochs_per_hour == pytest.approx(60)


def test_too_little_to_tell_is_said():
    nothing = moment_of([], {})
    assert throughput(nothing) is None
    assert eta_words(nothing) == "too early to say how long it takes"
    assert throughput(moment_of([trained(0, 1, each=2, status="running")], {0: NOW - 3})) is None


def test_epochs_of_an_earlier_trial_are_not_counted_again():
    continued = trained(1, 6, status="running", epochs_before=4)
    times = epoch_times(moment_of([trained(0, 4, status="stopped"), continued], {0: 0.0, 1: 1000.0}))
    assert times == [60, 120, 180, 240, 1060, 1120]


def test_the_time_left_is_that_of_trials_like_those_that_ended():
    # Three of four were stopped after 2 of 12 epochs: 4.5 on average. Left: 5 trials, and one running at epoch 1.
    records = [trained(0, 12), *(trained(n, 2, status="stopped") for n in (1, 2, 3)), trained(4, 1, status="running")]
    moment = moment_of(records, dict.fromkeys(range(5), NOW - 720), stops_early=True)
    assert epochs_left(moment) == pytest.approx(5 * 4.5 + 3.5)
    speed = throughput(moment)
    assert eta(moment) == pytest.approx(26 / speed.epochs_per_hour * 3600)
    assert eta_words(moment).startswith("about ")


def test_before_a_trial_has_ended_the_time_left_is_an_upper_bound():
    moment = moment_of([trained(0, 3, status="running")], {0: NOW - 180}, stops_early=True)
    assert epochs_left(moment) == 9 * 12 + 9
    assert eta_words(moment) == "at most about 1.9 h left"
    assert eta_words(dataclasses.replace(moment, stops_early=False)) == "about 1.9 h left"


def test_a_trial_past_the_usual_end_has_an_epoch_left():
    records = [trained(0, 2, status="stopped"), trained(1, 8, status="running")]
    moment = moment_of(records, {0: NOW - 600, 1: NOW - 480}, asked=2)
    assert epochs_left(moment) == 1


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["complete", "stopped", "running", "failed"])), max_size=6),
    st.floats(1, 5000),
    st.sampled_from(["drives", "ended", "gone"]),
)
def test_figures_are_never_negative(trials, each, state):
    records = [trained(number, epochs, each=each, status=status) for number, (epochs, status) in enumerate(trials)]
    driver = dataclasses.replace(DRIVER, state=state)
    moment = moment_of(records, {record.number: NOW - 13 * each for record in records}, driver=driver)
    speed, left = throughput(moment), eta(moment)
    assert epochs_left(moment) >= 0
    assert speed is None or min(speed.epochs_per_hour, speed.trials_per_hour, speed.seconds) >= 0
    assert left is None or left >= 0
    json.dumps(as_plain(moment), allow_nan=False)


@pytest.mark.parametrize(
    ("driver", "spent", "state", "words"),
    [
        (DRIVER, 5, "running", "runs, driven by process 7 on node"),
        (dataclasses.replace(DRIVER, pause_asked=True), 5, "pausing", "is asked to pause: process 7 on node"),
        (dataclasses.replace(DRIVER, state="ended"), 5, "stopped", "was stopped in order, with trials left"),
        (dataclasses.replace(DRIVER, state="gone"), 5, "dead", "stands still: its driver, process 7 on node, is gone"),
        (dataclasses.replace(DRIVER, state="ended"), 10, "finished", "has finished"),
        (dataclasses.replace(DRIVER, state="gone"), 10, "finished", "has finished"),
        (None, 5, "idle", "is driven by nobody"),
    ],
)
def test_who_drives_and_how_to_go_on(driver, spent, state, words):
    moment = steady(driver=driver, spent=spent)
    assert state_of(moment) == state
    assert state_words(moment).startswith(words)
    expected = "" if state in ("running", "pausing", "finished") else "dite-search resume runs/s"
    assert advice(moment) == expected


def test_what_nobody_trains_any_more_waits():
    records = [trained(0, 12), trained(1, 3, status="running"), trained(2, 12, origin="trial 4 of old")]
    moment = moment_of(records, {0: NOW - 900, 1: NOW - 180})
    assert tally_words(moment) == "1 of 10 trials ended: 1 complete, 1 running, 1 from earlier studies"
    dead = dataclasses.replace(moment, driver=dataclasses.replace(DRIVER, state="gone"))
    assert tally_words(dead) == "1 of 10 trials ended: 1 complete, 1 waiting, 1 from earlier studies"
    assert [record.number for record in moment.running] == [1]
    assert dead.running == []


def test_texts_of_others_cannot_steer_a_terminal():
    assert clean("a\x1b[31mb\nc\x07") == "a�[31mb�c�"
    assert clean("größer – ≤ 3") == "größer – ≤ 3"


@pytest.fixture
def begun(make_search):
    config = make_search(objectives=["ap_gt", "mmacs"])
    create_study(config)
    return config, StudySearch(config)


def test_a_reader_follows_a_study_that_another_writes(begun):
    config, search = begun
    reader = LiveReader(config)
    assert state_of(reader.read(time.time())) == "idle"
    search.suggest("a")
    epoch = {"epoch": 1, "loss": 0.5, "ap_gt": 0.1, "seconds": 30.0, "hostname": "gpu-3", "pid": 99}
    search.on_trial_result("a", epoch)
    lease = Lease(config.name, storage_of(config))
    lease.take()
    moment = reader.read(time.time())
    assert state_of(moment) == "running"
    assert moment.driver.host == socket.gethostname()
    assert [record.number for record in moment.running] == [0]
    assert moment.where == {0: "gpu-3, process 99"}
    assert (moment.spent, moment.asked, moment.epochs, moment.stops_early) == (0, 3, 2, True)
    search.on_trial_result("a", epoch | {"epoch": 2, "seconds": 60.0, "hostname": "gpu-4"})
    assert reader.read(time.time()).where == {0: "gpu-4, process 99"}
    search.on_trial_complete("a", {"epoch": 2, "loss": 0.4, "ap_gt": 0.2})
    lease.release()
    moment = reader.read(time.time())
    assert (state_of(moment), moment.spent, moment.running) == ("stopped", 1, [])
    assert [row["trial"] for row in as_plain(moment)["front"]] == [0]


def test_reading_writes_nothing(begun):
    config, _ = begun
    file = config.study_directory / "study.db"
    before = file.read_bytes()
    LiveReader(config).read(time.time())
    assert file.read_bytes() == before


def test_a_study_that_has_not_begun_is_not_made_by_watching_it(make_search):
    config = make_search()
    config.study_directory.mkdir(parents=True)
    with pytest.raises(InvalidInput, match=r"study small must have begun to be watched, but there is no .*study\.db"):
        LiveReader(config)
    assert not list(config.study_directory.iterdir())


def test_a_search_that_is_extended_elsewhere_is_watched_to_its_new_end(begun):
    config, _ = begun
    reader = LiveReader(config)
    assert reader.read(time.time()).asked == 3
    extend_study(config, {"trials": 7})
    assert reader.read(time.time()).asked == 7
    file = config.study_directory / SEARCH_FILE
    file.write_text("trials: [")
    os.utime(file, ns=(1, 1))
    assert reader.read(time.time()).asked == 7
