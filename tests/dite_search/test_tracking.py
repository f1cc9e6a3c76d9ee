"""MLflow: where it is written, in how many calls, and what happens when it is not there."""

from __future__ import annotations

import mlflow
import pytest

from dite_search.tracking import Tracker, tracking_uri
from search_spaces.errors import InvalidInput
from search_spaces.presets import preset


def test_the_default_store_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tracking_uri(None, tmp_path.__class__("runs")) == f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}"
    assert tracking_uri("http://127.0.0.1:5000", tmp_path) == "http://127.0.0.1:5000"


def test_a_server_that_is_down_is_named():
    with pytest.raises(InvalidInput, match=r"mlflow_url http://127\.0\.0\.1:9 cannot be reached"):
        Tracker("http://127.0.0.1:9", experiment="x", artifacts=None)


def test_more_metrics_and_parameters_than_one_call_takes(tmp_path):
    uri = tracking_uri(None, tmp_path)
    tracker = Tracker(uri, experiment="x", artifacts=tmp_path / "artifacts")
    (tmp_path / "search.yaml").write_text("name: x\n")
    tracker.start_search("x", {f"p{i}": i for i in range(250)}, tmp_path / "search.yaml")
    run_id = tracker.start_trial(0, preset("dite_hrnet_18"), {})
    tracker.log_epoch(run_id, 3, {f"m{i}": float(i) for i in range(2500)})
    tracker.finish_trial(run_id, failed="because")
    client = mlflow.MlflowClient(uri)
    run = client.get_run(run_id)
    assert len(client.get_run(tracker.parent).data.params) == 250
    assert run.data.metrics["m2499"] == 2499
    assert [metric.step for metric in client.get_metric_history(run_id, "m7")] == [3]
    assert (run.info.status, run.data.tags["reason"]) == ("FAILED", "because")
    assert run.data.params["kernels_branch1"] == "4"
