"""A look at a folder of data: which format, which splits, how many people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dite_search.planning.survey import survey
from search_spaces.common.errors import InvalidInput
from trainers.data.synthetic.dataset import draw_dataset


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "people"
    draw_dataset(root, train_images=10, val_images=4, seed=0)
    return root


@pytest.fixture
def people(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "people"))


def test_the_published_layout_is_found(people: Path) -> None:
    found = survey(people, {"val_share": None})
    assert found.section == {"name": "people", "root": str(people)}
    assert (found.training_images, found.validation_images) == (10, 4)
    assert found.training_people >= 10
    assert found.height > 0


def test_images_without_a_split_of_their_own_are_parted(people: Path) -> None:
    shutil.rmtree(people / "val2017")
    found = survey(people, {})
    assert found.section["val_share"] == 0.2
    assert 1 <= found.validation_images < 10
    assert found.training_images + found.validation_images == 10
    assert survey(people, {"val_share": 0.5}).section["val_share"] == 0.5


def test_one_file_in_the_form_of_coco_is_found_with_its_images(people: Path) -> None:
    (people / "annotations" / "person_keypoints_train2017.json").rename(people / "labels.json")
    (people / "annotations" / "person_keypoints_val2017.json").unlink()
    (people / "notes.json").write_text("[1]")
    (people / "broken.json").write_text("{")
    (people / "train2017").rename(people / "photographs")
    found = survey(people, {})
    assert found.section == {
        "name": "people", "root": str(people), "annotations": "labels.json", "images": "photographs", "val_share": 0.2
    }  # fmt: skip
    assert found.training_images + found.validation_images == 10


def test_files_whose_names_tell_their_split_are_two_splits(people: Path) -> None:
    for split, name in (("train", "train"), ("val", "valid")):
        (people / f"{split}2017").rename(people / name)
        (people / "annotations" / f"person_keypoints_{split}2017.json").rename(people / name / "_annotations.coco.json")
    found = survey(people, {})
    assert found.section["val"] == {"annotations": "valid/_annotations.coco.json", "images": "valid"}
    assert (found.training_images, found.validation_images) == (10, 4)


def test_one_file_whose_name_has_both_splits_is_parted(people: Path) -> None:
    (people / "annotations" / "person_keypoints_train2017.json").rename(people / "annotations" / "trainval.json")
    (people / "annotations" / "person_keypoints_val2017.json").unlink()
    (people / "train2017").rename(people / "images")
    found = survey(people, {})
    assert (found.section["annotations"], found.section["val_share"]) == ("annotations/trainval.json", 0.2)
    assert found.training_images + found.validation_images == 10


def test_what_cannot_be_found_is_told(people: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere must be a folder with annotations and images, and is none$"):
        survey(tmp_path / "nowhere", {})
    with pytest.raises(InvalidInput, match=r"annotations of one of the formats coco, .*, but has no file in COCO's form$"):
        survey(tmp_path, {})
    for split in ("train", "val"):
        file = people / "annotations" / f"person_keypoints_{split}2017.json"
        file.rename(people / f"{split[0]}.json")
    with pytest.raises(InvalidInput, match=r"but has 2 files in COCO's form$"):
        survey(people, {})
    (people / "v.json").unlink()
    shutil.rmtree(people / "train2017")
    with pytest.raises(InvalidInput, match=r"t\.json must be of images in .*people or .*, but '.*jpg' lies in none"):
        survey(people, {})


def test_a_broken_option_is_told_with_its_field(people: Path) -> None:
    with pytest.raises(InvalidInput, match=r"people: val_share must be below 1, got 2"):
        survey(people, {"val_share": 2})


def test_a_broken_annotation_is_told_as_a_search_would(people: Path) -> None:
    file = people / "annotations" / "person_keypoints_train2017.json"
    document = json.loads(file.read_text())
    document["annotations"] = []
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match=r"must hold at least one person"):
        survey(people, {})
