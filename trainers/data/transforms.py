"""Geometry between an image and the network's input, and the augmentation of a training sample.

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

from search_spaces.common.errors import InvalidInput
from trainers.data.formats.boxes import SMALLEST_EXTENT
from trainers.data.formats.keypoints import KeypointSet

Matrix = NDArray[np.float64]

BOX_PADDING = 1.25
HALF_BODY_PADDING = 1.5
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# (x / 255 - mean) / std as one multiplication and one addition a value.
_GAIN = tuple(np.float32(1 / (255 * std)) for std in IMAGENET_STD)
_BIAS = tuple(np.float32(-mean / std) for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The region of an image that becomes the network's input.

    ``center`` (x, y) and ``size`` (width, height) in image pixels; ``rotation`` in degrees, positive turns the picture
    counter-clockwise.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    rotation: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training samples vary; the defaults are the published protocol of Dite-HRNet (DOI 10.24963/ijcai.2022/153).

    ``flip``, ``half_body`` and ``rotate`` are probabilities; the half-body crop needs ``half_body_minimum`` labelled
    keypoints. ``rotation`` (degrees) and ``scale`` (a fraction) are sampled as in the code base of HRNet
    (DOI 10.1109/CVPR.2019.00584): a normal deviate with that standard deviation, rotation with its probability only.
    Both are cut to the range that the paper states, ±rotation and 1 ± scale; that code base itself lets rotation go to
    twice the figure.
    """

    flip: float = 0.5
    half_body: float = 0.3
    half_body_minimum: int = 8
    rotate: float = 0.6
    rotation: float = 30.0
    scale: float = 0.25

    def __post_init__(self) -> None:
        """Refuse values out of range with InvalidInput."""
        for field in ("flip", "half_body", "rotate"):
            value = getattr(self, field)
            if not 0 <= value <= 1:
                raise InvalidInput(f"augmentation {field} must be a probability in [0, 1], got {value}")
        if not 0 <= self.rotation <= 180:
            raise InvalidInput(f"augmentation rotation must be degrees in [0, 180], got {self.rotation}")
        if not 0 <= self.scale < 1:
            raise InvalidInput(f"augmentation scale must be a fraction in [0, 1), got {self.scale}")
        if self.half_body_minimum < 2:
            raise InvalidInput(f"augmentation half_body_minimum must be 2 or more, got {self.half_body_minimum}")


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What was drawn for one sample: mirrored or not, and the crop before mirroring."""

    flip: bool
    crop: Crop


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

    The crop's centre goes to ((W - 1) / 2, (H - 1) / 2), its sides become W - 1 and H - 1 (arXiv:1911.07524, section 3.2):
    the crop of a mirrored image is then exactly the mirrored crop. The two scales differ by less than a percent, as there.
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


def half_body_crop(
    keypoints: NDArray[np.floating],
    keypoint_set: KeypointSet,
    input_size: tuple[int, int],
    generator: np.random.Generator,
) -> Crop | None:
    """The crop around the labelled upper or lower half of (K, 3) keypoints, or None where neither makes a region.

    The halves are equally likely; a half of fewer than three labelled keypoints gives way to the other.
    """
    upper, lower = half_body_crops(keypoints, keypoint_set, input_size)
    return upper if generator.random() < 0.5 else lower


def half_body_crops(
    keypoints: NDArray[np.floating], keypoint_set: KeypointSet, input_size: tuple[int, int]
) -> tuple[Crop | None, Crop | None]:
    """What `half_body_crop` gives where it draws the upper, and where it draws the lower half."""
    upper, lower = (
        keypoints[[index for index in half if keypoints[index, 2] > 0], :2]
        for half in (keypoint_set.upper_body, keypoint_set.lower_body)
    )
    return (
        _crop_of_points(upper if len(upper) > 2 else lower, input_size),
        _crop_of_points(lower if len(lower) > 2 else upper, input_size),
    )


def _crop_of_points(points: NDArray[np.floating], input_size: tuple[int, int]) -> Crop | None:
    """The crop around (N, 2) points, or None where they span nothing."""
    if len(points) < 2:
        return None
    extent = points.max(axis=0) - points.min(axis=0)
    if extent.max() < SMALLEST_EXTENT:
        return None
    center = points.mean(axis=0)
    size = widen((float(extent[0]), float(extent[1])), input_size, HALF_BODY_PADDING)
    return Crop(center=(float(center[0]), float(center[1])), size=size)


def vary(
    crop: Crop,
    keypoints: NDArray[np.floating],
    *,
    augmentation: Augmentation,
    keypoint_set: KeypointSet,
    input_size: tuple[int, int],
    generator: np.random.Generator,
) -> Variation:
    """Draw one variation of a crop; (K, 3) keypoints in image pixels decide on the half-body crop."""
    labelled = int(np.count_nonzero(keypoints[:, 2] > 0))
    if labelled >= augmentation.half_body_minimum and generator.random() < augmentation.half_body:
        crop = half_body_crop(keypoints, keypoint_set, input_size, generator) or crop
    factor = 1 + augmentation.scale * min(max(generator.standard_normal(), -1.0), 1.0)
    rotation = 0.0
    if generator.random() < augmentation.rotate:
        rotation = augmentation.rotation * min(max(generator.standard_normal(), -1.0), 1.0)
    flip = bool(generator.random() < augmentation.flip)
    return Variation(flip=flip, crop=replace(crop, size=(crop.size[0] * factor, crop.size[1] * factor), rotation=rotation))


def normalise(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """BGR (h, w, 3) of 8 bits to RGB (3, h, w), zero mean and unit deviation in the statistics of ImageNet."""
    normalised = np.empty((3, *image.shape[:2]), np.float32)
    # Plane by plane, each contiguous: half the time of strided reading, and the same numbers.
    for channel, plane in enumerate(reversed(cv2.split(image))):
        values = normalised[channel]
        values[...] = plane
        values *= _GAIN[channel]
        values += _BIAS[channel]
    return normalised
