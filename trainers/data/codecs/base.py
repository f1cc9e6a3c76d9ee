"""The interface of heatmap codecs, and the shared part of the Gaussian codecs.

B samples, K keypoints, heatmaps of h × w cells. There are two coordinate spaces, both (x, y) with centres at whole numbers.
Input pixels are those of the network's H × W input, and heatmap cells are input pixels divided by the stride. The origins
coincide, so cell (0, 0) stands for input pixel (0, 0). Each codec defines its stride.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.geometry.transforms import Crop, Matrix, crop_matrix


class Codec(Protocol):
    """The methods of a codec for the data set and the evaluation; sizes are (height, width)."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Size of the network's input in pixels."""
        ...

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """Size of a heatmap in cells."""
        ...

    @property
    def flip_shift(self) -> int:
        """Cells, 0 or more, by which the heatmap of a mirrored input moves right once it is mirrored back."""
        ...

    def crop_matrix(self, crop: Crop) -> Matrix:
        """The matrix from image pixels to input pixels that shows a crop."""
        ...

    def encode(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) x, y, visibility in input pixels to targets (K, h, w) and loss weights (K,) of 0 or 1."""
        ...

    def encode_profiles(
        self, keypoints: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) as in `encode` to Gaussians along the columns (K, w) and the rows (K, h), and weights (K,).

        The products of both are the targets: a tenth of the bytes, to be multiplied where the network is.
        """
        ...

    def decode(self, heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, K, h, w) to keypoints (B, K, 2) in input pixels and scores (B, K)."""
        ...


def default_sigma(heatmap_size: tuple[int, int]) -> float:
    """The deviation of the target Gaussian in cells: a 32nd of the heatmap's height, and at least 1.

    That line goes through the published values, 2 at 64×48 and 64×64 and 3 at 96×72. It keeps a Gaussian the same size
    relative to the person. Below 1 the target would be little more than one cell.
    """
    return max(1.0, heatmap_size[0] / 32)


@dataclass(frozen=True, kw_only=True)
class GaussianCodec(ABC):
    """A Gaussian of ``sigma`` cells for each keypoint, on the grid of the published networks.

    The stride is W / w and H / h, the crop's centre goes to (W / 2, H / 2), and mirrored heatmaps move by one cell. Input
    pixel x is mirrored to W - 1 - x, which is cell w - 1 - x / stride + (1 - 1 / stride). Mirrored back, a map lies that
    much of a cell too far to the left. A whole cell to the right leaves 1 / stride of a cell, and half of that, 0.125 at
    stride 4, in the mean of both maps.
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

    @property
    def flip_shift(self) -> int:
        """One cell, as the published protocol has it."""
        return 1

    def crop_matrix(self, crop: Crop) -> Matrix:
        """The matrix from image pixels to input pixels that shows a crop."""
        return crop_matrix(crop, self.input_size)

    @property
    def radius(self) -> int:
        """How far a Gaussian is drawn, in cells: three deviations."""
        return math.ceil(3 * self.sigma)

    def nearest_cells(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(K, 3) in input pixels to the nearest cells (K, 2), and which keypoints (K,) are visible with their Gaussian in
        the heatmap, at least in part.
        """
        height, width = self.heatmap_size
        # Far points are cut first: a cell number has to fit an integer.
        cells = np.floor(np.clip(keypoints[:, :2] / self.stride, -1e6, 1e6) + 0.5).astype(np.int64)
        inside = (cells + self.radius >= 0) & (cells - self.radius < (width, height))
        return cells, inside.all(axis=1) & (keypoints[:, 2] > 0)

    @abstractmethod
    def profiles(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The Gaussian of each keypoint along the columns (K, w) and along the rows (K, h); their product is the target."""

    def encode_profiles(
        self, keypoints: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """(K, 3) in input pixels to profiles (K, w) and (K, h), and weights (K,); where a weight is 0 its rows are empty."""
        _, shown = self.nearest_cells(keypoints)
        across, down = self.profiles(keypoints)
        down[~shown] = 0
        return across.astype(np.float32), down.astype(np.float32), shown.astype(np.float32)

    def highest_cells(
        self, heatmaps: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return the maps of (B, K, h, w) one after the other (N, h, w), and the highest cell of each.

        The cell's column, row and value are (N,); of equals the first is taken.
        """
        height, width = self.heatmap_size
        assert heatmaps.shape[2:] == (height, width), (heatmaps.shape, self.heatmap_size)
        flat = heatmaps.reshape(-1, height, width)
        row, column = np.divmod(flat.reshape(len(flat), height * width).argmax(axis=1), width)
        return flat, column, row, flat[np.arange(len(flat)), row, column].astype(np.float64)
