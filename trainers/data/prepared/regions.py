"""The part of an image that a training can reach around one person, and where its stored pixels lie in the image.

Coordinates as in `trainers.data.geometry.transforms`: (x, y) in pixels with centres at whole numbers, sizes of arrays and
inputs (height, width).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation, half_body_crops
from trainers.data.geometry.transforms import Crop, Matrix, compose, crop_of_box

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels; right and bottom are the first ones outside."""

MARGIN = 3
"""Pixels of distance around the pixels that are reached.

Bilinear reading takes one more pixel. So does the colour of a JPEG, which is stored coarser and read between its values.
Both end exactly at the borders of an image.
"""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A stored rectangle of an image.

    With ``reduction`` f each stored pixel is the mean of f x f of the image. The centre of stored pixel u lies at image
    pixel f u + (f - 1) / 2, counted from ``left`` or ``top``.

    Args:
        left: The column of the image at which the first pixel begins.
        top: The row of the image at which the first pixel begins.
        width: The stored pixels of a row.
        height: The stored rows.
        reduction: The number of image pixels along each side of a stored one.
    """

    left: int
    top: int
    width: int
    height: int
    reduction: int = 1

    @property
    def from_image(self) -> Matrix:
        """The matrix from image pixels to stored pixels."""
        half = (self.reduction - 1) / 2
        factor = 1 / self.reduction
        return np.array([[factor, 0.0, -(self.left + half) * factor], [0.0, factor, -(self.top + half) * factor]])

    @property
    def to_image(self) -> Matrix:
        """The matrix from stored pixels to image pixels."""
        half = (self.reduction - 1) / 2
        return np.array([[float(self.reduction), 0.0, self.left + half], [0.0, float(self.reduction), self.top + half]])

    def covers(self, needed: Rectangle, image_size: tuple[int, int]) -> bool:
        """Whether a rectangle of image pixels can be read here as in the whole image.

        Sides of the region that are no side of the image keep `MARGIN` less one pixels of distance (and a stored pixel). A
        cut of a JPEG has its last colours from one side only.
        """
        inset = self.reduction * (MARGIN - 1)
        right, bottom = self.left + self.width * self.reduction, self.top + self.height * self.reduction
        return (
            (self.left == 0 or needed[0] >= self.left + inset)
            and (self.top == 0 or needed[1] >= self.top + inset)
            and (right >= image_size[1] or needed[2] <= right - inset)
            and (bottom >= image_size[0] or needed[3] <= bottom - inset)
        )


def needed_by(matrix: Matrix, input_size: tuple[int, int]) -> Rectangle:
    """The image pixels that a bilinear reading through ``matrix`` (image to input) touches, not cut to the image.

    They lie around the input's corners, taken back into the image.
    """
    # In plain numbers: every sample asks, and arrays this small cost numpy more than the arithmetic.
    (a, b, c), (d, e, f) = matrix.tolist()
    determinant = a * e - b * d
    xs, ys = [], []
    for u, v in ((0, 0), (input_size[1] - 1, 0), (0, input_size[0] - 1), (input_size[1] - 1, input_size[0] - 1)):
        xs.append((e * (u - c) - b * (v - f)) / determinant)
        ys.append((a * (v - f) - d * (u - c)) / determinant)
    return math.floor(min(xs)), math.floor(min(ys)), math.floor(max(xs)) + 2, math.floor(max(ys)) + 2


def reachable(
    person: Person, *, input_size: tuple[int, int], keypoint_set: KeypointSet, augmentation: Augmentation
) -> Rectangle:
    """The image pixels that some variation of a person can touch, with `MARGIN`, not cut to the image."""
    boxes = []
    for crop in possible_crops(person, input_size=input_size, keypoint_set=keypoint_set, augmentation=augmentation):
        width, height = turned_size(crop, augmentation)
        x, y = crop.center
        boxes.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    lowest, highest = np.min(boxes, axis=0), np.max(boxes, axis=0)
    left, top = (math.floor(value) - MARGIN for value in lowest[:2].tolist())
    right, bottom = (math.ceil(value) + MARGIN + 1 for value in highest[2:].tolist())
    return left, top, right, bottom


def possible_crops(
    person: Person, *, input_size: tuple[int, int], keypoint_set: KeypointSet, augmentation: Augmentation
) -> list[Crop]:
    """The crops that scale and rotation start from: the box and, where the augmentation draws them, both halves."""
    crops: list[Crop] = [crop_of_box(person.box, input_size)]
    keypoints = person.keypoints
    if keypoints is None or not augmentation.half_body:
        return crops
    if np.count_nonzero(keypoints[:, 2] > 0) >= augmentation.half_body_minimum:
        crops += [half for half in half_body_crops(keypoints, keypoint_set, input_size) if half is not None]
    return crops


def turned_size(crop: Crop, augmentation: Augmentation) -> tuple[float, float]:
    """Width and height of the upright box around a crop at its largest scale and at every rotation up to the largest.

    A w x h rectangle turned by t spans w cos t + h sin t, which grows up to t = atan(h / w).
    """
    width, height = (side * (1 + augmentation.scale) for side in crop.size)
    most = math.radians(augmentation.rotation)

    def span(along: float, across: float) -> float:
        turn = min(most, math.atan2(across, along))
        return along * math.cos(turn) + across * math.sin(turn)

    return span(width, height), span(height, width)


def reduction_for(
    person: Person, *, input_size: tuple[int, int], keypoint_set: KeypointSet, augmentation: Augmentation
) -> int:
    """The largest power of two by which a region may be reduced so that no crop of it is ever enlarged."""
    crops = possible_crops(person, input_size=input_size, keypoint_set=keypoint_set, augmentation=augmentation)
    closest = min(min(crop.size[0] / input_size[1], crop.size[1] / input_size[0]) for crop in crops)
    available = closest * (1 - augmentation.scale)
    return 1 if available < 2 else 2 ** int(math.log2(available))


def clipped(rectangle: Rectangle, image_size: tuple[int, int]) -> Rectangle:
    """The part of a rectangle inside an image; the nearest pixel of the image where it lies outside."""
    left = min(max(0, rectangle[0]), image_size[1] - 1)
    top = min(max(0, rectangle[1]), image_size[0] - 1)
    return left, top, max(left + 1, min(image_size[1], rectangle[2])), max(top + 1, min(image_size[0], rectangle[3]))


def shown(
    pixels: NDArray[np.uint8], region: Region, needed: Rectangle, matrix: Matrix, image_size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Matrix]:
    """The part of a region's pixels that an input is read from, and the matrix from it to the input.

    ``needed`` are the image pixels that ``matrix`` (image to input) touches. The part depends on them alone, not on the
    region around, because a warp rounds by where its source begins. So the whole image and a stored region give the same
    input to the last bit. Only a reduced region is read as it is.
    """
    if region.reduction > 1:
        return pixels, compose(matrix, region.to_image)
    left, top, right, bottom = clipped(needed, image_size)
    part = pixels[top - region.top : bottom - region.top, left - region.left : right - region.left]
    moved = matrix.copy()
    moved[:, 2] += matrix[:, 0] * left + matrix[:, 1] * top
    return part, moved
