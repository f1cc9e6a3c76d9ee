"""Epochs that a study lost and its checkpoints kept, as from a search that an earlier version paused in a last epoch."""

from __future__ import annotations

import io
import json

import mlflow
import pytest
from optuna.trial import TrialState
from rich.console import Console
from sqlalchemy import text

from dite_search.driver.run_search import resume_search
from dite_search.driver.searcher import StudySearch
from dite_search.storage.lease import Lease
from dite_search.storage.pause import Pause
from dite_search.study.backfill import Backfill, backfill_curves
from dite_search.study.directory import checkpoint_location
from dite_search.study.reader import read_study, rung_records
from dite_search.study.study import create_study, open_study, reopen_running, storage_of
from dite_search.tracking.client import TRIAL_TAG, tracker_of, tracking_uri
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource
from search_spaces.common.errors import InvalidInput, StorageUnavailable
from search_spaces.registry import preset
from tests.dite_search.commands import refused, run
from trainers.checkpoints.checkpoint import LAST, Checkpoint
from trainers.checkpoints.store import CheckpointStore

pytestmark = pytest.mark.filterwarnings("ignore")

EPOCHS = 3
SPACE = {"base": "tiny", "parameters": {"widths": None, "learning_rate": [0.001, 0.01]}}


def curve_of(number, epochs=EPOCHS):
    return [
        {"epoch": epoch, "loss": 1 / epoch, "seconds": 2.0 * epoch, "ap_gt": (10 * number + epoch) / 100}
        for epoch in range(1, epochs + 1)
    ]


@pytest.fixture
def make_study(make_search):
    """A study of three epochs, one trial for each ending, whose checkpoints hold all that was trained."""

    def make(*endings):
        training = {"epochs": EPOCHS, "batch_size": 16, "validate_every": 1}
        config = make_search(training=training, sampler={"name": "random"}, trials=len(endings), scheduler={"name": "none"})
        create_study(config)
        search = StudySearch(config)
        for name, (ending, epochs) in enumerate(endings):
            number = search.suggest(str(name))["number"]
            assert number == name
            curve = curve_of(number, epochs)
            save(config, number, curve)
            for metrics in curve:
                search.on_trial_result(str(name), metrics)
            if ending == "failed":
                search.on_trial_result(str(name), {"reason": "burst"})
            if ending != "cut off":
                search.on_trial_complete(str(name), curve[-1])
        reopen_running(config)
        return config

    return make


def save(config, number, curve, arch=None):
    state = {"network": {}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    arch = arch or read_study(config).trials[number].arch
    checkpoint = Checkpoint(arch=arch, train=config.train_config, data={}, state=state, curve=curve)
    CheckpointStore(checkpoint_location(config, number)).save(checkpoint)


def lose(config, number, *epochs):
    """Take epochs out of a trial, as if they had never been recorded."""
    with storage_of(config).engine.begin() as connection:
        for epoch in epochs:
            gone = connection.execute(
                text("DELETE FROM trial_user_attributes WHERE trial_id = :trial AND key = :key"),
                {"trial": open_study(config).trials[number]._trial_id, "key": f"epoch:{epoch:06d}"},
            )
            assert gone.rowcount == 1


def mirror_as_it_is(config):
    """Write a study to MLflow with the gaps that it has."""
    Mirror(tracker_of(config), StudySource(config)).reconcile()


def runs_of(config):
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    runs = client.search_runs([client.get_experiment_by_name("dite-search").experiment_id])
    by_trial = {run.data.tags.get(TRIAL_TAG): run for run in runs}
    assert len(by_trial) == len(runs)
    return client, by_trial


def told_by_mlflow(config, number):
    """The accuracy of each epoch of a trial, and the last one, as MLflow has them."""
    client, runs = runs_of(config)
    run = runs[str(number)]
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "ap_gt")], run.data.metrics[
        "ap_gt"
    ]


def synced(config):
    return json.loads(run("sync", config.study_directory, "--json").stdout)


@pytest.mark.slow
def test_sync_takes_the_epochs_that_a_study_lost_from_the_checkpoints_once(make_study):
    config = make_study(("complete", 3), ("complete", 3), ("failed", 2), ("cut off", 2), ("complete", 3))
    before = read_study(config).trials
    for number, *epochs in ((0, 3), (1, 2, 3), (2, 2), (3, 2)):
        lose(config, number, *epochs)
    mirror_as_it_is(config)
    assert told_by_mlflow(config, 0) == ([(1, 0.01), (2, 0.02)], 0.02)
    first = synced(config)
    assert (first["epochs_from_checkpoints"], first["trials_mended"]) == (5, 4)
    after = read_study(config).trials
    assert [(record.status, record.curve, record.values) for record in after] == [
        (record.status, record.curve, record.values) for record in before
    ]
    for record in after:
        curve = [(epoch["epoch"], epoch["ap_gt"]) for epoch in record.curve]
        assert told_by_mlflow(config, record.number) == (curve, curve[-1][1])
    assert runs_of(config)[1][None].data.metrics["epochs_trained"] == 3 * 3 + 2 + 2
    again = synced(config)
    assert {name for name, value in again.items() if value} == {"study", "mlflow", "run"}


def test_a_scheduler_is_still_asked_about_epochs_that_come_from_a_checkpoint(make_study):
    config = make_study(("cut off", 3))
    lose(config, 0, 2, 3)
    assert backfill_curves(config).epochs == 2
    assert read_study(config).trials[0].curve == curve_of(0)
    assert [epoch for _, epoch, _ in rung_records(config)] == [1]


def test_what_the_scheduler_stopped_ends_where_it_decided(make_study):
    config = make_study(("complete", 2))
    assert open_study(config).trials[0].state is TrialState.PRUNED
    save(config, 0, curve_of(0, 3))
    assert backfill_curves(config) == Backfill(epochs=0, trials=())
    lose(config, 0, 1)
    assert backfill_curves(config) == Backfill(epochs=1, trials=(0,))
    assert read_study(config).trials[0].curve == curve_of(0, 2)


def remove(config):
    (checkpoint_location(config, 0) / LAST).unlink()


def cut_short(config):
    file = checkpoint_location(config, 0) / LAST
    file.write_bytes(file.read_bytes()[:1000])


def replace_by_another_network(config):
    save(config, 0, curve_of(0), arch=preset("lite_hrnet_18"))


def replace_by_another_training(config):
    save(config, 0, [metrics | {"loss": 9.0} for metrics in curve_of(0)])


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (remove, "no checkpoint of the trial holds them"),
        (cut_short, "no checkpoint of the trial in {place} is whole"),
        (replace_by_another_network, "checkpoint {place}/last.pt must be of network "),
        (replace_by_another_training, "its checkpoint must tell the same curve, but differs from the study in epoch 1"),
    ],
)
def test_a_gap_that_no_checkpoint_fills_stays_and_is_named(make_study, breaks, reason):
    config = make_study(("complete", 3))
    lose(config, 0, 3)
    breaks(config)
    told = []
    assert backfill_curves(config, told.append).epochs == 0
    (sentence,) = told
    assert sentence.startswith("trial 0 lacks epochs of its curve: " + reason.format(place=checkpoint_location(config, 0)))
    assert [epoch["epoch"] for epoch in read_study(config).trials[0].curve] == [1, 2]


def test_a_store_that_does_not_answer_is_an_error_and_no_gap(make_study, monkeypatch):
    config = make_study(("complete", 3))
    lose(config, 0, 3)

    def away(store):
        raise StorageUnavailable("s3://bucket does not answer")

    monkeypatch.setattr(CheckpointStore, "load", away)
    with pytest.raises(StorageUnavailable, match=r"^s3://bucket does not answer$"):
        backfill_curves(config)


@pytest.mark.slow
def test_resume_mends_a_study_that_has_ended(make_study):
    config = make_study(("complete", 3), ("complete", 3))
    mirror_as_it_is(config)
    lose(config, 1, 3)
    assert resume_search(config, Console(file=io.StringIO())).trials[1].curve == curve_of(1)
    with pytest.raises(InvalidInput, match="study small must have trials left to go on with, but all 2 have ended"):
        resume_search(config, Console(file=io.StringIO()))


def test_a_study_beside_a_live_driver_keeps_its_gaps(make_study):
    config = make_study(("complete", 3))
    lose(config, 0, 3)
    with Lease(config.name, storage_of(config)).held(Pause()):
        assert "must not be running to be synced" in refused("sync", config.study_directory)
    assert len(read_study(config).trials[0].curve) == 2
