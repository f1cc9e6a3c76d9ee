"""Augmentation of a training sample: how its crop is turned, scaled, mirrored and cut to half a body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import SMALLEST_EXTENT
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.geometry.transforms import Crop, widen

HALF_BODY_PADDING = 1.5


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The variation of training samples, by default that of Dite-HRNet's protocol (DOI 10.24963/ijcai.2022/153).

    Rotation and scale are sampled as in the code base of HRNet (DOI 10.1109/CVPR.2019.00584): a normal deviate with that
    standard deviation. Both are cut to the range that the paper states, ±rotation and 1 ± scale. That code base itself lets
    rotation go to twice the figure.

    Args:
        flip: The probability of a mirrored crop.
        half_body: The probability of a crop of one half of the body.
        half_body_minimum: The number of labelled keypoints that such a crop needs.
        rotate: The probability of a rotation.
        rotation: The rotation in degrees.
        scale: The change of size as a fraction.
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
    """The random draw for one sample: mirrored or not, and the crop before mirroring."""

    flip: bool
    crop: Crop


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
    """Return the crops of `half_body_crop` where it draws the upper, and where it draws the lower half."""
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
