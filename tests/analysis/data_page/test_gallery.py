"""The people who are drawn, and the places of their names."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.data_page.gallery import (
    LINE_HEIGHT,
    caption_of,
    choose_people,
    framed,
    labelled_picture,
    seen_from_behind,
    spaced,
)
from analysis.data_page.reading import SplitData, read_dataset
from analysis.data_page.sides import sides_of
from analysis.data_page.statistics import keypoints_of
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig


def train(people: Path) -> SplitData:
    return read_dataset(DataConfig(root=people), ("train",)).splits[0]


def test_people_of_every_size_are_chosen(people: Path) -> None:
    split = train(people)
    chosen = choose_people(split, 6, np.random.default_rng(0), set())
    heights = [split.people[row].box[3] for row in chosen]
    everybody = sorted(person.box[3] for person in split.people)
    assert len(set(chosen)) == 6
    assert heights == sorted(heights)
    assert heights[0] <= everybody[len(everybody) // 6 + 1]
    assert heights[-1] >= everybody[-len(everybody) // 6 - 1]
    assert chosen == choose_people(split, 6, np.random.default_rng(0), set())
    assert chosen != choose_people(split, 6, np.random.default_rng(1), set())


def test_nobody_of_a_broken_image_is_chosen(people: Path) -> None:
    split = train(people)
    broken = {person.image_path for person in split.people[3:]} - {person.image_path for person in split.people[:3]}
    chosen = choose_people(split, 50, np.random.default_rng(0), broken)
    assert len(chosen) == sum(person.image_path not in broken for person in split.people)
    assert choose_people(split, 5, np.random.default_rng(0), {person.image_path for person in split.people}) == []


def test_those_seen_from_behind_are_large_and_half_of_them_upside_down(people: Path) -> None:
    split = train(people)
    keypoints = keypoints_of(split)
    keypoints[:20, :, 1] = 160 - keypoints[:20, :, 1]
    found = sides_of(keypoints[:, :], COCO17)
    rows = seen_from_behind(split, found, 8, set())
    assert rows
    assert all(found.torso[row] < 0 and not found.conflicts[row] for row in rows)
    assert len(rows) == min(8, sum(found.torso[row] < 0 and not found.conflicts[row] for row in range(len(keypoints))))


def test_names_stand_beside_their_points(people: Path) -> None:
    split = train(people)
    person = split.people[0]
    assert person.keypoints is not None
    found = labelled_picture(person, COCO17, (256, 192), caption_of(split, person))
    assert found.caption == f"train, {person.image_path.name}, annotation {person.annotation_id}"
    assert sorted(tag.name for tag in found.tags) == sorted(
        name.replace("_", " ") for name, point in zip(COCO17.names, person.keypoints, strict=True) if point[2] > 0
    )
    assert all(tag.name.startswith(tag.side) for tag in found.tags if tag.side != "centre")
    assert {tag.side for tag in found.tags} >= {"left", "right"}
    for tag in found.tags:
        assert (tag.x > found.left + found.picture_width) == tag.is_right
        assert 0 <= tag.y <= found.height
    assert "on the left" in found.alt
    assert found.uri.startswith("data:image/webp;base64,")


def test_a_person_without_points_is_drawn_without_names() -> None:
    found = framed(np.zeros((100, 75, 3), np.uint8), np.zeros((17, 2)), np.array([], np.int64), COCO17, "nobody")
    assert found.tags == ()
    assert found.alt == "nobody. Labelled keypoints: none."


@given(st.lists(st.floats(-50, 350), max_size=17).map(sorted))
def test_names_never_overlap_and_keep_their_order(wanted: list[float]) -> None:
    placed = spaced(wanted, LINE_HEIGHT, 300.0)
    assert all(second - first >= LINE_HEIGHT - 1e-6 for first, second in pairwise(placed))
    assert all(LINE_HEIGHT / 2 - 1e-6 <= place <= 300 - LINE_HEIGHT / 2 + 1e-6 for place in placed)


def test_names_with_room_stay_where_their_points_are() -> None:
    assert spaced([20.0, 100.0, 200.0], LINE_HEIGHT, 300.0) == [20.0, 100.0, 200.0]
