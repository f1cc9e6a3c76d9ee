"""`UdpCodec`: sizes are distances between the outermost centres, so that mirroring is exact (arXiv:1911.07524)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.codecs.dark import DarkCodec
from trainers.data.geometry.transforms import Crop, Matrix, unbiased_crop_matrix


@dataclass(frozen=True, kw_only=True)
class UdpCodec(DarkCodec):
    """Unbiased data processing with Gaussian targets.

    The unit of length is the distance between neighbouring centres. An input of W pixels is W - 1 long, a heatmap of w cells
    w - 1, and the stride is their ratio. Then the crop's centre is the input's, pixel W - 1 - x is cell w - 1 - x / stride,
    and heatmaps of mirrored inputs need no shift. Targets are Gaussians at the keypoint itself, cut at three deviations
    around the nearest cell. Decoding is that of `DarkCodec`, with the second derivative taken between direct neighbours.

    With ``sigma`` 1 or more a round trip is off by less than 0.005 cell along an axis, 1.5 cells or more from both edges.
    Nearer to an edge it is off by half a cell at most.

    Raises:
        InvalidInput: a field breaks its rule; a heatmap of one row or column has no length.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.heatmap_size) < 2:
            raise InvalidInput(
                f"codec heatmap_size of udp must be two cells or more along each side, got {self.heatmap_size}"
            )

    @property
    def stride(self) -> tuple[float, float]:
        """Input pixels per cell, (x, y)."""
        (height, width), (rows, columns) = self.input_size, self.heatmap_size
        return (width - 1) / (columns - 1), (height - 1) / (rows - 1)

    @property
    def flip_shift(self) -> int:
        """None: mirrored back, the heatmap of a mirrored input is where it belongs."""
        return 0

    @property
    def reach(self) -> int:
        """Cells from the highest one at which the second derivative looks."""
        return 1

    def crop_matrix(self, crop: Crop) -> Matrix:
        """The matrix from image pixels to input pixels; the crop's sides become W - 1 and H - 1."""
        return unbiased_crop_matrix(crop, self.input_size)

    def profiles(self, keypoints: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As in `DarkCodec`, cut at three deviations around the nearest cell."""
        across, down = super().profiles(keypoints)
        cells, _ = self.nearest_cells(keypoints)
        across[np.abs(np.arange(across.shape[1]) - cells[:, :1]) > self.radius] = 0
        down[np.abs(np.arange(down.shape[1]) - cells[:, 1:]) > self.radius] = 0
        return across, down
