from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.data.builders import annotation
from trainers.data.annotations.keypoints import COCO17
from trainers.data.annotations.plausibility import (
    area_notes,
    box_notes,
    detection_notes,
    implausible,
    keypoint_place_notes,
    repetition_notes,
)
from trainers.data.config import DataConfig
from trainers.data.formats.coco import coco_split
from trainers.data.formats.coco_file import read_coco
from trainers.data.synthetic.dataset import draw_dataset

FILE = Path("people.json")
SIZES = {1: (60, 80)}


def person(**changes: Any) -> dict[str, Any]:
    """30 x 45 pixels, of which 900 are the person's."""
    return annotation(**changes)


@pytest.mark.parametrize(
    ("areas", "message"),
    [
        (
            [900, 13, 1],
            "people.json: the area of 2 of 3 people is below 1% of their box, so that AP counts nearly all their keypoints"
            " as wrong and comes out too low; 'area' must be that of the person in square pixels",
        ),
        (
            [900, 1621, 1e6],
            "people.json: the area of 2 of 3 people is above 1.2 times their box, so that AP forgives large errors and comes"
            " out too high; 'area' must be that of the person in square pixels",
        ),
        (
            [1350, 1350, 1350],
            "people.json: the area of 3 of 3 people is width times height of their box, so that AP comes out higher than"
            " with the areas of outlines, and compares with no published figure",
        ),
        ([900, 1350, 14, 1620], ""),
    ],
)
def test_areas_are_compared_with_boxes(areas: list[float], message: str) -> None:
    notes = area_notes([person(area=float(area)) for area in areas], FILE)
    assert [note.sentence for note in notes] == ([message] if message else [])
    assert all(note.topic == "area" for note in notes)
    assert [note.severity for note in notes] == ([] if not message else ["note" if "width" in message else "warning"])


def test_a_box_without_extent_has_no_share() -> None:
    assert area_notes([person(bbox=[3, 3, 0, 9])], FILE) == []


def test_boxes_outside_are_said() -> None:
    (note,) = box_notes([person(), person(bbox=[90, 5, 10, 10])], SIZES, FILE)
    assert note.sentence == (
        "people.json: the boxes of 1 of 2 people lie outside their images or have no extent: nobody learns from these people"
        " or predicts them in annotated boxes, and AP counts them as missed"
    )


def test_fractions_are_seen() -> None:
    people = [person(bbox=[0.1, 0.2, 0.4, 0.7], keypoints=[0.3, 0.4, 2] * 17)]
    boxes, points = box_notes(people, SIZES, FILE)
    assert boxes.sentence == (
        "people.json: all numbers in the boxes of 1 of 1 people are at most 1, like fractions of the image: 'bbox' must be"
        " in pixels, or nothing is seen of the people and AP is wrong"
    )
    assert points.sentence == (
        "people.json: all keypoints of 1 of 1 people are at most 1, like fractions of the image: 'keypoints' must be in"
        " pixels, or AP is wrong"
    )


def test_repeated_people_are_said() -> None:
    (note,) = repetition_notes([person(id=1), person(id=2), person(id=3, image_id=2)], FILE)
    assert note.sentence == (
        "people.json: 1 of 3 annotations of people repeat the box and the keypoints of another in the same image; each"
        " counts as a person of its own, so that AP counts the repetitions as missed: take them out"
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "people"
    draw_dataset(root, train_images=1, val_images=40, seed=1)
    return root


def corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


@pytest.mark.parametrize("root", ["drawn", "coco_mini"])
def test_corners_are_seen_in_people_whose_boxes_are_right_otherwise(root: str, request: pytest.FixtureRequest) -> None:
    coco = read_coco(coco_split(request.getfixturevalue(root), "val").annotation_file, COCO17)
    sizes = {image.image_id: image.size for image in coco.images.values()}
    assert implausible(coco.annotations, sizes, FILE, own_areas=True) == []
    wrong = [entry | {"bbox": corners(entry["bbox"])} for entry in coco.annotations]
    note = implausible(wrong, sizes, FILE, own_areas=False)[0]
    assert note.sentence == (
        f"people.json: boxes look like two corners (x1, y1, x2, y2), and {note.count} of"
        f" {sum(entry['num_keypoints'] > 0 and not entry['iscrowd'] for entry in wrong)} reach beyond their images: 'bbox'"
        " must be x, y, width, height, or people are cut out too large and AP is wrong"
    )


@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(0, 30), st.floats(1.5, 40), st.floats(1.5, 30)), min_size=1, max_size=20)
)
def test_boxes_inside_their_images_are_never_taken_for_corners(boxes: list[tuple[float, ...]]) -> None:
    assert box_notes([person(bbox=list(box)) for box in boxes], SIZES, FILE) == []


def test_nothing_is_said_of_people_who_do_not_count() -> None:
    people = [
        person(iscrowd=1, area=1.0, bbox=[0.1, 0.1, 0.2, 0.2]),
        person(num_keypoints=0, area=1e6, bbox=[900, 9, 5, 5]),
    ]
    assert implausible(people, SIZES, FILE, own_areas=True) == []


@pytest.mark.parametrize("root", ["drawn", "coco_mini"])
def test_boxes_by_their_centres_are_seen(root: str, request: pytest.FixtureRequest) -> None:
    coco = read_coco(coco_split(request.getfixturevalue(root), "val").annotation_file, COCO17)
    people = [entry for entry in coco.annotations if entry["num_keypoints"] and not entry["iscrowd"]]
    assert keypoint_place_notes(people, FILE) == []
    centred = []
    for entry in people:
        x, y, width, height = entry["bbox"]
        centred.append(entry | {"bbox": [x + width / 2, y + height / 2, width, height]})
    assert keypoint_place_notes(centred[:4], FILE) == []
    (note,) = keypoint_place_notes(centred, FILE)
    assert note.severity == "warning"
    assert note.count >= len(people) / 2
    assert note.sentence == (
        f"people.json: most keypoints of {note.count} of {len(people)} people lie outside the person's own box, so that"
        " networks see little of these people and AP is wrong: 'bbox' must be x and y of the top left corner (not of the"
        " centre), width and height, and keypoints must be in the same pixels"
    )


def test_detected_boxes_are_looked_at_like_annotated_ones() -> None:
    size = SIZES[1]
    assert detection_notes([((10, 10, 30, 45), size)], FILE) == detection_notes([], FILE) == []
    (corners_note,) = detection_notes([((50, 20, 75, 55), size), ((30, 20, 60, 50), size)], FILE)
    assert corners_note.sentence == (
        "people.json: boxes look like two corners (x1, y1, x2, y2), and 2 of 2 reach beyond their images: 'bbox' must be x,"
        " y, width, height, or people are cut out too large and AP is wrong"
    )
    (fractions_note,) = detection_notes([((0.1, 0.2, 0.4, 0.7), size)], FILE)
    assert fractions_note.sentence == (
        "people.json: all numbers in the boxes of 1 of 1 detections are at most 1, like fractions of the image: 'bbox' must"
        " be in pixels, or nothing is seen of the people and AP is wrong"
    )


def test_remarks_on_detections_belong_to_the_split_that_they_are_of(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "people", train_images=1, val_images=2, seed=1)
    data = DataConfig(root=tmp_path / "people", boxes="det", detections=tmp_path / "boxes.json")
    annotations = data.read_annotations("val").annotations
    boxes = [
        {"image_id": entry["image_id"], "category_id": 1, "score": 0.9, "bbox": [value / 200 for value in entry["bbox"]]}
        for entry in annotations
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    assert [(note.topic, note.count) for note in data.notes("val")] == [("boxes", len(boxes))]
    assert data.notes("train") == ()
