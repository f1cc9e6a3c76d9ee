from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.codecs import MsraCodec, default_sigma

CODEC = MsraCodec(input_size=(256, 192), heatmap_size=(64, 48), sigma=2.0)


def one(x: float, y: float, visibility: float = 2) -> np.ndarray:
    return np.array([[x, y, visibility]])


@pytest.mark.parametrize(
    ("size", "sigma"), [((64, 48), 2), ((64, 64), 2), ((96, 72), 3), ((48, 36), 1.5), ((32, 24), 1), ((16, 12), 1)]
)
def test_default_sigma_goes_through_the_published_values(size: tuple[int, int], sigma: float) -> None:
    assert default_sigma(size) == sigma


@given(st.floats(0, 191), st.floats(0, 255), st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_round_trip_is_off_by_half_a_stride_at_most(x: float, y: float, sigma: float) -> None:
    codec = MsraCodec(input_size=(256, 192), heatmap_size=(64, 48), sigma=sigma)
    target, weight = codec.encode(one(x, y))
    assert weight.tolist() == [1]
    keypoints, scores = codec.decode(target[None])
    # The last half stride of the image rounds to the cell beyond the edge.
    assert np.abs(keypoints[0, 0] - (x, y)).max() <= (2 if max(x / 190, y / 254) < 1 else 4)
    assert scores[0, 0] == 1 or max(x / 190, y / 254) >= 1


def test_target_is_the_gaussian_at_the_rounded_cell_out_to_three_deviations() -> None:
    target, _ = CODEC.encode(one(81.0, 103.0))
    rows, columns = np.mgrid[:64, :48]
    dx, dy = columns - 20, rows - 26
    expected = np.where(np.maximum(abs(dx), abs(dy)) <= 6, np.exp(-(dx**2 + dy**2) / 8), 0)
    np.testing.assert_allclose(target[0], expected, atol=1e-6)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (191, 255), (-20, 100), (100, 270), (3, 250)])
def test_target_at_the_edge_is_the_cut_gaussian(x: float, y: float) -> None:
    target, weight = CODEC.encode(one(x, y))
    rows, columns = np.mgrid[:64, :48]
    dx, dy = columns - math.floor(x / 4 + 0.5), rows - math.floor(y / 4 + 0.5)
    expected = np.where(np.maximum(abs(dx), abs(dy)) <= 6, np.exp(-(dx**2 + dy**2) / 8), 0)
    np.testing.assert_allclose(target[0], expected, atol=1e-6)
    assert weight.tolist() == [1]


@pytest.mark.parametrize(
    ("x", "y", "v"), [(80, 80, 0), (-27, 80, 2), (220, 80, 2), (80, -27, 2), (80, 284, 2), (1e30, 0, 2)]
)
def test_invisible_or_outside_has_no_weight_and_no_target(x: float, y: float, v: float) -> None:
    target, weight = CODEC.encode(one(x, y, v))
    assert weight.tolist() == [0]
    assert not target.any()


def test_hidden_keypoints_count_as_visible_ones() -> None:
    for left, right in zip(CODEC.encode(one(50, 60, 1)), CODEC.encode(one(50, 60, 2)), strict=True):
        np.testing.assert_array_equal(left, right)


def test_decoding_moves_a_quarter_cell_toward_the_higher_neighbour() -> None:
    heatmaps = np.zeros((1, 3, 64, 48), np.float32)
    heatmaps[0, :, 10, 20] = 0.9
    heatmaps[0, 0, 10, 21] = heatmaps[0, 0, 9, 20] = 0.5
    heatmaps[0, 1, 10, 19] = heatmaps[0, 1, 11, 20] = 0.5
    keypoints, scores = CODEC.decode(heatmaps)
    np.testing.assert_allclose(keypoints[0], np.array([[20.25, 9.75], [19.75, 10.25], [20, 10]]) * 4)
    np.testing.assert_allclose(scores, 0.9, atol=1e-6)


def test_decoding_at_the_border_has_no_neighbour_to_move_to() -> None:
    heatmaps = np.zeros((2, 1, 64, 48), np.float32)
    heatmaps[0, 0, 0, 0] = heatmaps[1, 0, 63, 47] = 1
    heatmaps[0, 0, 0, 1] = heatmaps[1, 0, 62, 47] = 0.5
    np.testing.assert_allclose(CODEC.decode(heatmaps)[0][:, 0], [[0, 0], [47 * 4, 63 * 4]])


@pytest.mark.parametrize(("x", "y"), [(0, 30), (1, 30), (47, 30), (20, 0), (20, 1), (20, 63)])
def test_near_a_border_along_one_axis_nothing_moves_along_either(x: int, y: int) -> None:
    """The published rule asks for both axes together: 1 < x < W - 1 and 1 < y < H - 1."""
    heatmaps = np.random.default_rng(0).uniform(0, 0.5, (1, 1, 64, 48)).astype(np.float32)
    heatmaps[0, 0, y, x] = 1
    np.testing.assert_array_equal(CODEC.decode(heatmaps)[0][0, 0], [x * 4, y * 4])


@pytest.mark.parametrize("largest", [0.0, -0.25])
def test_a_map_without_a_positive_value_has_its_keypoint_at_cell_minus_one(largest: float) -> None:
    heatmaps = np.full((1, 1, 64, 48), -1.0, np.float32)
    heatmaps[0, 0, 20, 30] = largest
    keypoints, scores = CODEC.decode(heatmaps)
    np.testing.assert_array_equal(keypoints[0, 0], [-4, -4])
    assert scores[0, 0] == largest


@given(st.integers(0, 2**32 - 1))
def test_decoding_a_batch_is_decoding_each_map_alone(seed: int) -> None:
    """Against a plain loop over the maps."""
    heatmaps = np.random.default_rng(seed).normal(size=(2, 3, 64, 48)).astype(np.float32)
    keypoints, scores = CODEC.decode(heatmaps)
    for sample in range(2):
        for index in range(3):
            grid = heatmaps[sample, index]
            y, x = np.unravel_index(grid.argmax(), grid.shape)
            inside = 1 < x < 47 and 1 < y < 63
            shift_x = 0.25 * np.sign(grid[y, x + 1] - grid[y, x - 1]) if inside else 0
            shift_y = 0.25 * np.sign(grid[y + 1, x] - grid[y - 1, x]) if inside else 0
            np.testing.assert_allclose(keypoints[sample, index], [(x + shift_x) * 4, (y + shift_y) * 4])
            assert scores[sample, index] == grid.max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_size": (0, 192)}, "codec input_size must be two positive whole numbers (height, width), got (0, 192)"),
        (
            {"heatmap_size": (64.0, 48)},
            "codec heatmap_size must be two positive whole numbers (height, width), got (64.0, 48)",
        ),
        ({"heatmap_size": (64, 200)}, "codec heatmap_size must not exceed input_size (256, 192), got (64, 200)"),
        ({"sigma": 0}, "codec sigma must be a positive number of cells, got 0"),
        ({"sigma": math.inf}, "codec sigma must be a positive number of cells, got inf"),
    ],
)
def test_impossible_codecs_are_refused(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"input_size": (256, 192), "heatmap_size": (64, 48), "sigma": 2.0}
    with pytest.raises(InvalidInput) as caught:
        MsraCodec(**fields | changes)
    assert str(caught.value) == message
