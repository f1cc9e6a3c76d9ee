"""Splits as training reads them, keypoints of one's own, and what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.data_page.reading import DataSet, read_dataset
from search_spaces.common.errors import InvalidInput
from tests.analysis.data_page.datasets import BODY, annotation_file, edited, with_names
from tests.trainers.data.layouts import write_crowdpose, write_mpii
from trainers.data.annotations.annotations import CROWD, OUTSIDE, UNLABELLED
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig

SPLITS = ("train", "val")


def read(root: Path, **options: Any) -> DataSet:
    return read_dataset(DataConfig(root=root, **options), SPLITS)


def test_people_are_those_of_training(people: Path) -> None:
    found = read(people)
    config = DataConfig(root=people)
    assert not found.is_own
    assert found.keypoint_set is COCO17
    for split in found.splits:
        assert [person.annotation_id for person in split.people] == [
            person.annotation_id for person in config.people(split.name)
        ]
        assert split.annotations == len(split.people) + sum(split.left_out.values())
        assert len(split.boxes) == len(split.people)


def test_what_is_left_out_is_counted_by_reason(people: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        crowd, blank, outside, *_ = document["annotations"]
        crowd["iscrowd"] = 1
        blank |= {"keypoints": [0] * 51, "num_keypoints": 0}
        outside["bbox"] = [500, 500, 20, 20]

    split = read(edited(people, tmp_path / "some", edit, ("train",))).splits[0]
    assert dict(split.left_out) == {CROWD: 1, UNLABELLED: 1, OUTSIDE: 1}


def test_a_missing_split_is_said(people: Path, tmp_path: Path) -> None:
    root = shutil.copytree(people, tmp_path / "one")
    shutil.rmtree(root / "val2017")
    found = read(root)
    assert [split.name for split in found.splits] == ["train"]
    assert found.missing == {"val": f"image folder not found: {root / 'val2017'}"}


def test_without_any_split_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^data folder not found: \S*nowhere$"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("data_format", ["coco", "mpii"])
def test_a_split_that_the_format_has_not_is_refused(people: Path, data_format: str) -> None:
    with pytest.raises(InvalidInput, match="unknown split 'trainval'"):
        read_dataset(DataConfig(root=people, format=data_format), ("train", "trainval"))


def test_a_refused_file_is_refused(people: Path, tmp_path: Path) -> None:
    root = edited(people, tmp_path / "bad", lambda document: document["annotations"][0].update(bbox=[1, 2]), ("val",))
    with pytest.raises(InvalidInput, match=r"'bbox' of annotation .* must be 4 finite numbers"):
        read(root)


@pytest.mark.parametrize("data_format", ["mpii", "crowdpose"])
def test_other_formats(people: Path, tmp_path: Path, data_format: str) -> None:
    write = {"mpii": write_mpii, "crowdpose": lambda root, source: write_crowdpose(root, source, [0.05, 0.5])}
    found = read(write[data_format](tmp_path / "data", people), format=data_format)
    assert [split.name for split in found.splits] == list(SPLITS)
    assert found.keypoint_set.count == {"mpii": 16, "crowdpose": 14}[data_format]
    for split in found.splits:
        assert split.people
        assert all(person.keypoints is not None and person.keypoints[:, 2].any() for person in split.people)
        assert split.annotations == len(split.people) + sum(split.left_out.values())


def test_keypoints_of_ones_own_are_shown_as_named(people: Path, tmp_path: Path) -> None:
    found = read(edited(people, tmp_path / "own", with_names(BODY, [[1, 2]])))
    assert found.is_own
    assert found.keypoint_set.names == tuple(BODY.values())
    assert len(found.keypoint_set.flip_pairs) == 6
    assert found.keypoint_set.limbs == ((0, 1),)
    assert [note.topic for note in found.notes] == ["keypoints"]
    assert "12 keypoints of" in found.notes[0].sentence
    assert "please confirm: 6 pairs change places in a mirrored image: Lshoulder / Rshoulder, " in found.notes[0].sentence


def test_splits_that_name_different_keypoints_are_refused(people: Path, tmp_path: Path) -> None:
    root = edited(people, tmp_path / "own", with_names(BODY), ("train",))
    with pytest.raises(InvalidInput, match=r"val2017.json must name the 12 keypoints of person12, in any order, got 17"):
        read(root)


@pytest.mark.parametrize("category", ["Dog", "3", 3])
def test_a_category_may_be_chosen(people: Path, tmp_path: Path, category: str | int) -> None:
    def edit(document: dict[str, Any]) -> None:
        with_names(BODY)(document)
        document["categories"].append({"id": 3, "name": "dog", "keypoints": ["left_paw", "right_paw"]})
        document["annotations"][0] |= {"category_id": 3, "keypoints": [9, 9, 2, 30, 30, 2]}

    found = read(edited(people, tmp_path / "dogs", edit), category=category)
    assert found.keypoint_set.names == ("left_paw", "right_paw")
    assert [len(split.people) for split in found.splits] == [1, 1]
    assert all(reason == "of category 1 (person)" for split in found.splits for reason in split.left_out)


def test_numbers_of_annotations_say_nothing(people: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["annotations"].reverse()
        for number, entry in enumerate(document["annotations"]):
            entry["id"] = 5000 + number

    found, ours = read(edited(people, tmp_path / "other", edit)), read(people)
    for split, other in zip(ours.splits, found.splits, strict=True):
        assert sorted(split.boxes) == sorted(other.boxes)
        assert split.left_out == other.left_out


def test_lsp_is_read_with_its_own_keypoints(lsp_small: Path) -> None:
    found = read(lsp_small)
    assert [len(split.people) for split in found.splits] == [2400, 600]
    assert json.loads(annotation_file(lsp_small, "val").read_text())["categories"][0]["keypoints"] == list(
        found.keypoint_set.names
    )
    assert len(found.keypoint_set.flip_pairs) == 6
