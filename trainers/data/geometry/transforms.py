"""Geometry between an image and the network's input.

Coordinates are (x, y) in pixels, x to the right, y down, with the centre of a pixel at whole numbers. Sizes of arrays
are (height, width), as in numpy; sizes of regions are (width, height), as in boxes. An affine matrix is (2, 3) float64
and maps column vectors (x, y, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from search_spaces.families.architecture import IMAGENET, Normalisation
from trainers.data.annotations.keypoints import KeypointSet

Matrix = NDArray[np.float64]

BOX_PADDING = 1.25
IMAGENET_MEAN = IMAGENET.mean
IMAGENET_STD = IMAGENET.std


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The region of an image that becomes the network's input.

    Args:
        center: x, y in image pixels.
        size: Width and height in image pixels.
        rotation: Degrees by which the picture is turned counter-clockwise.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    rotation: float = 0.0


def widen(size: tuple[float, float], input_size: tuple[int, int], padding: float) -> tuple[float, float]:
    """Grow the short side of a (width, height) to the shape of the (height, width) input, then both by ``padding``."""
    height, width = input_size
    ratio = width / height
    return max(size[0], size[1] * ratio) * padding, max(size[1], size[0] / ratio) * padding


def crop_of_box(box: ArrayLike, input_size: tuple[int, int], padding: float = BOX_PADDING) -> Crop:
    """The crop around a box (x, y, width, height) of positive size, without rotation."""
    x, y, width, height = (float(value) for value in np.asarray(box, np.float64))
    assert min(width, height) > 0, box
    return Crop(center=(x + width / 2, y + height / 2), size=widen((width, height), input_size, padding))


def crop_matrix(crop: Crop, input_size: tuple[int, int]) -> Matrix:
    """The matrix from image pixels to input pixels; the crop's centre goes to (width / 2, height / 2) of the input."""
    height, width = input_size
    factor = width / crop.size[0]
    assert math.isclose(factor, height / crop.size[1], rel_tol=1e-6), "a crop has the shape of the input"
    cosine = factor * math.cos(math.radians(crop.rotation))
    sine = factor * math.sin(math.radians(crop.rotation))
    x, y = crop.center
    return np.array([[cosine, sine, width / 2 - cosine * x - sine * y], [-sine, cosine, height / 2 + sine * x - cosine * y]])


def unbiased_crop_matrix(crop: Crop, input_size: tuple[int, int]) -> Matrix:
    """The matrix from image pixels to input pixels that measures the input between its outermost centres.

    The crop's centre goes to ((W - 1) / 2, (H - 1) / 2), and its sides become W - 1 and H - 1 (arXiv:1911.07524, section
    3.2). The crop of a mirrored image is then exactly the mirrored crop. The two scales differ by less than a percent, as
    there.
    """
    lengths = np.array([input_size[1] - 1.0, input_size[0] - 1.0])
    cosine, sine = math.cos(math.radians(crop.rotation)), math.sin(math.radians(crop.rotation))
    turn = np.array([[cosine, sine], [-sine, cosine]]) * (lengths / crop.size)[:, None]
    return np.column_stack([turn, lengths / 2 - turn @ np.array(crop.center)])


def mirror_matrix(width: int) -> Matrix:
    """The matrix that mirrors an image of that width: x goes to width - 1 - x. Its own inverse."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def mirror_crop(crop: Crop, width: int) -> Crop:
    """The crop of the mirrored image that shows the same region; its rotation is of the mirrored picture."""
    return replace(crop, center=(width - 1 - crop.center[0], crop.center[1]))


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The matrix that does ``first``, then ``second``."""
    joined = second[:, :2] @ first
    joined[:, 2] += second[:, 2]
    return joined


def invert(matrix: Matrix) -> Matrix:
    """The matrix that undoes an affine one."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.concatenate([inverse, -inverse @ matrix[:, 2:]], axis=1)


def warp_points(points: NDArray[np.floating], matrix: Matrix) -> NDArray[np.float64]:
    """Map points (..., 2 or more); what follows x and y, such as a visibility, is kept."""
    mapped = np.array(points, np.float64)
    mapped[..., :2] = points[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def warp_image(image: NDArray[np.uint8], matrix: Matrix, input_size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resample (h, w, 3) to ``input_size`` (height, width), bilinear, black outside the image."""
    height, width = input_size
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def flip_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirror (h, w, 3) left to right."""
    return np.ascontiguousarray(image[:, ::-1])


def flip_keypoints(keypoints: NDArray[np.floating], width: int, keypoint_set: KeypointSet) -> NDArray[np.float64]:
    """Mirror (K, 2 or more) in an image of that width; left and right change places."""
    return warp_points(keypoints, mirror_matrix(width))[list(keypoint_set.flip_permutation)]


def gain_and_bias(statistics: Normalisation) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (x / 255 - mean) / std as one multiplication and one addition, for red, green and blue (3,)."""
    mean, std = np.array(statistics.mean), np.array(statistics.std)
    return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)


def normalise(image: NDArray[np.uint8], statistics: Normalisation = IMAGENET) -> NDArray[np.float32]:
    """BGR (h, w, 3) of 8 bits to RGB (3, h, w), zero mean and unit deviation in the statistics of ImageNet or others."""
    gain, bias = gain_and_bias(statistics)
    normalised = np.empty((3, *image.shape[:2]), np.float32)
    # Plane by plane, each contiguous: half the time of strided reading, and the same numbers.
    for channel, plane in enumerate(reversed(cv2.split(image))):
        values = normalised[channel]
        values[...] = plane
        values *= gain[channel]
        values += bias[channel]
    return normalised
