"""Unbiased data processing: every step commutes with mirroring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.codecs import UdpCodec
from trainers.data.geometry.transforms import Crop, compose, crop_of_box, mirror_crop, mirror_matrix, warp_image, warp_points

CODEC = UdpCodec(input_size=(256, 192), heatmap_size=(64, 48), sigma=2.0)

crops = st.builds(
    lambda x, y, width, rotation: Crop(center=(x, y), size=(width, width * 256 / 192), rotation=rotation),
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(5, 900),
    st.floats(-180, 180),
)


@given(crops)
def test_the_sides_of_the_crop_become_the_outermost_centres(crop: Crop) -> None:
    angle = np.radians(crop.rotation)
    right, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    corners = [
        crop.center + right * crop.size[0] * across / 2 + down * crop.size[1] * along / 2
        for across, along in ((0, 0), (-1, -1), (1, -1), (1, 1))
    ]
    found = warp_points(np.array(corners), CODEC.crop_matrix(crop))
    np.testing.assert_allclose(found, [[95.5, 127.5], [0, 0], [191, 0], [191, 255]], atol=1e-6)


@given(crops, st.integers(1, 900))
def test_the_crop_of_the_mirrored_image_is_the_mirrored_crop(crop: Crop, width: int) -> None:
    upright = Crop(center=crop.center, size=crop.size)
    points = np.array([[3.0, 5.0], [40.0, 9.0], [-7.0, 100.0]])
    there = warp_points(points, compose(CODEC.crop_matrix(mirror_crop(upright, width)), mirror_matrix(width)))
    direct = warp_points(points, CODEC.crop_matrix(upright))
    np.testing.assert_allclose(there, np.column_stack([191 - direct[:, 0], direct[:, 1]]), atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_the_picture_of_the_mirrored_image_is_the_mirrored_picture(seed: int) -> None:
    generator = np.random.default_rng(seed)
    image = np.kron(generator.integers(0, 256, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    crop = crop_of_box((*generator.uniform(0, 40, 2), *generator.uniform(30, 90, 2)), CODEC.input_size)
    plain = warp_image(image, CODEC.crop_matrix(crop), CODEC.input_size)
    mirrored = warp_image(image[:, ::-1].copy(), CODEC.crop_matrix(mirror_crop(crop, 160)), CODEC.input_size)
    # Resampling works in 32nds of a pixel, so that edges of full contrast may differ.
    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 0.5


@given(st.floats(-20, 210), st.floats(-20, 280))
def test_the_target_of_a_mirrored_keypoint_is_the_mirrored_target(x: float, y: float) -> None:
    cells = np.array([x, y]) / CODEC.stride
    if np.abs(cells % 1 - 0.5).min() < 1e-6:
        return  # Halfway between two cells the nearest one, which decides where the target is cut, is a choice.
    target, weight = CODEC.encode(np.array([[x, y, 2]]))
    mirrored, same = CODEC.encode(np.array([[191 - x, y, 2]]))
    assert weight == same
    np.testing.assert_allclose(mirrored[:, :, ::-1], target, atol=1e-6)
    assert CODEC.flip_shift == 0


def test_the_stride_is_between_the_outermost_centres() -> None:
    assert CODEC.stride == (191 / 47, 255 / 63)
    heatmaps = np.zeros((1, 2, 64, 48), np.float32)
    heatmaps[0, 0, 0, 0] = heatmaps[0, 1, 63, 47] = 1
    np.testing.assert_allclose(CODEC.decode(heatmaps)[0][0], [[0, 0], [191, 255]])


def test_targets_are_the_gaussian_at_the_keypoint_cut_at_three_deviations() -> None:
    target, _ = CODEC.encode(np.array([[81.3, 102.9, 2]]))
    rows, columns = np.mgrid[:64, :48]
    x, y = 81.3 * 47 / 191, 102.9 * 63 / 255
    expected = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    expected[np.maximum(abs(columns - 20), abs(rows - 25)) > 6] = 0
    np.testing.assert_allclose(target[0], expected, atol=1e-6)


def test_a_heatmap_of_one_column_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        UdpCodec(input_size=(64, 48), heatmap_size=(16, 1), sigma=1.0)
    assert str(caught.value) == "codec heatmap_size of udp must be two cells or more along each side, got (16, 1)"
