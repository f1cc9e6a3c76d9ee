"""`MsraCodec`: the Gaussian sits on a whole cell, decoding moves by a quarter of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainers.data.codecs.base import GaussianCodec


@dataclass(frozen=True, kw_only=True)
class MsraCodec(GaussianCodec):
    """Unnormalised Gaussian at the nearest cell, decoded by the arg-max and a quarter of a cell (arXiv:1804.06208).

    Encoding rounds to a cell, so a round trip is off by at most half a stride along each axis. A network's heatmap, whose
    neighbours differ, moves a quarter of a stride at most.
    """

    @cached_property
    def _patch(self) -> NDArray[np.float32]:
        """The Gaussian out to three deviations, 1 at its centre."""
        line = np.arange(-self.radius, self.radius + 1) ** 2
        return np.exp(-(line[:, None] + line[None, :]) / (2 * self.sigma**2)).astype(np.float32)

    def encode(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) x, y, visibility in input pixels to targets (K, h, w) and weights (K,).

        The weight is 0, and the target empty, where the visibility is 0 or the Gaussian lies outside the heatmap.
        """
        height, width = self.heatmap_size
        patch, radius = self._patch, self.radius
        targets = np.zeros((len(keypoints), height, width), np.float32)
        cells, shown = self.nearest_cells(keypoints)
        for index in np.flatnonzero(shown).tolist():
            x, y = cells[index].tolist()
            left, top = x - radius, y - radius
            targets[index, max(top, 0) : y + radius + 1, max(left, 0) : x + radius + 1] = patch[
                max(-top, 0) : height - top, max(-left, 0) : width - left
            ]
        return targets, shown.astype(np.float32)

    def profiles(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The Gaussian at the nearest cell of each keypoint along the columns (K, w) and the rows (K, h)."""
        cells, _ = self.nearest_cells(keypoints)
        height, width = self.heatmap_size
        across, down = np.arange(width) - cells[:, :1], np.arange(height) - cells[:, 1:]
        return self._line(across), self._line(down)

    def _line(self, distances: NDArray[np.int64]) -> NDArray[np.float64]:
        """The Gaussian at whole distances, out to three deviations."""
        return np.where(np.abs(distances) <= self.radius, np.exp(-(distances**2) / (2 * self.sigma**2)), 0.0)

    def decode(self, heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, K, h, w) to keypoints (B, K, 2) in input pixels and scores (B, K), the maxima.

        The highest cell moves a quarter of a cell toward its higher neighbour along each axis, as in the published code. A
        cell in the first two or in the last column or row stays where it is, along both axes. A map without a value above 0
        has its keypoint at cell (-1, -1).
        """
        batch, count, height, width = heatmaps.shape
        flat, x, y, scores = self.highest_cells(heatmaps)
        keypoints = np.stack([x, y], axis=1).astype(np.float64)
        inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
        row, line, column = np.flatnonzero(inside), y[inside], x[inside]
        keypoints[inside, 0] += 0.25 * np.sign(flat[row, line, column + 1] - flat[row, line, column - 1])
        keypoints[inside, 1] += 0.25 * np.sign(flat[row, line + 1, column] - flat[row, line - 1, column])
        keypoints[~(scores > 0)] = -1.0
        return (keypoints * self.stride).reshape(batch, count, 2), scores.reshape(batch, count)
