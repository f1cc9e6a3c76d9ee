"""Paths of a study's search file, after a move and from another working directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dite_search.config.search_config import load_search, parse_search
from dite_search.config.sqlite_url import sqlite_file
from dite_search.study.directory import load_config, write_search_file
from dite_search.study.places import PROVENANCE_FILE, WORKING_DIRECTORY
from dite_search.study.protocol import provenance_of, settings_of
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, extend_study
from search_spaces.common.files import read_mapping, write_json, write_mapping
from search_spaces.registry import preset

FIELDS = {
    "name": "s1",
    "space": "tiny",
    "data": {"root": "data", "prepared": "data/prepared"},
    "trials": 1,
    "training": {"epochs": 1, "batch_size": 16},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with data beside the studies, which is the working directory."""
    for name in ("data/prepared", "checkpoints"):
        (tmp_path / "project" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def made(**changes):
    config = parse_search(FIELDS | changes, "search.yaml")
    create_study(config)
    return config


def test_every_relative_path_is_kept_absolute(project, tmp_path, monkeypatch):
    (project / "boxes.json").write_text("[]")
    (project / "my.yaml").write_text("stem_width: 24\n")
    earlier = made(name="earlier")
    data = {"root": "data", "boxes": "det", "detections": "boxes.json"}
    space = {"base": "my.yaml", "parameters": {"kernels_branch1": [1, 2]}}
    urls = {"study_url": "sqlite:///studies.db", "mlflow_url": "sqlite:///mlflow.db"}
    known = {"studies": ["runs/earlier", "earlier"]}
    made(data=data, space=space, objectives=["ap_det", "mmacs"], checkpoints="checkpoints", warm_start=known, **urls)
    kept = read_mapping(project / "runs" / "s1" / "search.yaml")
    assert kept["data"]["root"] == str(project / "data")
    assert kept["data"]["detections"] == str(project / "boxes.json")
    assert (kept["checkpoints"], kept["directory"]) == (str(project / "checkpoints"), str(project / "runs"))
    assert kept["warm_start"]["studies"] == [str(earlier.study_directory), "earlier"]
    assert (kept["study_url"], kept["mlflow_url"]) == (f"sqlite:///{project}/studies.db", f"sqlite:///{project}/mlflow.db")
    assert kept["space"]["base"]["stem_width"] == 24
    (project / "my.yaml").unlink()
    monkeypatch.chdir(tmp_path)
    assert read_study(load_config(project / "runs" / "s1")).trials == []


def test_what_was_moved_along_is_found(project, tmp_path, monkeypatch):
    config = made(checkpoints="checkpoints", study_url="sqlite:///studies.db")
    moved = project.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    found = load_config(moved / "runs" / "s1")
    assert (found.data.root, found.data.prepared) == (str(moved / "data"), str(moved / "data" / "prepared"))
    assert found.checkpoints == str(moved / "checkpoints")
    assert sqlite_file(found.study_url, Path()) == moved / "studies.db"
    assert settings_of(found) == settings_of(config)
    assert read_study(found).trials == []
    (tmp_path / "aside").mkdir()
    monkeypatch.chdir(tmp_path / "aside")
    assert load_config("../moved/runs/s1") == found, "a path with .. leads to the same"
    extend_study(found, {"trials": found.trials + 1})
    assert read_mapping(moved / "runs" / "s1" / "search.yaml")["data"]["root"] == str(moved / "data")


def test_a_copy_has_what_was_copied_with_it(project, tmp_path):
    made(checkpoints="checkpoints")
    copy = Path(shutil.copytree(project, tmp_path / "copy"))
    assert load_config(copy / "runs" / "s1").checkpoints == str(copy / "checkpoints")
    assert load_config(project / "runs" / "s1").checkpoints == str(project / "checkpoints")


def test_what_did_not_move_stays(project, tmp_path):
    (tmp_path / "coco").mkdir()
    made(data={"root": str(tmp_path / "coco")})
    moved = (project / "runs").rename(tmp_path / "runs")
    assert load_config(moved / "s1").data.root == str(tmp_path / "coco")


def test_a_path_that_is_gone_is_looked_for_below_the_working_directory(project, tmp_path, monkeypatch):
    """As that of a job, which is another one when the job is submitted again."""
    config = made(directory=str(tmp_path / "runs"))
    write_json(config.study_directory / PROVENANCE_FILE, {WORKING_DIRECTORY: str(project), "command": "x"})
    assert provenance_of(config) == {"command": "x"}
    again = tmp_path / "again"
    shutil.move(project, again)
    monkeypatch.chdir(again)
    assert load_config(config.study_directory).data.root == str(again / "data")


def older(folder, **changes):
    """The search file of an earlier version, with its paths as they were given."""
    config = parse_search(FIELDS | changes, "search.yaml")
    write_search_file(config)
    file = config.study_directory / "search.yaml"
    write_mapping(file, read_mapping(file) | {"directory": "runs"} | FIELDS | changes)


def test_a_relative_path_of_an_earlier_version_is_read_from_where_the_search_was_started(project, tmp_path, monkeypatch):
    older(project)
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    monkeypatch.chdir(other)
    assert load_config(project / "runs" / "s1").data.root == str(project / "data")
    (project / "data").rename(project / "gone")
    assert load_config(project / "runs" / "s1").data.root == str(other / "data"), "the data decide, by what they hold"


def test_a_relative_path_of_an_earlier_version_with_an_absolute_folder_is_one_of_the_working_directory(project, tmp_path):
    older(project, directory=str(tmp_path / "elsewhere"))
    assert load_config(tmp_path / "elsewhere" / "s1").data.root == str(project / "data")


def test_a_network_of_a_search_is_not_a_file(project):
    made(space={"base": "dite_hrnet_18", "parameters": {"kernels_branch1": [1, 2]}})
    assert read_mapping(project / "runs" / "s1" / "search.yaml")["space"]["base"] == "dite_hrnet_18"
    assert load_search("runs/s1/search.yaml").search_space.base == preset("dite_hrnet_18")
