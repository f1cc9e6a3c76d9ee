"""Skeletons over whole pictures."""

from __future__ import annotations

import dataclasses

import numpy as np

from analysis.errors.drawing import COLOURS, LEFT
from analysis.prediction.drawing import draw_people
from tests.trainers.prediction.media import pixels
from trainers.data.annotations.keypoints import COCO17
from trainers.prediction.predictor import PredictedFrame, PredictedPerson
from trainers.prediction.sources import Frame, Source

NOWHERE = np.array([-1e9, 1e9, 1.0])


def frame_with(keypoints: np.ndarray, size: tuple[int, int]) -> PredictedFrame:
    frame = Frame(source=Source(path="a.png"), image_id=1, pixels=np.zeros((*size, 3), np.uint8))
    person = PredictedPerson(box=(5.0, 5.0, 20.0, 30.0), box_score=1.0, keypoints=keypoints, score=1.0)
    return PredictedFrame(frame=frame, people=[person])


def test_sure_keypoints_are_drawn_where_they_are_and_no_others():
    keypoints = np.zeros((17, 3))
    keypoints[5] = 300, 200, 0.9
    keypoints[6] = 100, 50, 0.1
    keypoints[7] = NOWHERE
    keypoints[7, 2] = 0
    drawn = draw_people(frame_with(keypoints, (400, 500)), COCO17)
    assert tuple(drawn[200, 300]) == COLOURS[LEFT]
    assert not drawn[50, 100].any()
    assert drawn[5, 10].any(), "the box"


def test_lines_are_as_wide_as_the_picture_asks_for():
    def marked(size):
        keypoints = np.zeros((17, 3))
        keypoints[5] = size[1] * 0.8, size[0] * 0.8, 1
        return (draw_people(frame_with(keypoints, size), COCO17)[size[0] // 2 :] > 0).any(axis=2).sum()

    assert 8 * marked((500, 500)) < marked((2000, 2000)) < 20 * marked((500, 500))


def test_a_point_beyond_everything_draws_nothing_wrong_and_the_frame_stays():
    keypoints = np.tile(NOWHERE, (17, 1))
    frame = frame_with(keypoints, (60, 50))
    before = frame.frame.pixels.copy()
    draw_people(frame, COCO17)
    assert np.array_equal(frame.frame.pixels, before)
    nobody = dataclasses.replace(frame, frame=dataclasses.replace(frame.frame, pixels=pixels(1)), people=[])
    assert np.array_equal(draw_people(nobody, COCO17), pixels(1))
