"""A study is deleted whole, or the rest of it by the same command."""

from __future__ import annotations

import os
import socket

import pytest

from dite_search.driver.searcher import StudySearch
from dite_search.housekeeping import deletion
from dite_search.housekeeping.deletion import delete_study, planned_deletion
from dite_search.storage.lease import Lease, holder_of
from dite_search.study.directory import checkpoint_location, load_config
from dite_search.study.study import attributes_of, create_study, storage_of
from dite_search.tasks.supernet.supernet_run import SupernetRun
from dite_search.tracking.client import SUPERNET_TAG, tracker_of
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def make_study(make_search, tmp_path):
    """Studies of one trial, with checkpoints elsewhere and runs in MLflow."""

    def make(name: str, **changes):
        config = make_search(name=name, checkpoints=str(tmp_path / "checkpoints"), **changes)
        create_study(config)
        search = StudySearch(config)
        search.suggest("a")
        search.on_trial_complete("a", {"epoch": 2, "loss": 0.5, "ap_gt": 0.3})
        place = checkpoint_location(config, 0)
        place.mkdir(parents=True)
        (place / "last.pt").write_bytes(b"weights")
        Mirror(tracker_of(config), StudySource(config)).reconcile()
        return config

    return make


def runs_of(config) -> int:
    return len(tracker_of(config).find_runs(attributes_of(config)["mlflow_study"]))


def test_nothing_of_it_stays_and_nothing_else_goes(make_study, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    config = make_study("one", study_url=url, space="tiny_128", supernet={"epochs": 2})
    other = make_study("other", study_url=url)
    tag = attributes_of(config)["mlflow_study"]
    shared = {name: tmp_path / "checkpoints" / f"{name}-supernet" for name in ("one", "other")}
    for name, place in shared.items():
        place.mkdir()
        (place / "last.pt").write_bytes(b"weights")
        SupernetRun(tracker_of(config), name, {}).end([])
    planned = planned_deletion(config, keep_runs=False)
    assert planned.runs == 3
    assert f"checkpoints in {shared['one']}" in planned.words
    told = run("delete", config.study_directory, "--yes")
    assert told.output == "Study one was deleted.\n"
    assert not config.study_directory.exists()
    assert not (tmp_path / "checkpoints" / "one").exists()
    assert attributes_of(config) is None
    assert holder_of("one", storage_of(other)) is None
    assert tracker_of(other).find_runs(tag) == []
    assert [len(tracker_of(other).find_tagged({SUPERNET_TAG: name})) for name in shared] == [0, 1]
    assert [place.exists() for place in shared.values()] == [False, True]
    assert (tmp_path / "checkpoints" / "other" / "trials" / "00000" / "last.pt").is_file()
    assert runs_of(other) == 2
    assert refused("delete", config.study_directory).endswith("does not exist: there are no studies in runs")
    assert load_config(other.study_directory).name == "other"


def test_a_question_is_asked_and_a_no_changes_nothing(make_study, tmp_path) -> None:
    from click.testing import CliRunner

    from dite_search.cli import main

    config = make_study("asked")
    result = CliRunner().invoke(main, ["delete", str(config.study_directory)], input="n\n")
    assert result.exit_code == 2
    assert f"  folder {config.study_directory} (" in result.output
    assert f"  checkpoints in {tmp_path / 'checkpoints' / 'asked'}\n" in result.output
    assert "  2 runs in MLflow at sqlite:" in result.output
    assert result.output.endswith("Error: study asked was not deleted\n")
    assert runs_of(config) == 2
    assert CliRunner().invoke(main, ["delete", str(config.study_directory)], input="y\n").exit_code == 0
    assert not config.study_directory.exists()


def test_a_study_that_runs_is_refused(make_study) -> None:
    config = make_study("busy")
    lease = Lease("busy", storage_of(config))
    lease.take()
    driver = f"process {os.getpid()} on {socket.gethostname()}"
    assert refused("delete", config.study_directory, "--yes") == (
        f"Error: study busy must not be running to be deleted, but {driver} drives it: pause it first"
    )
    lease.release()
    planned = planned_deletion(config, keep_runs=False)
    lease.take()
    with pytest.raises(InvalidInput, match="study busy must have one driver"):
        delete_study(planned)
    assert runs_of(config) == 2


PARTS = ("delete_run", "_remove_checkpoints", "remove_study", "forget_lease", "_remove_folder", "_remove_tree")


@pytest.mark.parametrize("part", PARTS)
def test_a_deletion_that_was_cut_off_is_finished_by_the_same_command(make_study, tmp_path, monkeypatch, part) -> None:
    config = make_study("cut", study_url=f"sqlite:///{tmp_path / 'studies.db'}")
    tracker, tag = tracker_of(config), attributes_of(config)["mlflow_study"]

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(
            *(("dite_search.tracking.client.Tracker.delete_run",) if part == "delete_run" else (deletion, part)), kill
        )
        with pytest.raises(Killed):
            delete_study(planned_deletion(config, keep_runs=False))
    sentence = refused("resume", config.study_directory)
    assert sentence == (
        f"Error: study cut is being deleted, and cannot be used; to finish that: dite-search delete {config.study_directory}"
    )
    assert run("delete", config.study_directory, "--yes").exit_code == 0
    assert not config.study_directory.exists()
    assert not (tmp_path / "checkpoints" / "cut").exists()
    assert tracker.find_runs(tag) == []
    assert attributes_of(config) is None


def test_runs_stay_where_they_are_to_be_kept_or_are_those_of_another_study(make_study, tmp_path) -> None:
    import shutil

    config = make_study("first")
    copy = shutil.copytree(config.study_directory, tmp_path / "runs" / "copy")
    planned = planned_deletion(load_config(copy), keep_runs=False)
    assert (planned.tag, planned.tracker) == (None, None), "the runs are of the study that was copied"
    tag = attributes_of(config)["mlflow_study"]
    assert run("delete", config.study_directory, "--yes", "--keep-runs").exit_code == 0
    assert len(tracker_of(config).find_runs(tag)) == 2


def test_a_server_that_is_away_keeps_everything(make_study, make_search) -> None:
    config = make_search(name="away", mlflow_url="http://127.0.0.1:9")
    create_study(config)
    from dite_search.study.study import open_study

    open_study(config).set_user_attr("mlflow_study", "away-1")
    assert "mlflow_url http://127.0.0.1:9 cannot be reached" in refused("delete", config.study_directory, "--yes")
    assert (config.study_directory / "study.db").is_file()
    assert not (config.study_directory / "deletion.json").exists()
    assert run("delete", config.study_directory, "--yes", "--keep-runs").exit_code == 0
