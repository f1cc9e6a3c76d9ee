from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_dataset, write_json
from trainers.data.formats.coco import clip_box, coco_split, load_detections, load_people


def refusal(folder: Path, value: Any) -> str:
    """Return the refusal of load_people for this annotation document, without the folder's name."""
    file, images = write_dataset(folder, value)
    with pytest.raises(InvalidInput) as caught:
        load_people(file, images)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_person_is_read_as_annotated(tmp_path: Path) -> None:
    file, images = write_dataset(tmp_path)
    (person,) = load_people(file, images)
    assert (person.image_path, person.image_id, person.annotation_id) == (images / "one.jpg", 1, 7)
    assert (person.image_size, person.box, person.area, person.score) == ((60, 80), (15, 5, 30, 45), 900.0, 1.0)
    assert person.keypoints is not None
    np.testing.assert_array_equal(person.keypoints[3], [23, 16, 2])


def test_who_is_left_aside_and_how_boxes_are_cut(tmp_path: Path) -> None:
    people = [
        annotation(id=1, iscrowd=1),
        annotation(id=2, num_keypoints=0, keypoints=[0] * 51),
        annotation(id=3, bbox=[10, 10, 0, 20]),
        annotation(id=4, bbox=[90, 10, 20, 20]),
        annotation(id=5, category_id=2, keypoints="not a person, not looked at"),
        annotation(id=6, bbox=[-5, 40, 200, 50]),
    ]
    (person,) = load_people(*write_dataset(tmp_path, document(*people)))
    assert person.annotation_id == 6
    assert person.box == (0, 40, 79, 19)


def test_clip_box() -> None:
    assert clip_box((2, 3, 4, 5), (60, 80)) == (2, 3, 4, 5)
    assert clip_box((-10, -10, 10, 20), (60, 80)) is None
    assert clip_box((79, 0, 5, 5), (60, 80)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"keypoints": [1] * 50},
            "'keypoints' of annotation 7 of people.json must be 51 numbers (x, y, visibility of 17 keypoints), got 50",
        ),
        (
            {"keypoints": [1] * 50 + ["2"]},
            "'keypoints' of annotation 7 of people.json must be finite numbers, got '2' at 50",
        ),
        (
            {"keypoints": [10**400] + [1] * 50},
            "'keypoints' of annotation 7 of people.json must be finite numbers, got 1" + "0" * 56 + "... at 0",
        ),
        (
            {"keypoints": [1, 1, 3] * 17},
            "visibilities in 'keypoints' of annotation 7 of people.json must be 0, 1 or 2, got 3",
        ),
        ({"keypoints": None}, "'keypoints' of annotation 7 of people.json must be a list, got None"),
        ({"num_keypoints": True}, "'num_keypoints' of annotation 7 of people.json must be a whole number, got True"),
        ({"num_keypoints": -1}, "'num_keypoints' of annotation 7 of people.json must not be negative, got -1"),
        ({"area": "big"}, "'area' of annotation 7 of people.json must be a finite number, got 'big'"),
        ({"iscrowd": 2}, "'iscrowd' of annotation 7 of people.json must be 0 or 1, got 2"),
        (
            {"image_id": 9},
            "people.json must hold at least one person with labelled keypoints and a box inside its image, got none among"
            " 1 person annotations (category 1); left out: 1 of images that the file does not list",
        ),
        (
            {"bbox": [1, 2, 3]},
            "'bbox' of annotation 7 of people.json must be 4 finite numbers x, y, width >= 0, height >= 0, got [1, 2, 3]",
        ),
        (
            {"bbox": [1, 2, 3, -4]},
            "'bbox' of annotation 7 of people.json must be 4 finite numbers x, y, width >= 0, height >= 0,"
            " got [1, 2, 3, -4]",
        ),
        (
            {"area": 2e10},
            "'area' of annotation 7 of people.json must give an area of at most 1e+10 square pixels, which"
            " COCO's scoring counts, got 20000000000.0",
        ),
        ({"iscrowd": None}, "'iscrowd' of annotation 7 of people.json must be a whole number, got None"),
    ],
)
def test_broken_annotations_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert refusal(tmp_path, document(annotation(**changes))) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "people.json must hold a COCO document (an object), got []"),
        ({"images": []}, "people.json must have 'annotations', got only ['images']"),
        ({"images": {}, "annotations": []}, "'images' of people.json must be a list, got {}"),
        ({"images": [3], "annotations": []}, "images[0] of people.json must be an object, got 3"),
        (document(width=0), "'height' and 'width' of images[0] of people.json must be positive, got 60 and 0"),
        (
            document() | {"images": [*document()["images"], *document(width=81)["images"]]},
            "people.json must give every image its own id, got 1 twice, for 'one.jpg' (80 x 60) and 'one.jpg' (81 x 60)",
        ),
        (
            document(id=2**63),
            "'id' of images[0] of people.json must fit in 64 bits, got 9223372036854775808",
        ),
        (document(file_name="two.jpg"), "image file not found: images/two.jpg, named by people.json"),
        (
            document(annotation(iscrowd=1)),
            "people.json must hold at least one person with labelled keypoints and a box inside its image, got none"
            " among 1 person annotations (category 1); left out: 1 marked as crowds",
        ),
        ('{"images": [', "people.json is not complete JSON: Expecting value at line 1 column 13 (character 12 of 12)"),
        ('{"images": [NaN]}', "people.json must hold finite numbers, got NaN"),
        ('{"images": [-Infinity]}', "people.json must hold finite numbers, got -Infinity"),
        ("[" * 100_000, "people.json must hold a COCO document, got JSON nested too deeply to read"),
    ],
)
def test_broken_documents_are_refused(tmp_path: Path, value: Any, message: str) -> None:
    assert refusal(tmp_path, value) == message


@pytest.mark.parametrize(
    "name", ["../one.jpg", "/etc/passwd", "a/../../one.jpg", "..\\one.jpg", "C:\\one.jpg", "C:one.jpg", "\\one.jpg", ""]
)
def test_file_names_may_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.jpg").write_bytes(b"")
    message = f"'file_name' of images[0] of people.json must stay inside the image folder, got {name!r}"
    assert refusal(tmp_path, document(file_name=name)) == message


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    file, images = write_dataset(tmp_path)
    with pytest.raises(InvalidInput, match=f"^file not found: {tmp_path}/none.json$"):
        load_people(tmp_path / "none.json", images)
    with pytest.raises(InvalidInput, match=f"^image folder not found: {tmp_path}/none$"):
        load_people(file, tmp_path / "none")
    with pytest.raises(InvalidInput, match=f"^cannot read {images}: Is a directory$"):
        load_people(images, images)
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(InvalidInput, match=r"people.json must be UTF-8 text, got byte 0xff at 7$"):
        load_people(file, images)


def detection(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "bbox": [-2, 5, 30, 45], "score": 0.75} | changes


def test_detections_keep_persons_above_the_threshold_in_known_images(tmp_path: Path) -> None:
    file, images = write_dataset(tmp_path)
    entries = [
        detection(),
        detection(category_id=3),
        detection(score=0.1),
        detection(image_id=99),
        detection(bbox=[500, 500, 10, 10]),
    ]
    found = load_detections(write_json(tmp_path / "boxes.json", entries), file, images, score_threshold=0.2)
    assert [(person.box, person.score) for person in found] == [((-2, 5, 30, 45), 0.75)]
    assert (found[0].annotation_id, found[0].keypoints, found[0].area) == (None, None, 1350)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "boxes.json must hold a list of detections, got dict"),
        ([3], "detection 0 of boxes.json must be an object, got 3"),
        ([detection(score=1.5)], "'score' of detection 0 of boxes.json must be in [0, 1], got 1.5"),
        (
            [detection(), detection(score=None)],
            "'score' of detection 1 of boxes.json must be a finite number, got None",
        ),
        (
            [detection(bbox=[1, 2, -3, 4])],
            "'bbox' of detection 0 of boxes.json must be 4 finite numbers x, y, width >= 0, height >= 0, got [1, 2, -3, 4]",
        ),
        (
            [detection(image_id=2)],
            "boxes.json must hold at least one person box with a score of 0.0 or more in an image of people.json,"
            " got none among 1 detections",
        ),
    ],
)
def test_broken_detections_are_refused(tmp_path: Path, entries: Any, message: str) -> None:
    file, images = write_dataset(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        load_detections(write_json(tmp_path / "boxes.json", entries), file, images)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


@pytest.mark.parametrize(
    ("own", "listed", "found", "taken"),
    [
        (1, [1], [1, 3, 90], 1),
        (0, [0], [0], 0),
        (2, [1, 2], [1, 2], 2),
        # A detector with the categories of COCO on data with others.
        (0, [0], [1, 18], 1),
        (2, [2], [1, 2], 1),
        (18, [18, 3], [1, 18], 1),
        # One that counts from 0, as the data do.
        (0, [0], [0, 1, 2], 0),
    ],
)
def test_people_of_a_detector_have_the_category_of_the_annotations_or_of_coco(
    tmp_path: Path, own: int, listed: list[int], found: list[int], taken: int
) -> None:
    names = [{"id": number, "name": "person" if number == own else f"thing {number}"} for number in listed]
    file, images = write_dataset(tmp_path, document(annotation(category_id=own)) | {"categories": names})
    boxes = [detection(category_id=number, bbox=[5, 5, 10, 10 + number / 10]) for number in found]
    (person,) = load_detections(write_json(tmp_path / "boxes.json", boxes), file, images)
    assert person.box[3] == pytest.approx(10 + taken / 10)


@pytest.mark.parametrize(
    ("own", "found", "message"),
    [
        (
            1,
            [0, 1],
            "'category_id' of detections in boxes.json must be that of COCO or of people.json, in which people are 1, got 0:"
            " ids that count from 0 would take another category for people",
        ),
        (
            2,
            [1, 1],
            "boxes.json must hold at least one person box with a score of 0.0 or more in an image of people.json, got none"
            " among 2 detections, whose categories are 1 while people are 2",
        ),
        (
            2,
            [],
            "boxes.json must hold at least one person box with a score of 0.0 or more in an image of people.json, got none"
            " among 0 detections",
        ),
    ],
)
def test_categories_of_a_detector_that_cannot_be_told_are_refused(
    tmp_path: Path, own: int, found: list[int], message: str
) -> None:
    names = [{"id": 1, "name": "dog"}, {"id": own, "name": "person"}][own == 1 :]
    file, images = write_dataset(tmp_path, document(annotation(category_id=own)) | {"categories": names})
    boxes = [detection(category_id=number) for number in found]
    with pytest.raises(InvalidInput) as caught:
        load_detections(write_json(tmp_path / "boxes.json", boxes), file, images)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file, images = write_dataset(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    boxes = write_json(tmp_path / "boxes.json", [detection()])
    boxes.write_bytes(b"\xef\xbb\xbf" + boxes.read_bytes())
    assert len(load_people(file, images)) == len(load_detections(boxes, file, images)) == 1
    file.write_text("\ufeff{")
    with pytest.raises(InvalidInput, match=r"people\.json is not complete JSON: .* line 1 column 2 \(character 1 of 1\)$"):
        load_people(file, images)


def test_detection_threshold_must_be_a_score(tmp_path: Path) -> None:
    file, images = write_dataset(tmp_path)
    with pytest.raises(InvalidInput, match=r"^score_threshold of detections must be in \[0, 1\], got 2$"):
        load_detections(file, file, images, score_threshold=2)


def test_coco_split_finds_the_original_layout(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^data folder not found: .*/none$"):
        coco_split(tmp_path / "none", "val")
    with pytest.raises(InvalidInput, match=r"^unknown split 'test': known: train, val$"):
        coco_split(tmp_path, "test")  # type: ignore[arg-type]
    file = tmp_path / "annotations" / "person_keypoints_val2017.json"
    with pytest.raises(InvalidInput, match=f"^annotation file not found: {file}$"):
        coco_split(tmp_path, "val")
    file.parent.mkdir()
    file.write_text("{}")
    with pytest.raises(InvalidInput, match=r"^image folder not found: .*/val2017$"):
        coco_split(tmp_path, "val")
    (tmp_path / "val2017").mkdir()
    found = coco_split(tmp_path, "val")
    assert (found.annotation_file, found.image_dir) == (file, tmp_path / "val2017")


@pytest.mark.parametrize(("split", "count"), [("train", 86), ("val", 68)])
def test_real_coco_is_read(coco_mini: Path, split: Any, count: int) -> None:
    where = coco_split(coco_mini, split)
    people = load_people(where.annotation_file, where.image_dir)
    assert len(people) == count
    for person in people:
        assert clip_box(person.box, person.image_size) == pytest.approx(person.box)
