"""The work of a trial's process around its training."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os

import pytest
from ray import tune

from dite_search.driver import trainable
from dite_search.driver.measurers import MEASURERS
from dite_search.driver.trainable import (
    ARCH_FILE,
    ERROR_FILE,
    NOTE,
    REMEMBERED_SECONDS,
    STARTS_FILE,
    TrialRunner,
    back_off,
    reason_of,
)
from dite_search.study.attributes import OUTAGE, REASON
from dite_search.study.directory import trial_directory
from search_spaces.common.errors import StorageFull
from search_spaces.common.files import write_mapping, write_text
from trainers.checkpoints.retry import STORAGE_RETRY
from trainers.data.config import DataConfig


def test_starts_that_follow_each_other_wait_ever_longer(tmp_path):
    waits, now = [], [1_000_000.0]
    for _ in range(9):
        before = len(waits)
        back_off(tmp_path, clock=lambda: now[0], sleep=waits.append)
        now[0] += 5 + sum(waits[before:])
    assert waits == [*itertools.takewhile(lambda wait: wait < 60, (2.0**n for n in range(1, 20))), 60, 60, 60]
    now[0] += REMEMBERED_SECONDS
    back_off(tmp_path, clock=lambda: now[0], sleep=waits.append)
    assert len(waits) == 8
    assert not list((tmp_path / "another").glob("*"))


def test_a_clock_that_was_set_back_costs_no_wait(tmp_path):
    waits = []
    back_off(tmp_path, clock=lambda: 2_000_000.0, sleep=waits.append)
    back_off(tmp_path, clock=lambda: 1_000_000.0, sleep=waits.append)
    assert waits == []


def test_a_reason_is_the_last_line_of_the_deepest_cause():
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("several\nlines, the last of which says why")
    assert reason_of(wrapped) == "ValueError: lines, the last of which says why"


@pytest.fixture
def trial(make_search, monkeypatch):
    """A trial whose storage has room after its third refusal; what it reports, and what it waits."""
    told, waits, refused = [], [], dict.fromkeys((STARTS_FILE, ARCH_FILE, ERROR_FILE, "latency_ms"), 3)

    def full(path, name):
        if refused[name]:
            refused[name] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def write(kind):
        def call(path, content):
            full(path, path.name)
            kind(path, content)

        return call

    def measure(search, arch, directory):
        full(directory, "latency_ms")
        return 7.0

    monkeypatch.setattr(trainable, "write_text", write(write_text))
    monkeypatch.setattr(trainable, "write_mapping", write(write_mapping))
    monkeypatch.setitem(MEASURERS, "latency_ms", measure)
    monkeypatch.setattr(trainable, "STORAGE_RETRY", dataclasses.replace(STORAGE_RETRY, sleep=waits.append))
    monkeypatch.setattr(trainable.tune, "report", told.append)
    config = make_search(objectives=["ap_gt", "latency_ms"])
    point = next(config.search_space.points())
    runner = TrialRunner(search=config, data=DataConfig(root=config.study_directory, format="coco", name="none"))
    suggestion = {
        "number": 3,
        "point": point,
        "arch": config.search_space.build(point),
        "seed": config.seed,
        "repeat": 0,
        "continues": None,
    }
    return runner, suggestion, trial_directory(config, 3), told, waits, refused


def test_a_full_disk_is_waited_for_with_every_small_file(trial, monkeypatch):
    runner, suggestion, folder, told, waits, _ = trial

    def learn(self, arch, config, place):
        tune.report({"epoch": 1, "ap_gt": 0.5})
        raise ValueError("the images are gone")

    monkeypatch.setattr(TrialRunner, "learn", learn)
    runner(suggestion)
    notes = [result[NOTE] for result in told if NOTE in result]
    again = "the storage is there again: going on"
    assert notes == [
        sentence
        for name in (STARTS_FILE, ARCH_FILE, "latency_ms", ERROR_FILE)
        for sentence in (f"{folder / name} cannot be written: no space left in {folder}; goes on once there is", again)
    ]
    assert waits == [1.0, 2.0, 4.0] * 4
    assert [result for result in told if NOTE not in result] == [
        {"latency_ms": 7.0},
        {"epoch": 1, "ap_gt": 0.5},
        {REASON: "ValueError: the images are gone"},
    ]
    assert "ValueError: the images are gone" in (folder / ERROR_FILE).read_text()
    assert (folder / ARCH_FILE).is_file()


def test_a_disk_that_stays_full_is_the_reason_and_the_trace_is_not_waited_for(trial, monkeypatch):
    runner, suggestion, folder, told, waits, refused = trial

    def learn(self, arch, config, place):
        raise StorageFull("checkpoint x cannot be written: no space left in y")

    monkeypatch.setattr(TrialRunner, "learn", learn)
    refused.update(dict.fromkeys(refused, 0) | {ERROR_FILE: 99})
    runner(suggestion)
    assert told[-2:] == [
        {NOTE: f"{folder / ERROR_FILE} cannot be written: no space left in {folder}"},
        {REASON: "StorageFull: checkpoint x cannot be written: no space left in y", OUTAGE: True},
    ]
    assert waits == []
