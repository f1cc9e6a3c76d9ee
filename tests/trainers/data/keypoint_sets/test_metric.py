"""The metric that ranks networks: its defaults, its words, and the metrics that a set cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import OBJECTIVES
from trainers.data.annotations.keypoints import COCO17, MPII16, KeypointSet
from trainers.data.keypoint_sets.fields import from_plain
from trainers.data.keypoint_sets.metric import METRICS, Metric

FACE = from_plain({"names": ["left_eye", "right_eye", "chin"]}, None, "data.keypoints")


@pytest.mark.parametrize("name", METRICS)
def test_each_is_an_objective_of_its_own_name_and_direction(name: str) -> None:
    objective = OBJECTIVES[Metric(name=name).objective("gt")]
    assert objective.name == ("ap_gt" if name == "oks" else name)
    assert objective.is_better_high == (name not in ("nme", "epe"))
    assert Metric.of(Metric(name=name).to_dict()) == Metric(name=name)


def test_detected_boxes_have_a_name_of_their_own() -> None:
    assert Metric().objective("det") == "ap_det"


@pytest.mark.parametrize(
    ("value", "known", "words"),
    [
        ("pck", COCO17, "keypoints nearer to the truth than 0.05 of the longer side of the box, mean over keypoints"),
        (
            {"name": "pck", "by": "torso"},
            COCO17,
            "keypoints nearer to the truth than 0.2 of the torso (left_shoulder to right_hip), mean over keypoints",
        ),
        (
            "pckh50",
            MPII16,
            "keypoints nearer to the truth than 0.5 of the head (head_top to upper_neck), mean over keypoints",
        ),
        ("auc", FACE, "mean of PCK at 20 thresholds from 0 to below 30 pixels"),
        ("nme", FACE, "mean distance in units of the longer side of the box"),
        (
            {"name": "nme", "by": "inter_ocular"},
            FACE,
            "mean distance in units of the eyes' distance (right_eye to left_eye)",
        ),
        ({"name": "nme", "points": ["chin", "Left Eye"]}, FACE, "mean distance in units of the length (chin to left_eye)"),
        ("epe", FACE, "mean distance in pixels"),
        ("oks", FACE, "object keypoint similarity, sigmas 0.067, the mean of COCO's 17"),
    ],
)
def test_a_figure_says_all_that_makes_it_comparable(value: Any, known: KeypointSet, words: str) -> None:
    assert Metric.of(value).words(known) == words


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("pcp", r"^unknown metric 'pcp': .*known: auc, epe, nme, oks, pck, pckh50$"),
        (3, r"^metric must be a name or its fields, got 3$"),
        ({"name": "pck", "treshold": 0.1}, r"^unknown field of metric 'treshold': did you mean 'threshold'\?"),
        ({"name": "epe", "by": "box"}, r"^by of metric epe must be left out, got 'box'$"),
        ({"name": "nme", "by": "torso"}, r"^by of metric nme must be box or inter_ocular or points, got 'torso'$"),
        ({"name": "nme", "by": "points"}, r"^points of metric nme must be two keypoints where by is points$"),
        ({"name": "nme", "points": ["chin"]}, r"^points of metric must be the names of two keypoints, got \['chin'\]$"),
        ({"name": "epe", "points": ["a", "b"]}, r"^points of metric epe must be left out"),
        ({"name": "pck", "by": "box", "points": ["a", "b"]}, r"^points of metric pck must be left out"),
        ({"name": "pck", "threshold": 0}, r"^threshold of metric pck must be a number above 0, got 0$"),
        ({"name": "pck", "threshold": "x"}, r"^threshold of metric pck must be a number above 0, got 'x'$"),
        ({"name": "nme", "threshold": 0.1}, r"^threshold must be left out for metric nme, got 0.1$"),
        ({"name": "pck", "pixels": 5}, r"^pixels must be left out for metric pck, got 5$"),
        ({"name": "auc", "pixels": -5}, r"^pixels of metric auc must be a number above 0, got -5$"),
    ],
)
def test_what_breaks_a_rule_is_named(value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Metric.of(value)


@pytest.mark.parametrize("value", [{"name": "pck", "by": "torso"}, "pckh50"])
def test_a_metric_that_the_set_cannot_have_is_refused(value: Any) -> None:
    metric = Metric.of(value)
    with pytest.raises(InvalidInput, match=r"^metric pck.* needs the keypoints .*, which set own3 lacks \(left_eye, "):
        metric.length_points(FACE)


def test_points_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"needs the keypoints chin and nose, which set own3 lacks"):
        Metric.of({"name": "nme", "points": ["chin", "nose"]}).length_points(FACE)
