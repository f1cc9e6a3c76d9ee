"""Search files that name weights by a trial."""

from __future__ import annotations

import pytest

from dite_search import Search
from dite_search.study.directory import trial_directory
from dite_search.tasks.search_file import read_search
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from tests.dite_search.commands import refused
from tests.dite_search.tasks import test_model_reference
from trainers.checkpoints.checkpoint import LAST

compared = test_model_reference.compared


def written(path, compared, **training):
    fields = {
        "name": "next",
        "space": "tiny",
        "data": {"synthetic": {"train_images": 8, "val_images": 2}},
        "trials": 1,
        "training": {"epochs": 1, "batch_size": 8, "warmup_iterations": 2} | training,
        "directory": str(compared.directory),
    }
    write_mapping(path, fields)
    return path


def test_a_trial_stands_for_its_checkpoint(compared, tmp_path):
    file = written(tmp_path / "search.yaml", compared, start_from="small:1", distill={"teacher": "small:0", "weight": 0.2})
    training = read_search(file).train_config
    assert training.start_from.path == trial_directory(compared, 1) / LAST
    assert training.start_from.sha256
    assert (training.distill.teacher.path, training.distill.weight) == (trial_directory(compared, 0) / LAST, 0.2)


def test_other_places_are_left_as_they_are(compared, tmp_path, monkeypatch):
    weights = trial_directory(compared, 1) / LAST
    monkeypatch.setenv("WEIGHTS", str(weights))
    for place in (str(weights), "${WEIGHTS}"):
        file = written(tmp_path / "search.yaml", compared, start_from=place)
        assert read_search(file).train_config.start_from.path == weights


def test_the_folder_of_a_trial_may_stand_in_the_environment(compared, tmp_path, monkeypatch):
    file = written(tmp_path / "search.yaml", compared, start_from="small:1")
    file.write_text(file.read_text().replace(str(compared.directory), "${STUDIES}"))
    monkeypatch.setenv("STUDIES", str(compared.directory))
    assert read_search(file).train_config.start_from.path == trial_directory(compared, 1) / LAST
    found = Search.from_file(file, name="other")
    assert found.config.train_config.start_from.path == trial_directory(compared, 1) / LAST
    fields = read_mapping(file) | {"name": "fields"}
    assert Search(**fields).config.train_config.start_from.path == trial_directory(compared, 1) / LAST
    monkeypatch.delenv("STUDIES")
    with pytest.raises(InvalidInput, match=r"search\.yaml: .*STUDIES"):
        read_search(file)


def test_a_trial_that_is_not_there_is_told_by_its_field(compared, tmp_path):
    file = written(tmp_path / "search.yaml", compared, distill={"teacher": "small:9"})
    message = f"{file}: training.distill.teacher: study small has 2 trials and no number 9; on its front: 0, 1"
    with pytest.raises(InvalidInput, match=r"training\.distill\.teacher: study small has 2 trials and no number 9"):
        read_search(file)
    assert refused("doctor", file) == f"Error: {message}"
