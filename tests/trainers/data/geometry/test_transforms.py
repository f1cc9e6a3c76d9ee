from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.profiles import examples
from trainers.data.annotations.keypoints import COCO17
from trainers.data.geometry.augmentation import Augmentation, vary
from trainers.data.geometry.transforms import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Crop,
    compose,
    crop_matrix,
    crop_of_box,
    flip_image,
    flip_keypoints,
    invert,
    mirror_crop,
    mirror_matrix,
    normalise,
    warp_image,
    warp_points,
)

INPUT = (64, 48)
coordinate = st.floats(-500, 500)
crops = st.builds(
    lambda x, y, width, rotation: Crop(center=(x, y), size=(width, width * INPUT[0] / INPUT[1]), rotation=rotation),
    coordinate,
    coordinate,
    st.floats(5, 900),
    st.floats(-180, 180),
)


@given(coordinate, coordinate, st.floats(0.5, 500), st.floats(0.5, 500))
def test_crop_has_the_shape_of_the_input_and_holds_the_widened_box(x: float, y: float, w: float, h: float) -> None:
    crop = crop_of_box((x, y, w, h), INPUT)
    assert crop.center == pytest.approx((x + w / 2, y + h / 2))
    assert crop.size[0] / crop.size[1] == pytest.approx(INPUT[1] / INPUT[0])
    # One side is the box's own times 1.25, the other at least that.
    assert min(crop.size[0] / w, crop.size[1] / h) == pytest.approx(1.25)


@given(crops, st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=5))
def test_matrix_and_its_inverse_undo_each_other(crop: Crop, points: list[tuple[float, float]]) -> None:
    matrix = crop_matrix(crop, INPUT)
    there = warp_points(np.array(points), matrix)
    np.testing.assert_allclose(warp_points(there, invert(matrix)), points, atol=1e-6)


@given(crops)
def test_matrix_is_a_similarity_of_the_right_size_about_the_centre(crop: Crop) -> None:
    matrix = crop_matrix(crop, INPUT)
    np.testing.assert_allclose(warp_points(np.array(crop.center), matrix), [INPUT[1] / 2, INPUT[0] / 2], atol=1e-6)
    factor = INPUT[1] / crop.size[0]
    np.testing.assert_allclose(matrix[:, :2] @ matrix[:, :2].T, factor**2 * np.eye(2), atol=1e-9)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_positive_rotation_turns_the_picture_counter_clockwise() -> None:
    crop = Crop(center=(100.0, 100.0), size=(48.0, 64.0), rotation=90)
    right_of_centre = warp_points(np.array([110.0, 100.0]), crop_matrix(crop, INPUT))
    np.testing.assert_allclose(right_of_centre, [24, 32 - 10])


@given(crops, st.integers(1, 400))
def test_mirrored_crop_shows_the_same_region(crop: Crop, width: int) -> None:
    upright = Crop(center=crop.center, size=crop.size)
    points = np.array([[3.0, 5.0], [40.0, 9.0]])
    mirrored = warp_points(points, compose(crop_matrix(mirror_crop(upright, width), INPUT), mirror_matrix(width)))
    direct = warp_points(points, crop_matrix(upright, INPUT))
    np.testing.assert_allclose(mirrored, np.column_stack([INPUT[1] - direct[:, 0], direct[:, 1]]), atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_flipping_twice_changes_nothing(seed: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    keypoints = np.column_stack([generator.uniform(0, width, (17, 2)), generator.integers(0, 3, 17)])
    flipped = flip_keypoints(keypoints, width, COCO17)
    np.testing.assert_allclose(flip_keypoints(flipped, width, COCO17), keypoints, atol=1e-9)
    left, right = COCO17.names.index("left_knee"), COCO17.names.index("right_knee")
    np.testing.assert_allclose(flipped[left], [width - 1 - keypoints[right, 0], *keypoints[right, 1:]])
    image = generator.integers(0, 256, (7, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(flip_image(flip_image(image)), image)
    np.testing.assert_array_equal(flip_image(image)[:, 0], image[:, -1])


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_a_drawn_point_lands_where_its_coordinates_say(seed: int) -> None:
    """Through every augmentation: a bright blob at a keypoint is found at the transformed keypoint."""
    generator = np.random.default_rng(seed)
    image = np.zeros((200, 150, 3), np.uint8)
    keypoints = np.column_stack([generator.uniform(60, 100, 17), generator.uniform(80, 130, 17), np.full(17, 2)])
    point = int(generator.integers(17))
    place = np.rint(keypoints[point, :2]).astype(int)
    keypoints[point, :2] = place
    cv2.circle(image, (int(place[0]), int(place[1])), 4, (255, 255, 255), cv2.FILLED)
    size = (128, 96)
    variation = vary(
        crop_of_box((40, 50, 80, 110), size),
        keypoints,
        augmentation=Augmentation(half_body=0.5),
        keypoint_set=COCO17,
        input_size=size,
        generator=generator,
    )
    crop, source, width = variation.crop, image, image.shape[1]
    if variation.flip:
        crop, source = mirror_crop(crop, width), flip_image(image)
        keypoints, point = flip_keypoints(keypoints, width, COCO17), COCO17.flip_permutation[point]
    matrix = crop_matrix(crop, size)
    expected = warp_points(keypoints, matrix)[point]
    warped = warp_image(source, matrix, size)
    if variation.flip:
        # The single resampling that training uses gives the same picture.
        once = warp_image(image, compose(matrix, mirror_matrix(width)), size)
        assert np.abs(once.astype(int) - warped).mean() < 1
    assume(16 < expected[0] < 80 and 16 < expected[1] < 112)
    rows, columns = np.nonzero(warped[:, :, 0] > 127)
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected[:2], atol=0.75)


def test_normalise_is_the_imagenet_formula_on_rgb() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    expected = (image[:, :, ::-1] / 255 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(normalise(image), expected.transpose(2, 0, 1), atol=1e-5)
