from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_json
from trainers.data.crowdpose import crowdpose_split, read_crowdpose


def value(image: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    entry = annotation(keypoints=[1, 2, 2] * 14, num_keypoints=14) | changes
    entry.pop("area", None)
    return document(entry, **({"crowdIndex": 0.4} if image is None else image))


def test_areas_are_of_the_boxes_and_images_have_a_crowd_index(tmp_path: Path) -> None:
    file = read_crowdpose(write_json(tmp_path / "people.json", value()))
    assert file.coco.annotations[0]["area"] == pytest.approx(0.53 * 30 * 45)
    assert file.crowd_index == {1: 0.4}


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
