"""The weights that a training begins from: how they are named, and what tells them apart."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.starting_weights import Distillation, WeightsFile
from search_spaces.training_config import FINE_TUNING, TrainConfig


def test_a_file_is_known_by_what_it_holds(tmp_path):
    file = tmp_path / "w.pt"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    found = WeightsFile.of("start_from", str(file)).identified("start_from")
    assert (found.file, found.sha256, found.identity) == (str(file), digest, f"sha256 {digest[:16]}")
    moved = dataclasses.replace(found, file=str(file.rename(tmp_path / "other.pt")))
    assert moved.identity == found.identity
    assert moved.read("start_from") == b"weights"


def test_a_file_that_is_gone_has_the_digest_of_the_earlier_recipe(tmp_path):
    file = tmp_path / "w.pt"
    file.write_bytes(b"weights")
    given = TrainConfig(start_from=str(file), distill={"teacher": str(file)})
    earlier = given.identified()
    file.unlink()
    assert given.identified(earlier) == earlier
    with pytest.raises(InvalidInput, match=r"start_from must be a file of weights, but .*w\.pt does not exist"):
        given.identified()
    with pytest.raises(InvalidInput, match="does not exist"):
        given.identified(TrainConfig())


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    file = tmp_path / "w.pt"
    file.write_bytes(b"weights")
    known = WeightsFile.of("start_from", str(file)).identified("start_from")
    file.write_bytes(b"others")
    with pytest.raises(InvalidInput, match=r"start_from must be the file with sha256 .{16}, but .*w\.pt has sha256"):
        known.read("start_from")


def test_the_folder_of_an_export_stands_for_its_weights(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert WeightsFile.of("start_from", tmp_path).read("start_from") == b"weights"


def test_a_recipe_without_weights_is_written_as_before():
    assert not set(TrainConfig().to_dict()) & set(FINE_TUNING)
    assert TrainConfig().identity() == TrainConfig().to_dict()
    assert TrainConfig().fine_tuning == {}
    assert TrainConfig().identified() == TrainConfig()


def test_a_recipe_with_weights_goes_both_ways():
    config = TrainConfig(
        start_from="a.pt", freeze=["stem"], head_learning_rate_factor=10, distill={"teacher": "b.pt", "weight": 1}
    )
    assert TrainConfig.from_dict(config.to_dict()) == config
    assert config.distill == Distillation(teacher=WeightsFile.of("x", "b.pt"), weight=1.0)
    assert set(config.fine_tuning) == set(FINE_TUNING)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start_from": 3}, "start_from must be the path of a file of weights, got 3"),
        ({"start_from": {"path": "a"}}, "unknown field of start_from 'path'"),
        ({"start_from": {"file": "a", "sha256": "xy"}}, "start_from.sha256 must be the 64 hexadecimal digits of a SHA-256"),
        ({"freeze": ["stem"]}, r"freeze must be empty without start_from, .* got \['stem'\]"),
        (
            {"start_from": "a", "freeze": "stem"},
            r"freeze must be a list of names of parts, .* got 'stem'",
        ),
        ({"head_learning_rate_factor": 0}, "head_learning_rate_factor must be a number from 0.001 to 1000, got 0"),
        ({"distill": "a.pt"}, "distill must be a mapping with a teacher, as in {teacher: FILE, weight: 0.5}, got 'a.pt'"),
        ({"distill": {"teacher": "a", "wait": 1}}, "unknown field of distill 'wait': did you mean 'weight'"),
        ({"distill": {"teacher": "a", "weight": 1.5}}, "distill.weight must be a number from 0 to 1, got 1.5"),
    ],
)
def test_a_mistake_is_told_by_field_and_value(fields, message):
    with pytest.raises(InvalidInput, match=message):
        TrainConfig(**fields)
