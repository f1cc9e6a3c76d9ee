"""The arithmetic on both sides of the network: a box to its crop, and heatmaps to keypoints.

An export writes it into ``infer.py``, which stands alone there.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

FLOOR = 1e-10  # smallest share of the peak that a logarithm sees


def crop_matrix(box: Any, size: tuple[int, int], settings: dict[str, Any]) -> Any:
    """The (2, 3) matrix from image pixels to those of the network's input that shows a box, widened to the input's shape."""
    x, y, box_width, box_height = (float(value) for value in box)
    height, width = size
    ratio = width / height
    wide = max(box_width, box_height * ratio) * settings["padding"]
    high = max(box_height, box_width / ratio) * settings["padding"]
    middle = np.array([x + box_width / 2, y + box_height / 2])
    if settings["unbiased"]:
        scale = np.array([(width - 1) / wide, (height - 1) / high])
        target = np.array([(width - 1) / 2, (height - 1) / 2])
    else:
        scale = np.array([width / wide, width / wide])
        target = np.array([width / 2, height / 2])
    return np.column_stack([np.diag(scale), target - scale * middle])


def warp(image: Any, matrix: Any, size: tuple[int, int]) -> Any:
    """Resample the image through the matrix, bilinear, black outside; only the part that is needed is read."""
    height, width = size
    (first_x, first_y), (last_x, last_y) = (
        (np.array(corner) - matrix[:, 2]) / np.diag(matrix) for corner in ((0, 0), (width - 1, height - 1))
    )
    left, right = (int(np.clip(np.floor(x) + more, 0, image.shape[1])) for x, more in ((first_x, 0), (last_x, 2)))
    top, bottom = (int(np.clip(np.floor(y) + more, 0, image.shape[0])) for y, more in ((first_y, 0), (last_y, 2)))
    left, top = min(left, image.shape[1] - 1), min(top, image.shape[0] - 1)
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    moved = matrix.copy()
    moved[:, 2] += matrix[:, 0] * left + matrix[:, 1] * top
    return cv2.warpAffine(np.ascontiguousarray(part), moved, (width, height), flags=cv2.INTER_LINEAR)


def normalised(crop: Any, settings: dict[str, Any]) -> Any:
    """BGR (H, W, 3) of 8 bits to RGB (3, H, W) with the mean and deviation that the network was trained with."""
    mean, deviation = (np.array(settings[name]) for name in ("mean", "std"))
    gain, bias = (1 / (255 * deviation)).astype(np.float32), (-mean / deviation).astype(np.float32)
    planes = crop[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    return np.ascontiguousarray(planes * gain[:, None, None] + bias[:, None, None])


def decode(heatmaps: Any, settings: dict[str, Any]) -> tuple[Any, Any]:
    """Heatmaps (K, h, w) to keypoints (K, 2), x and y in input pixels, and the heights of their peaks (K,)."""
    count = len(heatmaps)
    rows, columns = np.divmod(heatmaps.reshape(count, -1).argmax(axis=1), heatmaps.shape[2])
    found = []
    for heatmap, x, y in zip(heatmaps, columns.tolist(), rows.tolist(), strict=True):
        step = quarter_step(heatmap, x, y) if settings["codec"] == "msra" else newton_step(heatmap, x, y, settings)
        found.append((x + step[0], y + step[1]))
    return np.array(found) * settings["stride"], heatmaps[np.arange(count), rows, columns]


def quarter_step(heatmap: Any, x: int, y: int) -> tuple[float, float]:
    """A quarter of a cell toward the higher neighbours, none near a border; to cell (-1, -1) without a value above 0."""
    inside = 1 < x < heatmap.shape[1] - 1 and 1 < y < heatmap.shape[0] - 1
    right = 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1]) if inside else 0.0
    down = 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x]) if inside else 0.0
    return (float(right), float(down)) if heatmap[y, x] > 0 else (-1.0 - x, -1.0 - y)


def newton_step(heatmap: Any, x: int, y: int, settings: dict[str, Any]) -> tuple[float, float]:
    """From the highest cell to the top of the Gaussian around it: the logarithm of the smoothed map is a parabola.

    No step along an axis that has too few cells, nor where the map has no peak.
    """
    reach = settings["reach"]
    height, width = heatmap.shape
    log = np.log(np.maximum(smoothed(heatmap, x, y, settings), FLOOR))
    middle = log[reach, reach]
    if not np.isfinite(middle):
        return 0.0, 0.0

    def derivatives(line: Any) -> tuple[float, float]:
        slope = (line[reach + 1] - line[reach - 1]) / 2
        return slope, (line[2 * reach] - 2 * line[reach] + line[0]) / reach**2

    across, down = derivatives(log[reach]), derivatives(log[:, reach])
    wide, high = reach <= x < width - reach, reach <= y < height - reach
    if not (wide and high):
        right, lower = (
            -slope / bend if usable and bend < 0 else 0.0 for usable, (slope, bend) in ((wide, across), (high, down))
        )
        return (right, lower) if max(abs(right), abs(lower)) <= reach else (0.0, 0.0)
    one, two = reach - 1, reach + 1
    mixed = (log[two, two] - log[one, two] - log[two, one] + log[one, one]) / 4
    determinant = across[1] * down[1] - mixed**2
    if across[1] >= 0 or down[1] >= 0 or determinant <= 1e-6 * across[1] * down[1]:
        return 0.0, 0.0
    right = (mixed * down[0] - down[1] * across[0]) / determinant
    lower = (mixed * across[0] - across[1] * down[0]) / determinant
    return (right, lower) if max(abs(right), abs(lower)) <= reach else (0.0, 0.0)


def smoothed(heatmap: Any, x: int, y: int, settings: dict[str, Any]) -> Any:
    """The smoothed cells around (x, y), (2 reach + 1) squared, as shares of that one; NaN where it is not above 0."""
    bands = [band(center, side, settings) for center, side in ((y, heatmap.shape[0]), (x, heatmap.shape[1]))]
    window = (bands[0] @ heatmap @ bands[1].T).astype(np.float64)
    middle = window[settings["reach"], settings["reach"]]
    return window / middle if middle > 0 else np.full_like(window, np.nan)


def band(center: int, side: int, settings: dict[str, Any]) -> Any:
    """Weights (2 reach + 1, side) of the cells of one axis for each cell around ``center``; near an edge they narrow."""
    reach, sigma = settings["reach"], settings["sigma"]
    longest = max(1, int(np.floor(3 * sigma)) - 1)
    widest = int(np.clip(min(center, side - 1 - center) - reach, 0, longest))
    distance = np.abs(np.arange(side) - (center + np.arange(-reach, reach + 1))[:, None])
    return np.where(distance <= widest, np.exp(-(distance**2) / (2 * sigma**2)), 0).astype(np.float32)
