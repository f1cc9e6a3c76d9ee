"""MLflow call by call: where it is written, what it refuses, and what is said when it is not there."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time

import mlflow
import pytest

from dite_search.tracking.client import Point, Refused, Tracker, Unreachable, create_database, tracking_uri
from dite_search.tracking.mirror import Mirror
from search_spaces.common.errors import InvalidInput
from tests.dite_search.tracking.mirrors import MemoryStudy

TAGS = {"dite_search.study": "s-1"}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    return Tracker(tracking_uri(None, folder), experiment="x", artifacts=folder / "artifacts")


def test_the_default_store_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tracking_uri(None, tmp_path.__class__("runs")) == f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}"
    assert tracking_uri("http://127.0.0.1:5000", tmp_path) == "http://127.0.0.1:5000"


def test_a_server_that_is_down_is_named_without_its_password():
    with pytest.raises(InvalidInput, match=r"mlflow_url http://\*\*\*@127\.0\.0\.1:9 cannot be reached") as caught:
        Tracker("http://me:secret@127.0.0.1:9", experiment="x", artifacts=None)
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidInput, match="mlflow_url nonsense://x cannot be reached"):
        Tracker("nonsense://x", experiment="x", artifacts=None)


@pytest.mark.slow
def test_mlflow_gives_up_in_seconds_unless_the_user_says_otherwise():
    script = (
        "import dite_search.tracking.client; from mlflow.environment_variables import *;"
        "print(MLFLOW_HTTP_REQUEST_TIMEOUT.get(), MLFLOW_HTTP_REQUEST_MAX_RETRIES.get())"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    for environment, expected in (({}, "10 0"), ({"MLFLOW_HTTP_REQUEST_TIMEOUT": "45"}, "45 0")):
        done = subprocess.run(
            [sys.executable, "-c", script], env=plain | environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


@pytest.mark.slow
def test_a_run_is_made_written_closed_and_found(tracker):
    run_id = tracker.create_run("trial-00003", TAGS | {"dite_search.trial": "3"}, started=5000)
    point = Point(name="loss", step=2, value=0.5, timestamp=6000)
    tracker.log_batch(run_id, points=[point], params={"a": "1"}, tags={"reason": "because"})
    tracker.log_batch(run_id, points=[point, dataclasses.replace(point, step=3)])
    tracker.upload(run_id, {"arch.yaml": "a: 1\n"})
    tracker.delete_tag(run_id, "reason")
    tracker.set_status(run_id, "FINISHED", ended=9000)
    (state,) = tracker.find_runs("s-1", trial=3)
    assert (state.run_id, state.status, state.started, state.params) == (run_id, "FINISHED", 5000, {"a": "1"})
    assert "reason" not in state.tags
    assert tracker.get_run(run_id) == state
    assert tracker.history(run_id, ["loss", "unknown"]) == {("loss", 2), ("loss", 3)}
    client = mlflow.MlflowClient(tracker.uri)
    assert [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run_id, "loss")] == [
        (2, 0.5, 6000),
        (3, 0.5, 6000),
    ]
    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.end_time) == ("trial-00003", 9000)
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/arch.yaml") == "a: 1\n"
    tracker.set_status(run_id, "RUNNING")
    assert tracker.get_run(run_id).status == "RUNNING"
    tracker.delete_run(run_id)
    assert tracker.get_run(run_id) is None
    assert tracker.find_runs("s-1", trial=3) == []


def test_runs_of_another_study_are_not_found(tracker, monkeypatch):
    monkeypatch.setattr("dite_search.tracking.client._PAGE", 2)
    made = {tracker.create_run(f"t{i}", {"dite_search.study": "s-2"}, started=i) for i in range(5)}
    tracker.create_run("other", {"dite_search.study": "s-22"}, started=0)
    assert {state.run_id for state in tracker.find_runs("s-2")} == made


def test_what_is_refused_is_told_apart_from_no_answer(tracker):
    assert tracker.get_run("0" * 32) is None
    with pytest.raises(Refused, match=f"Run with id={'0' * 32} not found"):
        tracker.log_batch("0" * 32, params={"a": "1"})
    run_id = tracker.create_run("twice", TAGS, started=0)
    tracker.log_batch(run_id, params={"a": "1"})
    with pytest.raises(Refused, match="a"):
        tracker.log_batch(run_id, params={"a": "2"})
    gone = Tracker.__new__(Tracker)
    gone._client, gone.experiment = mlflow.MlflowClient("http://me:secret@127.0.0.1:9"), "0"
    with pytest.raises(Unreachable, match=r"http://\*\*\*@127\.0\.0\.1:9") as caught:
        gone.create_run("x", {}, started=0)
    assert "secret" not in str(caught.value)


def test_a_study_in_mlflow(tracker, monkeypatch):
    study = MemoryStudy()
    for status in ("complete", "stopped", "failed"):
        number = study.start()
        for _ in range(3):
            study.epoch(number)
        study.end(number, status)
    Mirror(tracker, study).reconcile()
    again = Mirror(tracker, study)
    again.reconcile()
    assert not again.written
    client = mlflow.MlflowClient(tracker.uri)
    states = {state.tags.get("dite_search.trial"): state for state in tracker.find_runs(study.tag)}
    assert set(states) == {None, "0", "1", "2"}
    parent = client.get_run(states[None].run_id)
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "drawn")
    assert parent.data.params == {"protocol.dataset": "synthetic", "protocol.epochs": "3"}
    metrics = parent.data.metrics
    assert {name: metrics[name] for name in ("front_size", "over_budget", "reused", "epochs_trained")} == {
        "front_size": 1,
        "over_budget": 0,
        "reused": 0,
        "epochs_trained": 9,
    }
    assert [point.step for point in client.get_metric_history(parent.info.run_id, "best_ap_gt")] == [1, 2, 3]
    (row,) = json.loads(mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/front.json"))
    assert (row["trial"], row["run_id"]) == (0, states["0"].run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    table = client.load_table(parent.info.experiment_id, "front_table.json", run_ids=[parent.info.run_id])
    assert list(table["run_id"]) == [states["0"].run_id]
    for number, trial in enumerate(study.trials):
        run = client.get_run(states[str(number)].run_id)
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.params["learning_rate"] == str(0.1 * number)
        assert (run.info.start_time, run.info.end_time) == (1_000_000 + 1000 * number, 1_009_000 + 1000 * number)
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "loss")]
        assert steps == [epoch["epoch"] for epoch in trial.curve]


def test_a_database_is_made_whole_or_not_at_all(tmp_path):
    """Another process that is killed while it makes the tables leaves nothing in the way."""
    database, artifacts = tmp_path / "a b" / "mlflow.db", tmp_path / "artifacts"
    script = (
        "import sys\nfrom pathlib import Path\nfrom dite_search.tracking.client import create_database\n"
        "import mlflow.store.tracking.sqlalchemy_store\nprint('begun', flush=True)\n"
        "create_database(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", script, database, artifacts], stdout=subprocess.PIPE) as maker:
        assert maker.stdout.readline() == b"begun\n"
        time.sleep(0.2)
        maker.kill()
    assert not database.exists()
    assert create_database(database, artifacts)
    assert not create_database(database, artifacts)
    client = mlflow.MlflowClient(tracking_uri(None, database.parent))
    assert client.get_experiment("0").artifact_location.startswith(artifacts.as_uri())
