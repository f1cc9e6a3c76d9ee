"""MLflow's artifacts after a move, and an experiment that was deleted: in MLflow's own store."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest

from dite_search.doctor.tracking_server import answer_findings, mlflow_findings
from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import load_config
from dite_search.study.study import create_study
from dite_search.tracking.client import Tracker, tracker_of, tracking_uri
from dite_search.tracking.experiment import ARTIFACTS_FOLDER, EXPERIMENT, follow_folder, restore_command
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run


@pytest.fixture(scope="module")
def fresh_store(tmp_path_factory):
    """MLflow's database with its tables alone: making them takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.MlflowClient(tracking_uri(None, folder)).search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def study(make_search, tmp_path, fresh_store):
    """A study of one trial, below a folder whose name means something in a URL, in MLflow."""
    config = make_search(directory=str(tmp_path / "q?x=1&y 50%20#{z}" / "runs"), sampler={"name": "random"})
    create_study(config)
    shutil.copy(fresh_store, config.study_directory.parent / "mlflow.db")
    add_trial(config)
    synced(config)
    return config


def add_trial(config):
    search = StudySearch(config)
    search.suggest("a")
    for epoch in (1, 2):
        search.on_trial_result("a", {"epoch": epoch, "loss": 0.5, "ap_gt": 0.3})
    search.on_trial_complete("a", {"epoch": 2, "loss": 0.5, "ap_gt": 0.3})


def synced(config):
    mirror = Mirror(tracker_of(config), StudySource(config))
    mirror.reconcile()
    return mirror


def runs_of(config):
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    found = client.get_experiment_by_name(EXPERIMENT)
    return [] if found is None else client.search_runs([found.experiment_id])


def artifacts_of(config):
    """The text of ``arch.yaml`` of every run of a trial, as MLflow finds it."""
    runs = [run for run in runs_of(config) if "dite_search.trial" in run.data.tags]
    return [mlflow.artifacts.load_text(f"{run.info.artifact_uri}/arch.yaml") for run in runs]


def test_a_folder_of_any_name_has_its_own_databases_and_artifacts(study, tmp_path):
    (text,) = artifacts_of(study)
    assert "widths" in text
    folder = study.study_directory.parent
    assert len(list(folder.glob(f"{ARTIFACTS_FOLDER}/*/artifacts/arch.yaml"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == [folder.parent.name], "nothing lies beside it"
    assert {path.name for path in folder.parent.iterdir()} == {"runs"}


def test_artifacts_follow_a_folder_that_was_moved(study, tmp_path):
    old = study.study_directory.parent.parent
    moved = old.rename(tmp_path / "moved 100%")
    config = load_config(moved / "runs" / study.name)
    assert [finding.status for finding in mlflow_findings(config)] == ["ok"]
    add_trial(config)
    synced(config)
    assert len(artifacts_of(config)) == 2
    assert not old.exists(), "nothing is written to where the folder was"
    assert len(list((moved / "runs").glob(f"{ARTIFACTS_FOLDER}/*/artifacts/arch.yaml"))) == 2


def test_a_copy_of_the_folder_keeps_to_itself(study, tmp_path):
    old = study.study_directory.parent
    copy = Path(shutil.copytree(old, tmp_path / "copy"))
    config = load_config(copy / study.name)
    add_trial(config)
    synced(config)
    assert (len(artifacts_of(config)), len(artifacts_of(study))) == (2, 1)
    assert (len(list(copy.glob("*/*/artifacts/arch.yaml"))), len(list(old.glob("*/*/artifacts/arch.yaml")))) == (2, 1)


def test_a_copy_of_a_study_beside_it_has_runs_of_its_own(study):
    copy = Path(shutil.copytree(study.study_directory, study.study_directory.with_name("copy")))
    before = {run.info.run_id: run.data.metrics for run in runs_of(study)}
    config = load_config(copy)
    add_trial(config)
    assert synced(config).written["runs created"] == 3
    assert synced(study).written["runs created"] == 0
    after = {run.info.run_id: run.data.metrics for run in runs_of(study)}
    assert len(after) == len(before) + 3
    assert all(after[run_id] == metrics for run_id, metrics in before.items())


def test_a_study_that_was_renamed_goes_on_in_its_runs(study):
    renamed = load_config(study.study_directory.rename(study.study_directory.with_name("renamed")))
    add_trial(renamed)
    assert synced(renamed).written["runs created"] == 1
    assert len(artifacts_of(renamed)) == 2


def location(database):
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (EXPERIMENT,)).fetchone()[0]


def test_what_is_not_ours_or_did_not_move_stays(study, tmp_path):
    folder = study.study_directory.parent
    database, here = folder / "mlflow.db", folder / ARTIFACTS_FOLDER
    kept = location(database)
    assert not follow_folder(tmp_path / "none.db", here, experiment=EXPERIMENT, own=True)
    assert not (tmp_path / "none.db").exists()
    assert not follow_folder(database, here, experiment=EXPERIMENT, own=True)
    elsewhere = tmp_path / "elsewhere" / ARTIFACTS_FOLDER
    # A database that was copied alone, and one that another folder of studies uses as well.
    assert not follow_folder(database, elsewhere, experiment=EXPERIMENT, own=True)
    elsewhere.mkdir(parents=True)
    assert not follow_folder(database, elsewhere, experiment=EXPERIMENT, own=False)
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert not follow_folder(database, link / ARTIFACTS_FOLDER, experiment=EXPERIMENT, own=True)
    assert location(database) == kept
    folder.rename(tmp_path / "gone")
    moved = tmp_path / "gone" / "mlflow.db"
    assert follow_folder(moved, elsewhere, experiment=EXPERIMENT, own=False)
    assert location(moved) == elsewhere.as_uri()
    with sqlite3.connect(moved) as connection:
        connection.execute("UPDATE experiments SET artifact_location = 's3://bucket/mlflow-artifacts'")
    assert not follow_folder(moved, tmp_path / "gone" / ARTIFACTS_FOLDER, experiment=EXPERIMENT, own=True)


def delete(config):
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    experiment_id = client.get_experiment_by_name(EXPERIMENT).experiment_id
    client.delete_experiment(experiment_id)
    return client, experiment_id


def test_a_deleted_experiment_is_named_with_the_command_that_helps(study):
    client, experiment_id = delete(study)
    uri = tracking_uri(None, study.study_directory.parent)
    command = f"MLFLOW_TRACKING_URI='{uri}' mlflow experiments restore --experiment-id {experiment_id}"
    sentence = "its experiment dite-search was deleted, so that nothing can be written to it"
    assert refused("sync", study.study_directory) == f"Error: mlflow_url {uri}: {sentence}; to bring it back: {command}"
    with pytest.raises(InvalidInput, match="mlflow experiments restore"):
        tracker_of(study)
    (finding,) = mlflow_findings(study)
    assert (finding.status, finding.remedy) == ("failed", command)
    assert finding.sentence == f"mlflow_url {uri}: {sentence}"
    client.restore_experiment(experiment_id)
    assert run("sync", study.study_directory).exit_code == 0


def test_a_server_tells_of_a_deleted_experiment():
    body = '{"experiment": {"experiment_id": "7", "lifecycle_stage": "deleted"}}'
    (finding,) = answer_findings("http://me:secret@host:5000", 200, body)
    assert finding.status == "failed"
    assert finding.remedy == "MLFLOW_TRACKING_URI='http://***@host:5000' mlflow experiments restore --experiment-id 7"
    assert restore_command("7", "http://host:5000").startswith("MLFLOW_TRACKING_URI=http://host:5000 mlflow ")


def test_an_experiment_that_is_deleted_meanwhile_is_named_at_the_end(study):
    mirror = Mirror(tracker_of(study), StudySource(study), sleep=lambda seconds: None)
    mirror.step()
    delete(study)
    add_trial(study)
    mirror.end()
    mirror.step()
    lacking = mirror.lacks()
    assert lacking.startswith("1 of 2 trials and the front (refused: its experiment dite-search was deleted")
    assert "mlflow experiments restore --experiment-id" in lacking
    mirror.tracker._client.restore_experiment(mirror.tracker.experiment)
    mirror.end()
    mirror.step()
    assert mirror.lacks() == ""


def test_a_tracker_without_artifacts_looks_at_no_file(fresh_store, tmp_path):
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    assert Tracker(tracking_uri(None, tmp_path), experiment="x", artifacts=None).find_runs("none") == []
