"""Exports are logged as models of their trials' runs, at once or later."""

from __future__ import annotations

import mlflow
import pytest

from dite_search.driver.searcher import StudySearch
from dite_search.housekeeping.exports import log_exports, note_export
from dite_search.study.reader import read_study
from dite_search.study.study import attributes_of, create_study
from dite_search.tracking.client import tracker_of
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource

pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_export_is_logged_once_and_one_that_is_gone_not_at_all(make_search, tmp_path) -> None:
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    search.suggest("a")
    search.on_trial_complete("a", {"epoch": 2, "loss": 0.5, "ap_gt": 0.3})
    (record,) = read_study(config).trials
    place = tmp_path / "50% export"
    place.mkdir()
    (place / "model.onnx").write_bytes(b"a network")
    (place / "infer.py").write_text("class Estimator: ...\n")
    note_export(config, record, place)
    note_export(config, record, tmp_path / "removed")
    assert log_exports(config) == 0, "the trial has no run yet"
    tracker = tracker_of(config)
    Mirror(tracker, StudySource(config)).reconcile()
    assert [log_exports(config), log_exports(config)] == [1, 0]
    (run,) = tracker.find_runs(attributes_of(config)["mlflow_study"], trial=0)
    client = mlflow.MlflowClient(tracker.uri)
    (model,) = client.search_logged_models([tracker.experiment])
    assert (model.source_run_id, model.tags["dite_search.arch_id"]) == (run.run_id, record.arch.arch_id)
    assert [output.model_id for output in client.get_run(run.run_id).outputs.model_outputs] == [model.model_id]
    (place / "model.onnx").write_bytes(b"another network")
    assert log_exports(config) == 1
