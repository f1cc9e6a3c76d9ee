"""`DarkCodec`: the Gaussian sits where the keypoint is, decoding fits one to the heatmap (arXiv:1910.06278).

The logarithm of a Gaussian is a parabola, and one Newton step from anywhere on a parabola ends at its top. N maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainers.data.codecs.base import GaussianCodec

_FLOOR = 1e-10
"""Smallest share of the highest cell that the logarithm sees, as in the published code."""


@dataclass(frozen=True, kw_only=True)
class DarkCodec(GaussianCodec):
    """Unnormalised Gaussian at the keypoint itself, decoded by modulation, logarithm and one Newton step.

    With ``sigma`` 1 or more a round trip is off by less than 0.02 cell along an axis, 2.5 cells or more from both edges.
    Nearer to an edge it is off by half a cell at most.
    """

    @property
    def reach(self) -> int:
        """Cells from the highest one at which the second derivative looks."""
        return 2

    def encode(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) x, y, visibility in input pixels to targets (K, h, w) and weights (K,); the Gaussian fills the heatmap.

        The weight is 0, and the target empty, where the visibility is 0 or three deviations lie outside the heatmap.
        """
        _, shown = self.nearest_cells(keypoints)
        across, down = self.profiles(keypoints)
        down[~shown] = 0
        return (down[:, :, None] * across[:, None, :]).astype(np.float32), shown.astype(np.float32)

    def profiles(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The Gaussian of each keypoint along the columns (K, w) and along the rows (K, h); their product is the target."""
        places = np.clip(keypoints[:, :2] / self.stride, -1e6, 1e6)
        height, width = self.heatmap_size
        across = np.exp(-((np.arange(width) - places[:, :1]) ** 2) / (2 * self.sigma**2))
        down = np.exp(-((np.arange(height) - places[:, 1:]) ** 2) / (2 * self.sigma**2))
        return across, down

    def decode(self, heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, K, h, w) to keypoints (B, K, 2) in input pixels and scores (B, K), the maxima before modulation.

        The step starts at the highest cell before modulation. There is no step along an axis without ``reach`` cells on both
        sides. Nor is there one where the modulated map has no peak there, or the step would leave those cells.
        """
        batch, count = heatmaps.shape[:2]
        flat, x, y, scores = self.highest_cells(heatmaps)
        keypoints = np.stack([x, y], axis=1).astype(np.float64)
        window = modulated_window(flat, x, y, self._kernel, self.reach)
        height, width = self.heatmap_size
        inside = np.stack([_has_neighbours(x, width, self.reach), _has_neighbours(y, height, self.reach)], axis=1)
        keypoints += newton_step(window, inside)
        return (keypoints * self.stride).reshape(batch, count, 2), scores.reshape(batch, count)

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        """One half of the smoothing Gaussian, from its centre out, not normalised: the logarithm takes no notice.

        Its deviation is that of the targets and its length 6 σ - 1 cells: the published 11 at σ = 2 and 17 at σ = 3.
        """
        radius = max(1, math.floor(3 * self.sigma) - 1)
        return np.exp(-(np.arange(radius + 1) ** 2) / (2 * self.sigma**2)).astype(np.float32)


def newton_step(window: NDArray[np.floating], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """From the middle of windows (N, 2 r + 1, 2 r + 1) to the top of the Gaussian there: (N, 2) x, y in cells.

    ``inside`` (N, 2) says along which axes the window may be trusted; 0 along the others. It is 0 also where the logarithm
    of the window is not curved downward, so that no step is infinite. So it is where the step is longer than r cells.
    """
    reach = window.shape[1] // 2
    middle = window[:, reach, reach]
    safe = np.where(middle > 0, middle, 1)
    log = np.log(np.maximum(window / safe[:, None, None], _FLOOR))

    def at(x: int, y: int) -> NDArray[np.float64]:
        return log[:, reach + y, reach + x]

    gradient = np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=1) / 2
    curvature = np.stack([at(reach, 0) + at(-reach, 0), at(0, reach) + at(0, -reach)], axis=1) / reach**2
    curvature -= 2 * at(0, 0)[:, None] / reach**2
    mixed = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    # An axis without neighbours is taken out of the equations: its step is 0 and the other's is its own alone.
    mixed = np.where(inside.all(axis=1), mixed, 0)
    gradient, curvature = np.where(inside, gradient, 0), np.where(inside, curvature, -1)
    product = curvature[:, 0] * curvature[:, 1]
    determinant = product - mixed**2
    peaked = (middle > 0) & (curvature < 0).all(axis=1) & (determinant > 1e-6 * product)
    determinant = np.where(peaked, determinant, 1)
    step = np.stack(
        [
            mixed * gradient[:, 1] - curvature[:, 1] * gradient[:, 0],
            mixed * gradient[:, 0] - curvature[:, 0] * gradient[:, 1],
        ],
        axis=1,
    )
    step /= determinant[:, None]
    peaked &= (np.abs(step) <= reach).all(axis=1)
    return np.where(peaked[:, None], step, 0)


def modulated_window(
    maps: NDArray[np.float32], x: NDArray[np.int64], y: NDArray[np.int64], kernel: NDArray[np.float32], reach: int
) -> NDArray[np.float64]:
    """The smoothed cells around (x, y) of (N, h, w): (N, 2 reach + 1, 2 reach + 1), up to a factor for each map.

    ``kernel`` is one half of the Gaussian, from its centre out. Near an edge it is narrowed, to the same width for the whole
    window, so that it covers no cell outside. Counting those as 0, as the published code does, pulls the peak inward by up
    to half a ``sigma``. Only the window is computed.
    """
    height, width = maps.shape[1:]
    window = np.matmul(_bands(y, height, kernel, reach), maps)
    return np.asarray(np.matmul(window, _bands(x, width, kernel, reach).transpose(0, 2, 1)), np.float64)


def _bands(center: NDArray[np.int64], side: int, kernel: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Weights (N, 2 reach + 1, side) of the cells of one axis for each cell of the windows around ``center`` (N,)."""
    places = center[:, None] + np.arange(-reach, reach + 1)
    distance = np.abs(np.arange(side) - places[:, :, None])
    widest = np.clip(np.minimum(center, side - 1 - center) - reach, 0, len(kernel) - 1)
    weights = kernel[np.minimum(distance, len(kernel) - 1)]
    weights[distance > widest[:, None, None]] = 0
    return weights


def _has_neighbours(cell: NDArray[np.int64], side: int, reach: int) -> NDArray[np.bool_]:
    return (cell >= reach) & (cell < side - reach)
