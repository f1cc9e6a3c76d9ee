"""Counts of a split."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from analysis.data_page.reading import SplitData
from analysis.data_page.statistics import SplitStatistics, groups, split_statistics, spread
from trainers.data.annotations.boxes import Box
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person

PAIR = KeypointSet(name="pair", names=("left_a", "right_a"), flip_pairs=((0, 1),), upper_body=(0,), limbs=(), oks_sigmas=())


def person(points: list[list[float]], box: Box = (10, 10, 20, 40), image: str = "a.jpg", area: float = 400.0) -> Person:
    return Person(
        image_path=Path(image), image_id=1, image_size=(100, 80), box=box, area=area, keypoints=np.array(points, np.float64)
    )


def counted(*people: Person, boxes: tuple[Box, ...] = ()) -> SplitStatistics:
    split = SplitData(
        name="train",
        annotation_file=Path("a.json"),
        image_dir=Path("images"),
        images=(),
        boxes=boxes or tuple(entry.box for entry in people),
        people=people,
        left_out={},
    )
    return split_statistics(split, [], PAIR, (256, 192))


def test_keypoints_are_counted_by_name() -> None:
    found = counted(person([[15, 15, 2], [20, 20, 1]]), person([[15, 15, 2], [0, 0, 0]], image="b.jpg"))
    assert [dataclasses.astuple(entry) for entry in found.keypoints] == [("left_a", 2, 0, 0), ("right_a", 0, 1, 1)]
    assert found.hidden_share == pytest.approx(1 / 3)
    assert [(group.name, group.count) for group in found.labelled] == [("1", 1), ("2", 1)]
    assert found.images_with_people == 2


def test_what_reaches_outside_is_counted() -> None:
    inside, over = (10.0, 10.0, 20.0, 40.0), (70.0, 10.0, 20.0, 40.0)
    found = counted(
        person([[15, 15, 2], [20, 20, 2]]),
        person([[85, 15, 2], [75, 20, 2]], box=(70, 10, 9, 40)),
        person([[15, 80, 2], [20, 20, 2]]),
        boxes=(inside, over, inside),
    )
    assert found.boxes_outside == 1
    assert found.keypoints_outside_image == 1
    assert found.keypoints_outside_box == 1


def test_a_pixel_at_the_border_is_not_outside() -> None:
    found = counted(person([[79.5, 99.5, 2], [0, 0, 2]]), boxes=((0.0, 0.0, 80.4, 100.4),))
    assert (found.boxes_outside, found.keypoints_outside_image) == (0, 0)


def test_sizes_and_company() -> None:
    small, large = person([[15, 15, 2], [20, 20, 2]], area=1023.0), person([[15, 15, 2], [20, 20, 2]], area=9216.0)
    found = counted(small, large, *[person([[15, 15, 2], [0, 0, 0]], image="b.jpg", area=1024.0)] * 7)
    assert {group.name: group.count for group in found.areas} == {"small": 1, "medium": 7, "large": 1}
    assert {group.name: group.count for group in found.people_per_image if group.count} == {"2": 1, "6 or more": 1}
    assert found.enlarged == 9, "a person of 40 pixels is enlarged by five"


def test_groups_hold_every_value_once() -> None:
    found = groups(np.array([0.0, 31.9, 32.0, 5000.0]), (0.0, 32.0, 1024.0, np.inf), "px")
    assert [(group.name, group.count) for group in found] == [
        ("below 32 px", 2),
        ("32 to 1024 px", 1),
        ("1024 px and more", 1),
    ]


def test_a_spread_is_of_quantiles() -> None:
    assert dataclasses.astuple(spread(np.arange(101.0))) == (0, 10, 50, 90, 100)
