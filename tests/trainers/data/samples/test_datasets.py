"""The data sets that a search file describes."""

from __future__ import annotations

import dataclasses
import shutil
import sys

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import TrainConfig
from trainers.data.codecs import make_codec
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import codec_for, training_set, validation_set
from trainers.data.samples.photometric import Photometric


def test_training_varies_and_validation_does_not(people, small_arch):
    config = TrainConfig(rotation_degrees=10.0, flip_probability=0.25)
    training = training_set(people, small_arch, config)
    assert training.augmentation is not None
    assert (training.augmentation.rotation, training.augmentation.flip) == (10.0, 0.25)
    assert validation_set(people, small_arch, config).augmentation is None
    assert {p.image_id for p in training.people}.isdisjoint(
        p.image_id for p in validation_set(people, small_arch, config).people
    )


def test_sigma_is_the_papers_unless_named(small_arch):
    paper = dataclasses.replace(small_arch, input_size=(384, 288))
    assert codec_for(paper, TrainConfig()).sigma == 3
    assert codec_for(paper, TrainConfig(sigma=1.5)).sigma == 1.5


@pytest.mark.parametrize(("name", "shift"), [("msra", 1), ("udp", 0), ("dark", 1)])
def test_the_codec_is_that_of_the_hyper_parameters(people, small_arch, name, shift):
    config = TrainConfig(codec=name, sigma=1.25)
    expected = make_codec(name, input_size=small_arch.input_size, heatmap_size=small_arch.heatmap_size, sigma=1.25)
    for dataset in (training_set(people, small_arch, config), validation_set(people, small_arch, config)):
        assert dataset.codec == expected
        assert dataset.codec.flip_shift == shift


def test_looks_change_in_training_only(people, small_arch):
    assert training_set(people, small_arch, TrainConfig()).photometric is None
    config = TrainConfig(photometric=0.25)
    assert training_set(people, small_arch, config).photometric == Photometric(strength=0.25)
    assert validation_set(people, small_arch, config).photometric is None


def test_a_library_that_is_missing_is_told_before_training(people, small_arch, monkeypatch):
    for module in ("kornia", "kornia.augmentation"):
        monkeypatch.setitem(sys.modules, module, None)
    training_set(people, small_arch, TrainConfig())
    with pytest.raises(InvalidInput, match="photometric above 0 needs kornia, install the extra 'augment'"):
        training_set(people, small_arch, TrainConfig(photometric=0.1))


def test_plain_values_round_trip(people):
    assert DataConfig.from_dict(people.to_dict()) == people


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"boxes": "det"}, "detections must be given exactly when boxes is det, got boxes det"),
        ({"detections": "d.json"}, "detections must be given exactly when boxes is det, got boxes gt"),
        ({"boxes": "gtt"}, "unknown boxes 'gtt': did you mean 'gt'"),
        ({"val_split": "test"}, "unknown val_split 'test'"),
        ({"workers": -1}, "workers must be an integer from 0 to 256, got -1"),
    ],
)
def test_fields_that_break_a_rule(fields, message):
    with pytest.raises(InvalidInput, match=message):
        DataConfig(root="x", **fields)


def test_a_data_set_that_is_not_there(small_arch, tmp_path):
    with pytest.raises(InvalidInput, match=r"data folder not found: .*nowhere|nowhere"):
        training_set(DataConfig(root=tmp_path / "nowhere"), small_arch, TrainConfig())


def test_a_network_for_other_keypoints(people, small_arch):
    with pytest.raises(InvalidInput, match="keypoints of the network must be 17, as in coco17, got 16"):
        training_set(people, dataclasses.replace(small_arch, keypoints=16), TrainConfig())


def test_the_category_of_people_is_part_of_the_data(people, tmp_path):
    chosen = dataclasses.replace(people, category="person")
    assert DataConfig.from_dict(chosen.to_dict()) == chosen
    assert len(chosen.people("val")) == len(people.people("val")) == len(chosen.validation_people())
    with pytest.raises(
        InvalidInput, match=r"^category must be the name or the id of one category in .*, got 5; it has 1 \(person"
    ):
        dataclasses.replace(people, category=5).validation_people()


@pytest.mark.parametrize(("format", "category"), [("mpii", "person"), ("coco", " ")])
def test_a_category_that_cannot_be(tmp_path, format, category):
    with pytest.raises(InvalidInput, match=f"in a format that has categories, got '{category}' in format {format}$"):
        DataConfig(root=tmp_path, format=format, category=category)


def test_remarks_are_those_of_the_split(people, tmp_path):
    assert people.notes("train") == people.notes("val") == ()
    root = tmp_path / "people"
    shutil.copytree(people.root, root)
    file = root / "annotations" / "person_keypoints_val2017.json"
    file.write_text(file.read_text().replace('"num_keypoints": 17', '"num_keypoints": 3'))
    data = dataclasses.replace(people, root=root)
    assert data.notes("train") == ()
    assert [note.topic for note in data.notes("val")] == ["num_keypoints"]
    assert data.notes("val") == data.read_annotations("val").notes
    assert DataConfig(root=tmp_path, format="mpii").notes("val") == ()
