"""The weights that a study keeps for its trainings."""

from __future__ import annotations

import shutil

import pytest
import yaml

from dite_search.config.search_config import load_search
from dite_search.study.directory import create_folder, load_config
from dite_search.study.protocol import differences, protocol_of, settings_of
from dite_search.study.weights import with_kept_weights
from search_spaces.common.errors import InvalidInput


@pytest.fixture
def search(tmp_path, make_search):
    """A search file whose trainings begin from a file, and learn from an export."""
    (tmp_path / "start.pt").write_bytes(b"start")
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "model.safetensors").write_bytes(b"teacher")
    (tmp_path / "export" / "arch.yaml").write_text("{}")
    training = {
        "epochs": 2,
        "batch_size": 16,
        "start_from": str(tmp_path / "start.pt"),
        "distill": {"teacher": str(tmp_path / "export")},
    }
    values = make_search(training=training).to_dict()
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "search.yaml"


def test_a_study_outlives_the_files_of_its_weights(search, tmp_path):
    config = load_search(search)
    create_folder(config)
    (tmp_path / "start.pt").unlink()
    shutil.rmtree(tmp_path / "export")
    moved = config.study_directory.rename(tmp_path / "elsewhere")
    found = load_config(moved)
    assert found.train_config == config.train_config
    training = with_kept_weights(found, found.train_config)
    assert training.start_from.read("start_from") == b"start"
    assert training.distill.teacher.read("distill.teacher") == b"teacher"
    assert (training.distill.teacher.path.parent / "arch.yaml").is_file()
    assert training.identity() == config.train_config.identity()


def test_the_protocol_names_what_the_files_hold_wherever_they_lie(search, tmp_path):
    config = load_search(search)
    protocol = protocol_of(config)
    assert protocol["start_from"].startswith("sha256 ")
    assert protocol["distill"] == f"teacher {config.train_config.distill.teacher.identity}, weight 0.5"
    moved = tmp_path / "moved.pt"
    moved.write_bytes(b"start")
    known = load_search(search, changes={"training": {**config.training, "start_from": str(moved)}})
    assert differences(settings_of(config), settings_of(known), {}) == []
    moved.write_bytes(b"others")
    other = load_search(search, changes={"training": {**config.training, "start_from": str(moved)}})
    assert [each.field for each in differences(settings_of(config), settings_of(other), {})] == ["training.start_from"]


def test_a_file_that_is_gone_is_told_before_anything_is_made(search, tmp_path):
    (tmp_path / "start.pt").unlink()
    with pytest.raises(InvalidInput, match=r"search\.yaml: training\.start_from must be a file .*start\.pt does"):
        load_search(search)


def test_variables_of_the_environment_are_filled_in(search, tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS", str(tmp_path))
    values = yaml.safe_load(search.read_text())
    values["training"]["start_from"] = "${WEIGHTS}/start.pt"
    search.write_text(yaml.safe_dump(values))
    assert load_search(search).train_config.start_from.path == tmp_path / "start.pt"
