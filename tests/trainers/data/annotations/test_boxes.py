"""Boxes of any numbers: refused in one sentence, left out, or a sample of finite numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import SIZE, annotation, document, write_dataset, write_json
from trainers.data.annotations.boxes import SMALLEST_EXTENT, clip_box
from trainers.data.annotations.json_fields import LARGEST_COORDINATE
from trainers.data.codecs import make_codec
from trainers.data.formats.coco import load_detections, load_people
from trainers.data.formats.mpii import load_mpii_people
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.samples.dataset import TopDownDataset

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-100, 100),
    st.sampled_from([0.0, 5e-324, 1e-300, 1e-7, 1e9, 1e15, -1e15, 1.0000001e15, 1e38, -1e300, 3e300, 1.7e308]),
)
BOXES = st.tuples(NUMBERS, NUMBERS, NUMBERS.map(abs), NUMBERS.map(abs)).map(list)
CODEC = make_codec("udp", input_size=(96, 64), heatmap_size=(24, 16))


def detection(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "bbox": [15, 5, 30, 45], "score": 0.9} | changes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An annotation file and its image folder."""
    return write_dataset(tmp_path_factory.mktemp("boxes"))


def detected(box: Any, files: tuple[Path, Path]) -> list[Any]:
    """Return the people of a detections file of two boxes, one of them sound."""
    entries = json.dumps([detection(), detection(bbox=box)])
    return load_detections(write_json(files[0].parent / "boxes.json", entries), *files)


@given(box=BOXES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_detected_box_is_refused_left_out_or_shown(box: list[float], files: tuple[Path, Path]) -> None:
    if max(map(abs, box)) > LARGEST_COORDINATE:
        with pytest.raises(InvalidInput, match=r"'bbox' of detection 1 of .* must be of numbers up to 1e\+15, got \["):
            detected(box, files)
        return
    people = detected(box, files)
    assert len(people) == 1 + (clip_box(tuple(box), SIZE) is not None)
    sample = TopDownDataset(people, CODEC)[len(people) - 1]
    assert sample["image"].isfinite().all()


@given(box=BOXES, points=st.lists(NUMBERS, min_size=34, max_size=34))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_annotated_person_is_refused_left_out_or_learned_from(
    box: list[float], points: list[float], files: tuple[Path, Path]
) -> None:
    keypoints = [value for x, y in zip(points[::2], points[1::2], strict=True) for value in (x, y, 2)]
    entries = document(annotation(), annotation(id=8, bbox=box, keypoints=keypoints, area=100.0))
    file = write_json(files[0].parent / "any.json", entries)
    if max(map(abs, [*box, *points])) > LARGEST_COORDINATE:
        with pytest.raises(InvalidInput, match=r"of annotation 8 of .*any.json must be of numbers up to 1e\+15, got"):
            load_people(file, files[1])
        return
    people = load_people(file, files[1])
    dataset = TopDownDataset(people, CODEC, augmentation=Augmentation(half_body=1.0, half_body_minimum=2))
    sample = dataset[len(people) - 1]
    assert sample["image"].isfinite().all()
    assert sample["target"].isfinite().all()


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("[-1e300, -1e300, 3e300, 3e300]", "'bbox' of detection 1 of .* must be of numbers up to 1e\\+15, got \\[-1e\\+300"),
        ("[1, 1, 1e38, 5]", "must be of numbers up to 1e\\+15, got \\[1, 1, 1e\\+38, 5\\]"),
        ("[1, 1, 1e999, 5]", "must be 4 finite numbers x, y, width >= 0, height >= 0, got \\[1, 1, inf, 5\\]"),
        ("[1, 1, NaN, 5]", "must hold finite numbers, got NaN"),
        ('[1, 1, "NaN", 5]', "must be 4 finite numbers .*, got \\[1, 1, 'NaN', 5\\]"),
        ("[1, 1, null, 5]", "must be 4 finite numbers .*, got \\[1, 1, None, 5\\]"),
    ],
)
def test_boxes_that_no_detector_means(box: str, message: str, files: tuple[Path, Path]) -> None:
    text = json.dumps([detection(), detection(bbox="here")]).replace('"here"', box)
    with pytest.raises(InvalidInput, match=message):
        load_detections(write_json(files[0].parent / "boxes.json", text), *files)


def test_a_box_without_extent_is_left_out(files: tuple[Path, Path]) -> None:
    for box in ([0, 0, 5e-324, 5e-324], [0, 0, 5e-324, 40], [3, 3, 0, 0], [3, 3, SMALLEST_EXTENT / 2, 20]):
        assert len(detected(box, files)) == 1
    assert len(detected([3, 3, 2 * SMALLEST_EXTENT, 20], files)) == 2
    assert len(detected([-1e9, -1e9, 2e9, 2e9], files)) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 1e300}, "'scale' of entry 0 of .* must give a side of 1e-06 to 1e\\+15 pixels, got 1e\\+300"),
        ({"scale": 5e-324}, "'scale' of entry 0 of .* must give a side of 1e-06 to 1e\\+15 pixels, got 4.94066e-324"),
        ({"center": [1e38, 5]}, "'center' of entry 0 of .* must be of numbers up to 1e\\+15, got 1e\\+38"),
        ({"joints": [[1e300, 1]] * 16}, "'joints' of entry 0 of .* must be of numbers up to 1e\\+15, got 1e\\+300"),
    ],
)
def test_people_of_mpii_have_the_same_limits(changes: dict[str, Any], message: str, files: tuple[Path, Path]) -> None:
    entry = {"image": "one.jpg", "center": [30, 30], "scale": 0.2, "joints": [[9, 9]] * 16, "joints_vis": [1] * 16} | changes
    file = write_json(files[0].parent / "mpii.json", [entry])
    with pytest.raises(InvalidInput, match=message):
        load_mpii_people(file, files[1])


def test_limits_leave_room_for_arithmetic() -> None:
    assert LARGEST_COORDINATE + 1 > LARGEST_COORDINATE
    assert math.isfinite(np.float64(LARGEST_COORDINATE) ** 2 / SMALLEST_EXTENT)
