"""Studies made before there were families: one finished, one cut off (kill -9 within a trial), one with a stopped trial.

They were made with people that `dite_search.driver.run_search` draws again where they are missing, so that no image is kept.
Checkpoints that no command below reads are left out of the archive.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import tarfile
from pathlib import Path

import mlflow
import pandas
import pytest

from analysis.study.records import TrialRecord, read_trials_table
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.tracking.client import tracking_uri
from tests.conftest import ROOT
from tests.dite_search.commands import run as run_command
from tests.profiles import first_at_a_commit

ARCHIVE = ROOT / "tests/fixtures/studies.tar.xz"
MADE_IN = "/tmp/studies"
"""The folder in which the studies were made, which their MLflow stores name in addresses of files."""
FOLDERS = {"finished": "runs", "cut_off": "runs", "stopped": "second"}
NEW_TAGS = {
    "dite_search.pages",
    "front",
    "mlflow.loggedArtifacts",
    "on_front",
    "dite_search.points",
    "mlflow.note.content",
    "mlflow.source.git.commit",
    "mlflow.source.name",
    "mlflow.source.type",
    "reason",
}
"""Tags that a run of theirs may get when it is synced."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folders of the studies, moved to another place as a user would."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    for name in set(FOLDERS.values()):
        with sqlite3.connect(tmp_path / name / "mlflow.db") as store:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (MADE_IN, str(tmp_path)))
    return tmp_path


def run(*arguments: object) -> None:
    result = run_command(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)


def trials_of(made: Path, name: str) -> list[TrialRecord]:
    return list(read_study(load_config(name, directory=made / FOLDERS[name])).trials)


def tags_of_runs(folder: Path) -> dict[str, set[str]]:
    """Return the names of the tags of every run that is not deleted, by the run's id."""
    client = mlflow.MlflowClient(tracking_uri(None, folder))
    experiments = [found.experiment_id for found in client.search_experiments()]
    return {found.info.run_id: set(found.data.tags) for found in client.search_runs(experiments)}


def test_the_archive_is_small() -> None:
    assert ARCHIVE.stat().st_size < 1_300_000


@pytest.mark.parametrize(
    ("name", "statuses"),
    [("finished", ["complete"] * 3), ("cut_off", ["complete", "running"]), ("stopped", ["complete"] * 3 + ["stopped"])],
)
def test_a_report_of_each_shows_what_was_recorded(made: Path, name: str, statuses: list[str]) -> None:
    folder = made / FOLDERS[name]
    assert [trial.status for trial in trials_of(made, name)] == statuses
    run("report", name, "--directory", folder, "--output", made / "new")
    written = read_trials_table(made / "new/trials.csv")
    assert list(written["status"]) == statuses
    recorded = folder / name / "report/trials.csv"
    if recorded.exists():
        # Checkpoints that are not in the archive have no place in the table. Columns may join, and none may go.
        before = read_trials_table(recorded).drop(columns="checkpoint")
        pandas.testing.assert_frame_equal(written[before.columns], before)
    assert "stem, transitions and head" in (made / "new/report.html").read_text(encoding="utf-8")


def test_the_study_that_was_cut_off_goes_on_where_it_was(made: Path) -> None:
    before = trials_of(made, "cut_off")
    run("resume", "cut_off", "--directory", made / "runs")
    after = trials_of(made, "cut_off")
    assert [trial.status for trial in after] == ["complete"] * 3
    assert dataclasses.replace(after[0], checkpoint=None) == dataclasses.replace(before[0], checkpoint=None)
    assert after[1].arch == before[1].arch
    assert list(after[1].curve[: len(before[1].curve)]) == list(before[1].curve)
    client = mlflow.MlflowClient(tracking_uri(load_config("cut_off", directory=made / "runs").mlflow_url, made / "runs"))
    assert {client.get_run(trial.mlflow_run_id).info.status for trial in after} == {"FINISHED"}


@pytest.mark.parametrize("name", FOLDERS)
def test_its_runs_in_mlflow_are_found_by_the_tags_that_they_have(made: Path, name: str) -> None:
    before = tags_of_runs(made / FOLDERS[name])
    run("sync", name, "--directory", made / FOLDERS[name])
    after = tags_of_runs(made / FOLDERS[name])
    assert set(after) == set(before)
    for run_id, tags in before.items():
        assert tags <= after[run_id]
        assert after[run_id] - tags <= NEW_TAGS


@pytest.mark.parametrize("name", first_at_a_commit(["stopped", "finished"]))
def test_a_study_is_extended(made: Path, name: str) -> None:
    before = trials_of(made, name)
    run("extend", name, "--trials", "1", "--directory", made / FOLDERS[name])
    after = trials_of(made, name)
    assert after[: len(before)] == before
    added = after[len(before) :]
    assert all(trial.status in ("complete", "stopped") for trial in added)
    # Besides, a stopped network may go on: it is no other network.
    assert len([trial for trial in added if not trial.epochs_before]) == 1


@pytest.mark.parametrize(("name", "number"), [("finished", 3), ("stopped", 3)])
def test_a_network_of_it_is_exported_as_it_was_trained(made: Path, name: str, number: int) -> None:
    folder = made / FOLDERS[name]
    run("export", name, "--trial", number, "--directory", folder, "--no-accuracy", "--no-int8", "--no-program")
    parity = json.loads((folder / name / "export/parity.json").read_text(encoding="utf-8"))
    assert parity["agreement"]["compared"] > 0
    assert all((form["max_relative_difference"] or 0.0) <= 1e-4 for form in parity["forms"])
