"""Annotation files as tools write them: each is read, or refused with what to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco import annotated_people
from trainers.data.formats.coco_file import read_coco
from trainers.data.formats.crowdpose import read_crowdpose
from trainers.evaluation.crowdpose_ap import crowdness


@pytest.mark.parametrize(
    ("name", "images", "people", "notes"),
    [
        ("label_studio.json", 8, 8, []),
        ("repeated_image_entries.json", 2, 5, ["3 entries of 'images' repeat others and are read once"]),
        ("continental_images_missing.json", 3, 14, []),
    ],
)
def test_files_that_are_read(exports: Path, name: str, images: int, people: int, notes: list[str]) -> None:
    coco = read_coco(exports / name, COCO17)
    assert len(coco.images) == images
    assert len(annotated_people(coco, exports, require_images=False)) == people
    assert [note.sentence for note in coco.notes] == [f"{exports / name}: {note}" for note in notes]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "coco_annotator.json",
            "'area' of people with labelled keypoints in coco_annotator.json must be above 0, because COCO divides distances"
            " by it, got 0 for 8 of 12 people, first in annotation 1813: write the area of each person in square pixels, and"
            " a box around the person",
        ),
        (
            "cvat_17_categories.json",
            "cvat_17_categories.json must have a category of people, named person or with the keypoints of coco17, got"
            " 1 (nose), 2 (left_eye), 3 (right_eye), 4 (left_ear), 5 (right_ear), 6 (left_shoulder), 7 (right_shoulder),"
            " 8 (left_elbow) and 9 more, with 0 annotations in all; here keypoints are categories of their own: annotate"
            " each person by one label with a skeleton of keypoints, and export anew",
        ),
        (
            "cvat_one_category.json",
            "'keypoints' of categories[0] of cvat_one_category.json must name the 17 keypoints of coco17, in any order, got"
            " 13 names (unknown: 1, 2, 3, 4 and 9 more; missing: nose, left_eye, right_eye, left_ear and 13 more)",
        ),
        (
            "roboflow.json",
            "'keypoints' of categories[1] of roboflow.json must name the 17 keypoints of coco17, in any order, got 18 names"
            " (unknown: Hips, RHip, RKnee, RAnkle and 14 more; missing: nose, left_eye, right_eye, left_ear and 13 more)",
        ),
        (
            "wrong_num_keypoints.json",
            "'keypoints' of categories[0] of wrong_num_keypoints.json must name the 17 keypoints of coco17, in any order,"
            " got 17 names (unknown: neck, Rsho, Relb, Rwri and 13 more; missing: nose, left_eye, right_eye, left_ear"
            " and 13 more)",
        ),
    ],
)
def test_files_that_are_refused(exports: Path, name: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_coco(exports / name, COCO17)
    assert str(caught.value).replace(f"{exports}/", "").startswith(message)


def test_coco_annotator_is_read_once_its_boxes_are_there(exports: Path, tmp_path: Path) -> None:
    text = (exports / "coco_annotator.json").read_text()
    assert text.count('"area": 0,') == 8
    file = tmp_path / "people.json"
    file.write_text(text.replace('"area": 0,', '"area": 900,').replace("[0, 0, 0, 0]", "[10, 10, 40, 40]"))
    coco = read_coco(file, COCO17)
    assert coco.category.label == "18 (person)"
    assert len(annotated_people(coco, tmp_path, require_images=False)) == 12


def test_the_official_file_of_crowdpose(exports: Path) -> None:
    file = read_crowdpose(exports / "crowdpose_official.json")
    assert file.coco.notes == ()
    assert file.coco.left_out == {"without labelled keypoints": 11, "marked as crowds": 1}
    assert len(annotated_people(file.coco, exports, require_images=False)) == 35
    assert sorted(file.crowd_index.values())[-1] == 1.31
    kinds = [crowdness(index) for index in file.crowd_index.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {"ap_medium": 3, "ap_hard": 6, "ap_easy": 1}
