"""Left and right: real people agree with themselves, and every kind of exchange is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.data_page.reading import read_dataset
from analysis.data_page.sides import Conflict, Sides, sides_of
from analysis.data_page.statistics import keypoints_of
from analysis.pareto.front import Array
from trainers.data.annotations.keypoint_names import keypoints_of_category
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14
from trainers.data.config import DataConfig
from trainers.data.geometry.transforms import flip_keypoints

FRONT = {
    "nose": (50, 20),
    "left_eye": (54, 16),
    "right_eye": (46, 16),
    "left_ear": (58, 18),
    "right_ear": (42, 18),
    "left_shoulder": (65, 40),
    "right_shoulder": (35, 40),
    "left_elbow": (70, 60),
    "right_elbow": (30, 60),
    "left_wrist": (72, 80),
    "right_wrist": (28, 80),
    "left_hip": (60, 85),
    "right_hip": (40, 85),
    "left_knee": (66, 115),
    "right_knee": (34, 115),
    "left_ankle": (75, 145),
    "right_ankle": (25, 145),
}
"""Somebody who faces the camera, upright."""


def person(*, without: tuple[str, ...] = (), exchanged: tuple[str, ...] = ()) -> Array:
    points = np.array([[*FRONT[name], 2] for name in COCO17.names], np.float64)
    for part in exchanged:
        left, right = (COCO17.names.index(f"{side}_{part}") for side in ("left", "right"))
        points[[left, right]] = points[[right, left]]
    points[[COCO17.names.index(name) for name in without], 2] = 0
    return points


def judged(points: Array) -> Sides:
    return sides_of(points[None], COCO17)


def drawn(people: Path) -> Array:
    return keypoints_of(read_dataset(DataConfig(root=people), ("train",)).splits[0])


def test_from_the_front_nothing_contradicts() -> None:
    found = judged(person())
    assert (found.torso.tolist(), found.face.tolist(), found.conflicts) == ([1], [1], ((),))
    assert found.suspicious == []


LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@pytest.mark.parametrize(
    ("exchanged", "conflict"),
    [
        (("eye",), Conflict.FACE),
        (("eye", "ear", *LIMBS), Conflict.FACE),
        (LIMBS, Conflict.TURNED),
        (("shoulder", "elbow", "wrist"), Conflict.TWISTED),
        (("hip", "knee", "ankle"), Conflict.TWISTED),
        (("elbow", "wrist"), Conflict.ARMS),
        (("wrist",), Conflict.ARMS),
        (("knee", "ankle"), Conflict.LEGS),
        (("ankle",), Conflict.LEGS),
    ],
)
def test_every_exchange_is_found(exchanged: tuple[str, ...], conflict: Conflict) -> None:
    found = judged(person(exchanged=exchanged))
    assert conflict in found.conflicts[0]
    assert found.suspicious == [0]


def test_from_behind_without_a_face_is_no_conflict() -> None:
    found = judged(person(exchanged=LIMBS, without=("nose", "left_eye", "right_eye")))
    assert (found.torso.tolist(), found.face.tolist(), found.conflicts) == ([-1], [0], ((),))


def test_the_upper_body_alone_says_its_turn() -> None:
    found = judged(person(without=("left_hip", "right_hip"), exchanged=("shoulder",)))
    assert found.torso.tolist() == [-1]
    assert found.conflicts[0] == (Conflict.TURNED, Conflict.ARMS)


def test_what_is_not_labelled_or_seen_from_the_side_says_nothing() -> None:
    assert judged(np.zeros((17, 3))).torso.tolist() == [0]
    profile = person()
    profile[:, 0] = 50 + (profile[:, 0] - 50) * 0.05
    assert judged(profile).torso.tolist() == [0]


@given(
    st.floats(0, 2 * np.pi),
    st.floats(0.1, 50),
    st.sampled_from([(), ("eye",), ("hip", "knee", "ankle"), ("elbow", "wrist"), LIMBS]),
)
def test_how_a_body_lies_in_the_picture_changes_nothing(angle: float, scale: float, exchanged: tuple[str, ...]) -> None:
    points = person(exchanged=exchanged)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.column_stack([points[:, :2] @ turn.T + 7.0, points[:, 2]])
    first, second = judged(points), judged(moved)
    assert (first.torso.tolist(), first.face.tolist(), first.conflicts) == (
        second.torso.tolist(),
        second.face.tolist(),
        second.conflicts,
    )


def test_a_mirrored_picture_with_its_sides_put_right_says_the_same(people: Path) -> None:
    points = drawn(people)
    mirrored = np.array([flip_keypoints(one, 160, COCO17) for one in points])
    first, second = sides_of(points, COCO17), sides_of(mirrored, COCO17)
    assert (first.torso == second.torso).all()
    assert (first.face == second.face).all()
    assert first.conflicts == second.conflicts


def test_all_sides_exchanged_turn_everybody_around(people: Path) -> None:
    points = drawn(people)
    first = sides_of(points, COCO17)
    second = sides_of(points[:, list(COCO17.flip_permutation)], COCO17)
    assert (first.torso == -second.torso).all()
    assert (first.face == -second.face).all()
    assert first.face.any()


def test_drawn_people_do_not_contradict_themselves(people: Path) -> None:
    assert sides_of(drawn(people), COCO17).suspicious == []


def test_real_faces_are_labelled_right(coco_mini: Path) -> None:
    for split in read_dataset(DataConfig(root=coco_mini), ("train", "val")).splits:
        found = sides_of(keypoints_of(split), COCO17)
        assert (found.face >= 0).all()
        assert (found.face > 0).sum() > 20
        assert len(found.suspicious) <= 1


def test_labels_of_a_crowd_have_mistakes(lsp_small: Path) -> None:
    data = read_dataset(DataConfig(root=lsp_small), ("train", "val"))
    for split, share in zip(data.splits, (0.02, 0.04), strict=True):
        found = sides_of(keypoints_of(split), data.keypoint_set)
        assert len(found.suspicious) > share * len(split.people)


def test_other_names_and_sets_are_understood() -> None:
    points = person(exchanged=("hip", "knee", "ankle"))[5:]
    names = [name.replace("left_", "L").replace("right_", "R") for name in COCO17.names[5:]]
    own = keypoints_of_category({"keypoints": names}, name="own", place="categories[0]").keypoint_set
    assert Conflict.TWISTED in sides_of(points[None], own).conflicts[0]
    crowded = np.concatenate([points, [[50, 10, 2], [50, 35, 2]]])
    assert Conflict.TWISTED in sides_of(crowded[None], CROWDPOSE14).conflicts[0]
    plain = keypoints_of_category({"keypoints": ["1", "2"]}, name="own", place="categories[0]").keypoint_set
    assert sides_of(np.ones((3, 2, 3)), plain).conflicts == ((), (), ())


def test_upside_down() -> None:
    points = person()
    assert judged(points).upside_down.tolist() == [False]
    points[:, :2] = 200 - points[:, :2]
    assert judged(points).upside_down.tolist() == [True]
    points[:, :2] = points[:, 1::-1]
    assert judged(points).upside_down.tolist() == [False], "lying"
