"""Scores of annotated people by metric and length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.formats.coco import Person
from trainers.data.keypoint_sets.fields import from_plain
from trainers.data.keypoint_sets.metric import METRICS, Metric
from trainers.evaluation.keypoint_scores import keypoint_scores, lengths_of

NAMES = ["head_top", "neck", "left_shoulder", "right_hip", "left_eye", "right_eye"]
POINTS = from_plain({"names": NAMES}, None, "data.keypoints")


def person(points: list[tuple[float, float, float]], box: tuple[float, float, float, float] = (0, 0, 40, 100)) -> Person:
    return Person(
        image_path=Path("a.jpg"),
        image_id=1,
        image_size=(200, 200),
        box=box,
        area=4000,
        annotation_id=1,
        keypoints=np.array(points, float),
    )


WHOLE = person([(20, 0, 2), (20, 10, 2), (30, 20, 2), (10, 40, 2), (24, 4, 2), (16, 4, 1)])
BLIND = person([(20, 0, 0), (20, 10, 2), (0, 0, 0), (10, 40, 2), (0, 0, 0), (16, 4, 1)], (0, 0, 60, 50))


@pytest.mark.parametrize(
    ("value", "lengths"),
    [
        ("pck", [100, 60]),
        ({"name": "pck", "by": "torso"}, [np.hypot(20, 20), 0]),
        ("pckh50", [10, 0]),
        ({"name": "nme", "by": "inter_ocular"}, [8, 0]),
        ({"name": "nme", "points": ["neck", "right_hip"]}, [np.hypot(10, 30), np.hypot(10, 30)]),
        ("auc", [30, 30]),
        ({"name": "auc", "pixels": 7}, [7, 7]),
        ("epe", [1, 1]),
    ],
)
def test_the_length_of_each_person(value: Any, lengths: list[float]) -> None:
    people = [WHOLE, BLIND]
    truth = np.array([one.keypoints for one in people])
    assert lengths_of(people, truth, POINTS, Metric.of(value)).tolist() == pytest.approx(lengths)


@pytest.mark.parametrize("name", [name for name in METRICS if name != "oks"])
def test_the_truth_is_as_good_as_can_be(name: str) -> None:
    people = [WHOLE, BLIND]
    truth = np.array([one.keypoints for one in people])[..., :2]
    figures = keypoint_scores(people, truth, POINTS, Metric(name=name))
    best = {"nme": 0.0, "epe": 0.0, "auc": 19 / 20}.get(name, 1.0)
    assert figures == pytest.approx({name: best} | {f"{name}_{keypoint}": best for keypoint in NAMES})


def test_hidden_keypoints_count_and_unlabelled_ones_do_not() -> None:
    predicted = BLIND.keypoints[None, :, :2] + [0, 3]
    figures = keypoint_scores([BLIND], predicted, POINTS, Metric(name="epe"))
    assert figures == {"epe": 3.0, "epe_neck": 3.0, "epe_right_hip": 3.0, "epe_right_eye": 3.0}


def test_the_mean_of_pck_is_over_keypoints_and_that_of_nme_over_all_labels() -> None:
    predicted = np.array([WHOLE.keypoints[:, :2], BLIND.keypoints[:, :2]])
    predicted[1, 1] += [0, 30]
    pck = keypoint_scores([WHOLE, BLIND], predicted, POINTS, Metric(name="pck"))
    assert pck["pck_neck"] == 0.5
    assert pck["pck"] == pytest.approx((5 * 1 + 0.5) / 6)
    nme = keypoint_scores([WHOLE, BLIND], predicted, POINTS, Metric(name="nme"))
    assert nme["nme"] == pytest.approx(30 / 60 / 9)


def test_without_a_length_there_is_no_score() -> None:
    with pytest.raises(InvalidInput, match=r"^metric pck by torso needs people with both ends .* none among 1 people$"):
        keypoint_scores([BLIND], BLIND.keypoints[None, :, :2], POINTS, Metric.of({"name": "pck", "by": "torso"}))
