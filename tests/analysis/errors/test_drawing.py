"""Drawings: where things are, and in which colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from analysis.errors.drawing import (
    CENTRE,
    COLOURS,
    COLUMNS,
    HEIGHT,
    LEFT,
    RIGHT,
    draw_heatmaps,
    draw_labelled,
    draw_person,
    draw_targets,
    encoded,
    picture_size,
    sides,
)
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14
from trainers.data.geometry.transforms import Crop, crop_matrix

CROP = Crop(center=(100.0, 100.0), size=(150.0, 200.0))
GREY = np.full((200, 200, 3), 90, np.uint8)


def pose() -> np.ndarray:
    places = np.stack([60 + np.arange(17) % 4 * 25.0, 20 + np.arange(17) // 4 * 40.0], axis=1)
    return np.concatenate([places, np.full((17, 1), 2.0)], axis=1)


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == np.array(colour)).all(axis=2).any())


def test_labelled_points_are_drawn_in_the_colours_of_their_sides() -> None:
    truth = pose()
    picture, points = draw_labelled(GREY, CROP, truth, COCO17)
    assert picture.shape == (HEIGHT, 192, 3)
    assert points.shape == (17, 2)
    for index in (15, 16):
        x, y = points[index]
        assert picture[round(y), round(x)].tolist() == list(COLOURS[sides(COCO17)[index]])
    truth[[index for index in range(17) if sides(COCO17)[index] == RIGHT], 2] = 0
    picture, _ = draw_labelled(GREY, CROP, truth, COCO17)
    assert not has(picture, COLOURS[RIGHT])


def test_a_hidden_point_is_hollow() -> None:
    truth = pose()
    truth[16, 2] = 1
    picture, points = draw_labelled(GREY, CROP, truth, COCO17)
    x, y = points[16]
    assert picture[round(y), round(x)].tolist() == [0, 0, 0]


def test_targets_lie_over_the_input_in_the_colours_of_their_sides() -> None:
    target = np.zeros((17, 32, 24), np.float32)
    left, right = COCO17.names.index("left_ankle"), COCO17.names.index("right_ankle")
    target[left, 8:11, 4:7] = target[right, 24:27, 14:17] = 1
    grey = np.full((128, 96, 3), 90, np.uint8)
    drawn = draw_targets(grey, target, COCO17)
    assert drawn.shape == grey.shape
    for (x, y), side in (((22, 38), LEFT), ((62, 102), RIGHT)):
        wanted = 0.15 * 90 + 0.85 * np.array(COLOURS[side])
        assert np.abs(drawn[y, x] - wanted).max() <= 1
    assert (drawn[60, 60] == 90).all()


def test_sides_by_name() -> None:
    assert sides(COCO17)[:3] == (CENTRE, LEFT, RIGHT)
    assert sides(CROWDPOSE14)[-2:] == (CENTRE, CENTRE)


def test_a_person_is_drawn_where_it_is() -> None:
    truth = pose()
    picture = draw_person(GREY, CROP, truth[:, :2] + (6.0, 4.0), truth, COCO17)
    assert picture.shape == (HEIGHT, 192, 3) == (*picture_size(CROP), 3)
    assert all(has(picture, colour) for colour in COLOURS.values())
    x, y = (truth[15, :2] - (25, 0)) * HEIGHT / 200
    assert picture[round(y), round(x)].tolist() == [255, 255, 255]
    assert GREY.max() == 90, "the photograph is left alone"


def test_what_has_no_truth_is_not_drawn() -> None:
    truth = pose()
    truth[[index for index in range(17) if sides(COCO17)[index] == LEFT], 2] = 0
    picture = draw_person(GREY, CROP, truth[:, :2], truth, COCO17)
    assert not has(picture, COLOURS[LEFT])
    assert has(picture, COLOURS[RIGHT])
    truth[:, 2] = 0
    assert (draw_person(GREY, CROP, truth[:, :2], truth, COCO17)[5:-5, 5:-5] == 90).all()


def test_a_prediction_far_outside_is_no_error() -> None:
    truth = pose()
    far = np.full((17, 2), 1e9)
    far[0] = np.nan
    assert draw_person(GREY, CROP, far, truth, COCO17).shape == (HEIGHT, 192, 3)


def test_heatmaps_lie_where_the_network_saw_them() -> None:
    maps = np.zeros((17, 64, 48))
    maps[0, 16, 36] = 0.8
    picture = draw_heatmaps(GREY, CROP, maps, crop_matrix(CROP, (256, 192)), (256, 192), COCO17.names)
    height, width = picture.shape[0] // 3, picture.shape[1] // COLUMNS
    first, second = picture[26:height, :width].astype(int), picture[26:height, width : 2 * width].astype(int)
    y, x = np.unravel_index(np.abs(first - second).sum(axis=2).argmax(), first.shape[:2])
    assert (x, y) == (pytest.approx(36 / 48 * 84, abs=1), pytest.approx(16 / 64 * 112, abs=1))


def test_files_are_small_webp() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    fine, coarse = encoded(noise, 90), encoded(noise, 20)
    assert len(coarse) < len(fine)
    opened = Image.open(io.BytesIO(coarse))
    assert (opened.format, opened.size) == ("WEBP", (48, 64))
