"""Estimates of what a search will take, told before it begins."""

from __future__ import annotations

import dataclasses

import pytest

from dite_search.config.search_data import data_of
from dite_search.doctor.findings import OK, WARNING
from dite_search.planning.outlook import GIB, _on_one_device, hours_finding, memory_finding, outlook
from trainers.training.timing import TrainingTime

MEASURED = TrainingTime(device="cpu", threads=1, steps=10, step_seconds=0.5, score_seconds=20.0, memory=GIB)


@pytest.mark.slow
def test_networks_are_counted_and_steps_are_timed(make_search):
    config = make_search(budget="mmacs <= 4.5")
    before = {finding.name: finding.sentence for finding in outlook(config, at_once=1)}
    assert before["speed"] == "a step is timed once the images are drawn"
    data_of(config)
    found = {finding.name: finding for finding in outlook(config, at_once=2)}
    assert list(found) == ["networks", "speed", "hours", "memory"]
    space = config.search_space
    inside = sum(space.cost_of(space.build(point)).mmacs <= 4.5 for point in space.points())
    assert found["networks"].sentence == (
        f"{inside} of {space.count()} points of space tiny are within the budget mmacs <= 4.5"
    )
    assert 0 < inside < space.count()
    assert "an epoch of 2 steps, and" in found["speed"].sentence
    assert found["hours"].sentence.startswith("3 networks take about a minute, 2 at a time, if none stops early")
    assert not config.study_directory.exists()


def test_an_epoch_has_its_share_of_the_validations(make_search):
    recipe = make_search(training={"epochs": 4, "batch_size": 16, "validate_every": 2}).train_config
    assert MEASURED.epoch_seconds(recipe) == pytest.approx(10 * 0.5 + 20 * 2 / 4)


def test_hours_are_enough_for_so_many_networks(make_search):
    training = {"epochs": 9, "batch_size": 16, "validate_every": 1}
    config = make_search(trials=None, spend={"hours": 1}, training=training)
    found = hours_finding(config, epoch=100.0, at_once=2, now=0.0)
    assert (found.status, found.sentence) == (
        OK,
        f"1 h are enough for about 8 whole trainings, 2 at a time, or {7200 // (100 * min(config.goals))} networks to epoch"
        f" {min(config.goals)}",
    )
    short = hours_finding(config, epoch=1000.0, at_once=1, now=0.0)
    assert short.status == WARNING
    assert short.sentence.endswith("not one training ends")
    assert short.remedy == "spend.hours or until, or training.epochs"
    asked = hours_finding(make_search(trials=3, spend={"epochs": 20}), epoch=3600.0, at_once=2, now=0.0)
    assert asked.sentence == "3 networks take about 4.0 h, 2 at a time, if none stops early"


def test_trainings_side_by_side_must_fit_the_memory():
    assert memory_finding(MEASURED, at_once=2, available=2 * GIB).status == OK
    found = memory_finding(MEASURED, at_once=3, available=2 * GIB)
    assert found.status == WARNING
    assert found.sentence == (
        "a training takes about 1.0 GiB of memory, 3 trials at once 3.0 of the 2.0 GiB that are free here"
    )


def test_a_step_is_not_timed_without_the_gpu_of_a_trial(make_search, monkeypatch):
    config = make_search(resources={"gpus_per_worker": 1})
    data_of(config)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert [finding.sentence for finding in outlook(config, at_once=1)][1:] == ["this machine has no GPU to time a step on"]


@pytest.mark.parametrize(
    ("device", "resources", "at_once", "found"),
    [
        ("cuda", {"gpus_per_worker": 1}, 8, 1),
        ("cuda", {"gpus_per_worker": 0.5}, 8, 2),
        ("cuda", {"gpus_per_worker": 0.5}, 1, 1),
        ("cuda", {"gpus_per_worker": 0.1}, 8, 8),
        ("cpu", {"cpus_per_worker": 2}, 40, 6),
        ("cpu", {"cpus_per_worker": 2, "workers": 3}, 40, 2),
        ("cpu", {"cpus_per_worker": 99}, 40, 1),
        ("cpu", {}, 3, 3),
    ],
)
def test_memory_is_that_of_the_trials_on_one_device(make_search, monkeypatch, device, resources, at_once, found):
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    measured = dataclasses.replace(MEASURED, device=device)
    assert _on_one_device(make_search(resources=resources), measured, at_once) == found
