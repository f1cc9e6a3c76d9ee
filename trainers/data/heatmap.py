"""Heatmap codecs: keypoints in input pixels to target heatmaps, and predicted heatmaps back to keypoints.

B samples, K keypoints, heatmaps of h × w cells. Two coordinate spaces, both (x, y) with centres at whole numbers:
input pixels of the network's H × W input, and heatmap cells, which are input pixels divided by the stride, W / w and
H / h. The origins coincide, so cell (0, 0) stands for input pixel (0, 0): the convention of the published networks, off
by a part of a cell from one that aligns the areas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_spaces.errors import InvalidInput


class Codec(Protocol):
    """What a codec offers the data set and the evaluation; sizes are (height, width)."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Size of the network's input in pixels."""
        ...

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """Size of a heatmap in cells."""
        ...

    def encode(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) x, y, visibility in input pixels to targets (K, h, w) and loss weights (K,) of 0 or 1."""
        ...

    def decode(self, heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, K, h, w) to keypoints (B, K, 2) in input pixels and scores (B, K)."""
        ...


def default_sigma(heatmap_size: tuple[int, int]) -> float:
    """The deviation of the target Gaussian in cells: a 32nd of the heatmap's height, and at least 1.

    That line goes through the published values, 2 at 64×48 and 64×64 and 3 at 96×72, and keeps a Gaussian the same size
    relative to the person; below 1 the target would be little more than one cell.
    """
    return max(1.0, heatmap_size[0] / 32)


@dataclass(frozen=True, kw_only=True)
class MsraCodec:
    """Unnormalised Gaussian at the nearest cell, decoded by the arg-max and a quarter of a cell (arXiv:1804.06208).

    ``sigma`` in cells. Encoding rounds to a cell, so a round trip is off by at most half a stride along each axis.
    """

    input_size: tuple[int, int]
    heatmap_size: tuple[int, int]
    sigma: float

    def __post_init__(self) -> None:
        """Refuse sizes and deviations that make no heatmap, with InvalidInput."""
        for field in ("input_size", "heatmap_size"):
            size = getattr(self, field)
            if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
                raise InvalidInput(f"codec {field} must be two positive whole numbers (height, width), got {size}")
        if any(cells > pixels for cells, pixels in zip(self.heatmap_size, self.input_size, strict=True)):
            raise InvalidInput(f"codec heatmap_size must not exceed input_size {self.input_size}, got {self.heatmap_size}")
        if not 0 < self.sigma < math.inf:
            raise InvalidInput(f"codec sigma must be a positive number of cells, got {self.sigma}")

    @property
    def stride(self) -> tuple[float, float]:
        """Input pixels per cell, (x, y)."""
        return self.input_size[1] / self.heatmap_size[1], self.input_size[0] / self.heatmap_size[0]

    @cached_property
    def _patch(self) -> NDArray[np.float32]:
        """The Gaussian out to three deviations, 1 at its centre."""
        radius = math.ceil(3 * self.sigma)
        line = np.arange(-radius, radius + 1) ** 2
        return np.exp(-(line[:, None] + line[None, :]) / (2 * self.sigma**2)).astype(np.float32)

    def encode(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) x, y, visibility in input pixels to targets (K, h, w) and weights (K,).

        The weight is 0, and the target empty, where the visibility is 0 or the Gaussian lies outside the heatmap.
        """
        height, width = self.heatmap_size
        patch = self._patch
        radius = len(patch) // 2
        targets = np.zeros((len(keypoints), height, width), np.float32)
        weights = np.zeros(len(keypoints), np.float32)
        # Far points are cut first: a cell number has to fit an integer.
        cells = np.floor(np.clip(keypoints[:, :2] / self.stride, -1e6, 1e6) + 0.5).astype(int)
        for index, ((x, y), visibility) in enumerate(zip(cells.tolist(), keypoints[:, 2].tolist(), strict=True)):
            left, top = x - radius, y - radius
            right, bottom = x + radius + 1, y + radius + 1
            if visibility <= 0 or left >= width or top >= height or right <= 0 or bottom <= 0:
                continue
            weights[index] = 1
            targets[index, max(top, 0) : bottom, max(left, 0) : right] = patch[
                max(-top, 0) : height - top, max(-left, 0) : width - left
            ]
        return targets, weights

    def decode(self, heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, K, h, w) to keypoints (B, K, 2) in input pixels and scores (B, K), the maxima.

        Along each axis the highest cell moves a quarter of a cell toward its higher neighbour, where it has two.
        """
        batch, count, height, width = heatmaps.shape
        assert (height, width) == self.heatmap_size, (heatmaps.shape, self.heatmap_size)
        flat = heatmaps.reshape(-1, height, width)
        best = flat.reshape(len(flat), -1).argmax(axis=1)
        rows = np.arange(len(flat))
        y, x = np.divmod(best, width)
        keypoints = np.stack([x, y], axis=1).astype(np.float64)
        inside = (x > 0) & (x < width - 1)
        row, line, column = rows[inside], y[inside], x[inside]
        keypoints[inside, 0] += 0.25 * np.sign(flat[row, line, column + 1] - flat[row, line, column - 1])
        inside = (y > 0) & (y < height - 1)
        row, line, column = rows[inside], y[inside], x[inside]
        keypoints[inside, 1] += 0.25 * np.sign(flat[row, line + 1, column] - flat[row, line - 1, column])
        scores = flat[rows, y, x].astype(np.float64)
        return (keypoints * self.stride).reshape(batch, count, 2), scores.reshape(batch, count)
