from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_json
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco_file import CocoFile
from trainers.data.formats.crowdpose import crowdpose_split, read_crowdpose


def value(image: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    entry = annotation(keypoints=[1, 2, 2] * 14, num_keypoints=14) | changes
    entry.pop("area", None)
    return document(entry, **({"crowdIndex": 0.4} if image is None else image))


def test_areas_are_of_the_boxes_and_images_have_a_crowd_index(tmp_path: Path) -> None:
    file = read_crowdpose(write_json(tmp_path / "people.json", value()))
    assert file.coco.annotations[0]["area"] == pytest.approx(0.53 * 30 * 45)
    assert file.crowd_index == {1: 0.4}


def test_head_and_neck_alone_do_not_make_a_person_count(tmp_path: Path) -> None:
    def coco(labelled: list[int], **changes: Any) -> CocoFile:
        points = [coordinate for index in range(14) for coordinate in (1, 2, 2 * (index in labelled))]
        return read_crowdpose(write_json(tmp_path / "people.json", value(keypoints=points, **changes))).coco

    assert coco([0, 12, 13], num_keypoints=1).notes == coco([12, 13], num_keypoints=0).notes == ()
    assert [coco(labelled).annotations[0]["num_keypoints"] for labelled in ([0, 12, 13], [12, 13])] == [1, 0]
    assert coco([12]).left_out == {"without labelled keypoints": 1}


def test_an_index_above_1_is_read_as_published(tmp_path: Path) -> None:
    assert read_crowdpose(write_json(tmp_path / "people.json", value({"crowdIndex": 3.02}))).crowd_index == {1: 3.02}


def test_entries_of_one_image_have_one_index(tmp_path: Path) -> None:
    content = value()
    content["images"] *= 2
    assert read_crowdpose(write_json(tmp_path / "people.json", content)).crowd_index == {1: 0.4}
    content["images"] = [content["images"][0], content["images"][0] | {"crowdIndex": 0.5}]
    with pytest.raises(
        InvalidInput, match=r"^'crowdIndex' of images\[1\] of .* must be 0.4, as in the other entry of image 1"
    ):
        read_crowdpose(write_json(tmp_path / "people.json", content))


def test_keypoints_are_those_of_crowdpose(tmp_path: Path) -> None:
    content = value() | {"categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}]}
    with pytest.raises(InvalidInput, match=r"must name the 14 keypoints of crowdpose14, in any order, got 17 names"):
        read_crowdpose(write_json(tmp_path / "people.json", content))


def test_boxes_stand_for_areas_of_which_nothing_is_said(tmp_path: Path) -> None:
    assert read_crowdpose(write_json(tmp_path / "people.json", value())).coco.notes == ()
    (note,) = read_crowdpose(write_json(tmp_path / "people.json", value(bbox=[5, 5, 0, 9]))).coco.notes
    assert "have no extent" in note.sentence
    with pytest.raises(InvalidInput, match=r"^'bbox' of annotation 7 of .* must give an area of at most 1e\+10"):
        read_crowdpose(write_json(tmp_path / "people.json", value(bbox=[0, 0, 1e9, 1e9])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (value({}), "images[0] of people.json must have 'crowdIndex', got only ['file_name', 'height', 'id', 'width']"),
        (value({"crowdIndex": "much"}), "'crowdIndex' of images[0] of people.json must be a finite number, got 'much'"),
        (value({"crowdIndex": -0.5}), "'crowdIndex' of images[0] of people.json must not be negative, got -0.5"),
        (
            value(keypoints=[1, 2, 2] * 17),
            "'keypoints' of annotation 7 of people.json must be 42 numbers (x, y, visibility of 14 keypoints), got 51",
        ),
        (
            value(bbox=None),
            "'bbox' of annotation 7 of people.json must be a list, got None",
        ),
        ([], "people.json must hold a COCO document (an object), got []"),
        (value({"file_name": "../one.jpg"}), "'file_name' of images[0] of people.json must stay inside the image folder"),
        (json.dumps(value())[:-9], "people.json is not complete JSON: "),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_crowdpose(write_json(tmp_path / "people.json", content))
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(message)


def test_the_published_layout_is_found(tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "crowdpose_trainval.json"
    with pytest.raises(InvalidInput, match=f"^annotation file not found: {file}$"):
        crowdpose_split(tmp_path, "trainval")
    file.parent.mkdir()
    file.write_text("{}")
    (tmp_path / "images").mkdir()
    assert crowdpose_split(tmp_path, "trainval").image_dir == tmp_path / "images"
