"""Skeletons over whole pictures and frames: lines as wide as the picture asks for."""

from __future__ import annotations

import cv2
import numpy as np

from analysis.errors.drawing import Picture, draw_skeleton
from trainers.data.annotations.keypoints import KeypointSet
from trainers.prediction.predictor import PredictedFrame

DRAWN = 0.2
"""Confidence from which on a keypoint is drawn."""
SIDE = 500
"""Pixels of the longer side of a picture whose lines are as wide as those of a report."""
BOX_COLOUR = (200, 200, 200)


def draw_people(predicted: PredictedFrame, keypoint_set: KeypointSet) -> Picture:
    """Return the frame with the box and the skeleton of each person; the best person is drawn last."""
    picture = predicted.frame.pixels.copy()
    scale = max(0.5, max(picture.shape[:2]) / SIDE)
    for person in reversed(predicted.people):
        left, top, width, height = person.box
        first, last = (_pixel(left), _pixel(top)), (_pixel(left + width), _pixel(top + height))
        cv2.rectangle(picture, first, last, BOX_COLOUR, max(1, round(scale)), cv2.LINE_AA)
        draw_skeleton(picture, person.keypoints[:, :2], person.keypoints[:, 2] >= DRAWN, keypoint_set, scale=scale)
    return picture


def _pixel(value: float) -> int:
    # OpenCV counts in 32 bits, and far outside the picture is as good as further.
    return round(float(np.clip(value, -16384, 16384)))
