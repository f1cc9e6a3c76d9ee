"""Distribution-aware decoding against its equations, written out with OpenCV and a linear solver."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.codecs.dark import DarkCodec, newton_step

CODEC = DarkCodec(input_size=(256, 192), heatmap_size=(64, 48), sigma=2.0)
YES = np.ones((1, 2), bool)


def by_equation(heatmap: np.ndarray, kernel: int, sigma: float) -> np.ndarray:
    """m - H⁻¹ D of the modulated logarithm at the highest cell (arXiv:1910.06278, equation 9), x and y in cells."""
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    smooth = cv2.GaussianBlur(heatmap.astype(np.float64), (kernel, kernel), sigma)
    log = np.log(np.maximum(smooth * heatmap.max() / smooth.max(), 1e-10))
    gradient = [(log[y, x + 1] - log[y, x - 1]) / 2, (log[y + 1, x] - log[y - 1, x]) / 2]
    mixed = (log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]) / 4
    across = (log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]) / 4
    down = (log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]) / 4
    return np.array([x, y]) - np.linalg.solve([[across, mixed], [mixed, down]], gradient)


@given(st.floats(9, 38), st.floats(9, 54), st.integers(0, 2**32 - 1))
def test_decoding_is_the_published_equation(x: float, y: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.02, (64, 48))
    heatmap = (0.8 * CODEC.encode(np.array([[4 * x, 4 * y, 2]]))[0][0] + noise).astype(np.float32)
    located, scores = CODEC.decode(heatmap[None, None])
    np.testing.assert_allclose(located[0, 0] / 4, by_equation(heatmap, 11, 2.0), atol=1e-3)
    assert scores[0, 0] == heatmap.max()


@pytest.mark.parametrize(("sigma", "cells"), [(2.0, 11), (3.0, 17), (1.0, 5), (0.3, 3)])
def test_kernel_has_the_published_length(sigma: float, cells: int) -> None:
    """Seen from outside: a cell counts as far as the kernel at the end of the window, two cells away, reaches."""
    codec = DarkCodec(input_size=(64, 64), heatmap_size=(64, 64), sigma=sigma)
    rows, columns = np.mgrid[:64, :64]
    # A width of its own: with the tiny sigma too the step must be one that is taken.
    heatmap = np.exp(-((columns - 32.3) ** 2 + (rows - 32) ** 2) / 8).astype(np.float32)[None, None]
    plain = codec.decode(heatmap)[0][0, 0, 0]
    assert 32 < plain < 33
    seen = []
    for distance in range(1, 16):
        changed = heatmap.copy()
        changed[0, 0, 32, 32 + distance] += 0.05
        if codec.decode(changed)[0][0, 0, 0] != plain:
            seen.append(distance)
    assert max(seen) == cells // 2 + 2


def test_targets_are_the_gaussian_at_the_keypoint_over_the_whole_heatmap() -> None:
    target, _ = CODEC.encode(np.array([[81.3, 102.9, 2]]))
    rows, columns = np.mgrid[:64, :48]
    expected = np.exp(-((columns - 81.3 / 4) ** 2 + (rows - 102.9 / 4) ** 2) / 8)
    np.testing.assert_allclose(target[0], expected, atol=1e-6)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.7, 5), st.floats(0.7, 5), st.floats(-0.9, 0.9), st.booleans())
def test_one_step_reaches_the_top_of_any_gaussian(dx: float, dy: float, a: float, b: float, tilt: float, wide: bool) -> None:
    """Of any shape, tilted ones too: its logarithm is the parabola that the step assumes."""
    reach = 2 if wide else 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    u, v = (x - dx) / a, (y - dy) / b
    window = np.exp(-(u**2 - 2 * tilt * u * v + v**2) / 2)[None] * 3
    np.testing.assert_allclose(newton_step(window, YES)[0], [dx, dy], atol=1e-5)


def test_an_axis_without_neighbours_stays_and_the_other_moves() -> None:
    y, x = np.mgrid[-1:2, -1:2]
    window = np.exp(-((x - 0.3) ** 2 + 0.5 * (x - 0.3) * (y + 0.4) + (y + 0.4) ** 2) / 4)[None]
    (step,) = newton_step(window, np.array([[False, True]]))
    assert step[0] == 0
    column = np.log(window[0, :, 1])
    assert step[1] == pytest.approx(-((column[2] - column[0]) / 2) / (column[2] - 2 * column[1] + column[0]))


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(np.ones((3, 3)), id="plateau"),
        pytest.param(np.zeros((3, 3)), id="zero"),
        pytest.param(-np.ones((3, 3)), id="negative"),
        pytest.param(np.exp(-np.array([[1, 0, 1]] * 3)), id="ridge"),
        pytest.param(np.exp(-np.array([[2, 1, 0], [1, 0, 1], [0, 1, 2]])), id="diagonal ridge"),
        pytest.param(np.exp(-np.array([[0, -1, 0], [1, 0, 1], [0, -1, 0]])), id="saddle"),
        pytest.param(np.exp(-np.array([[9, 9, 9], [4.0, 0, -3.9], [9, 9, 9]])), id="step too long"),
    ],
)
def test_where_there_is_no_peak_the_point_stays(window: np.ndarray) -> None:
    assert newton_step(window[None].astype(np.float64), YES).tolist() == [[0, 0]]


def test_a_flip_test_moves_points_by_half_a_pixel_as_published() -> None:
    """The shift by one cell leaves a quarter of a cell between the two maps at stride 4: what `UdpCodec` does without."""
    point, (height, width) = np.array([[100.0, 80.0, 2]]), CODEC.heatmap_size
    mirrored = CODEC.encode(np.array([[191 - 100.0, 80.0, 2]]))[0][:, :, ::-1]
    both = CODEC.encode(point)[0].copy()
    both[:, :, 1:] = (both[:, :, 1:] + mirrored[:, :, :-1]) / 2
    assert both.shape == (1, height, width)
    located, _ = CODEC.decode(both[None])
    np.testing.assert_allclose(located[0, 0], [100.5, 80], atol=0.05)
    assert CODEC.flip_shift == 1
