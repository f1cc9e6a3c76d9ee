"""Where a search comes from."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from dite_search.study.provenance import git_commit, provenance
from trainers.data.config import DataConfig
from trainers.data.identity import data_identity


def git(folder, *words):
    named = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    return subprocess.run(
        ["git", "-C", str(folder), *named, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_checkout_has_its_commit_and_says_where_files_differ(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_commit(tmp_path) is None
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == f"{commit}+changes"
    inside = tmp_path / "site-packages"
    inside.mkdir()
    assert git_commit(inside) is None


@pytest.fixture
def data(tmp_path):
    """A data set of two annotation files."""
    config = DataConfig(root=tmp_path)
    for split in ("train", "val"):
        file = tmp_path / "annotations" / f"person_keypoints_{split}2017.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(split)
        (tmp_path / f"{split}2017").mkdir()
    return config


def test_data_are_told_apart_by_what_they_hold(data, tmp_path):
    first = data_identity(data)
    assert data_identity(dataclasses.replace(data, name="other")) == first
    boxes = tmp_path / "boxes.json"
    boxes.write_text("[]")
    assert data_identity(dataclasses.replace(data, boxes="det", detections=boxes)) != first
    data.annotation_file("train").write_text("more")
    assert data_identity(data) != first


def test_versions_and_the_command_are_kept(data):
    kept = provenance("sqlite:///mlflow.db", data)
    assert kept["data"] == data_identity(data)
    assert kept["command"].startswith("dite-search")
    assert {"dite-search", "ray", "torch", "optuna", "mlflow", "python", "machine", "started"} <= set(kept)
    assert kept["mlflow_uri"] == "sqlite:///mlflow.db"
