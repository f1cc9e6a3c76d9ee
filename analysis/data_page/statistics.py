"""Counts of a split: keypoints by name, sizes and shapes of people, and boxes that reach outside their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.data_page.reading import SplitData
from analysis.data_page.scanning import ScannedImage
from analysis.pareto.front import Array
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.geometry.transforms import crop_of_box

HEIGHTS = (0.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, np.inf)
"""Limits in pixels of the groups that heights of people are counted in."""
ASPECTS = (0.0, 0.25, 0.4, 0.6, 0.85, 1.2, 2.0, np.inf)
"""Limits of the groups of width divided by height."""
MEDIUM_AREA, LARGE_AREA = 32.0**2, 96.0**2
"""Areas in square pixels from which COCO counts a person as medium and as large."""
MOST_ENLARGED = 2.0
"""Enlargement of a crop from which a network sees mostly blur."""
MOST_PEOPLE = 6
"""People in one image from which images are counted together."""


@dataclass(frozen=True, kw_only=True)
class KeypointCount:
    """How many people have one keypoint visible, hidden and not labelled."""

    name: str
    visible: int
    hidden: int
    unlabelled: int


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of a histogram and how many are in it."""

    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The least, the greatest and three quantiles of some values."""

    least: float
    tenth: float
    median: float
    ninetieth: float
    greatest: float


@dataclass(frozen=True, kw_only=True)
class SplitStatistics:
    """Counts of one split.

    Args:
        split: Its name.
        images: Images that the annotation file lists.
        images_with_people: Those with people that a network learns from or is scored on.
        broken: Images that cannot be used.
        annotations: All annotations.
        people: People that a network learns from or is scored on.
        left_out: The other annotations, by reason.
        keypoints: Counts for each keypoint over those people.
        labelled: How many people have how many keypoints labelled.
        people_per_image: How many images have how many of those people.
        hidden_share: Hidden keypoints among the labelled ones, from 0 to 1.
        height: Heights of the boxes in pixels.
        heights: The same in groups.
        aspect: Width of a box divided by its height.
        aspects: The same in groups.
        areas: People that COCO calls small, medium and large.
        enlarged: People whose crop is enlarged to more than twice its size.
        boxes_outside: Boxes that reach over the image by a pixel or more.
        keypoints_outside_image: Labelled keypoints outside the image.
        keypoints_outside_box: Labelled keypoints farther outside the box than a tenth of its longer side.
    """

    split: str
    images: int
    images_with_people: int
    broken: int
    annotations: int
    people: int
    left_out: dict[str, int]
    keypoints: tuple[KeypointCount, ...]
    labelled: tuple[Group, ...]
    people_per_image: tuple[Group, ...]
    hidden_share: float
    height: Spread
    heights: tuple[Group, ...]
    aspect: Spread
    aspects: tuple[Group, ...]
    areas: tuple[Group, ...]
    enlarged: int
    boxes_outside: int
    keypoints_outside_image: int
    keypoints_outside_box: int


def keypoints_of(split: SplitData) -> Array:
    """Return the keypoints (N, K, 3) of the people of a split."""
    return np.array([person.keypoints for person in split.people], np.float64)


def split_statistics(
    split: SplitData, scanned: Sequence[ScannedImage], keypoint_set: KeypointSet, input_size: tuple[int, int]
) -> SplitStatistics:
    """Count a split.

    Args:
        split: The split, with at least one person.
        scanned: Its images, decoded.
        keypoint_set: The names of the keypoints.
        input_size: Height and width of the network's input, to which crops are enlarged.
    """
    keypoints = keypoints_of(split)
    boxes = np.array(split.boxes, np.float64)
    sizes = _image_sizes(split, scanned)
    visibility = keypoints[..., 2]
    labelled = visibility > 0
    areas = np.array([person.area for person in split.people])
    aspect = boxes[:, 2] / np.maximum(boxes[:, 3], 1e-9)
    per_image = Counter(Counter(person.image_path for person in split.people).values())
    per_person = Counter(labelled.sum(axis=1).tolist())
    enlargements = np.array([input_size[0] / crop_of_box(person.box, input_size).size[1] for person in split.people])
    return SplitStatistics(
        split=split.name,
        images=len(split.images),
        images_with_people=len({person.image_path for person in split.people}),
        broken=sum(image.problem is not None for image in scanned),
        annotations=split.annotations,
        people=len(split.people),
        left_out=dict(split.left_out),
        keypoints=tuple(
            KeypointCount(
                name=name,
                visible=int((visibility[:, index] == 2).sum()),
                hidden=int((labelled[:, index] & (visibility[:, index] != 2)).sum()),
                unlabelled=int((~labelled[:, index]).sum()),
            )
            for index, name in enumerate(keypoint_set.names)
        ),
        labelled=tuple(Group(name=str(count), count=per_person[count]) for count in range(1, keypoint_set.count + 1)),
        people_per_image=(
            *(Group(name=str(count), count=per_image[count]) for count in range(1, MOST_PEOPLE)),
            Group(
                name=f"{MOST_PEOPLE} or more", count=sum(times for count, times in per_image.items() if count >= MOST_PEOPLE)
            ),
        ),
        hidden_share=float((labelled & (visibility != 2)).sum() / max(1, labelled.sum())),
        height=spread(boxes[:, 3]),
        heights=groups(boxes[:, 3], HEIGHTS, "px"),
        aspect=spread(aspect),
        aspects=groups(aspect, ASPECTS),
        areas=tuple(
            Group(name=name, count=int(count))
            for name, count in zip(
                ("small", "medium", "large"), np.histogram(areas, [0, MEDIUM_AREA, LARGE_AREA, np.inf])[0], strict=True
            )
        ),
        enlarged=int((enlargements > MOST_ENLARGED).sum()),
        boxes_outside=int(_outside(boxes, sizes).sum()),
        keypoints_outside_image=int((labelled & _points_outside(keypoints, np.zeros_like(sizes), sizes - 1)).sum()),
        keypoints_outside_box=int((labelled & _points_outside_box(keypoints, boxes)).sum()),
    )


def groups(values: Array, limits: Sequence[float], unit: str = "") -> tuple[Group, ...]:
    """Count values in the groups between limits, the lower limit of each included."""
    counts = np.histogram(values, np.array(limits))[0]
    unit = f" {unit}" if unit else ""
    names = [
        f"below {high:g}{unit}"
        if low == 0
        else f"{low:g}{unit} and more"
        if high == np.inf
        else f"{low:g} to {high:g}{unit}"
        for low, high in pairwise(limits)
    ]
    return tuple(Group(name=name, count=int(count)) for name, count in zip(names, counts, strict=True))


def spread(values: Array) -> Spread:
    """Describe one or more values by their quantiles."""
    least, tenth, median, ninetieth, greatest = np.quantile(values, (0, 0.1, 0.5, 0.9, 1)).tolist()
    return Spread(least=least, tenth=tenth, median=median, ninetieth=ninetieth, greatest=greatest)


def _image_sizes(split: SplitData, scanned: Sequence[ScannedImage]) -> Array:
    """The (width, height) of each person's image (N, 2), as annotated, else as decoded; infinite where neither says."""
    decoded = {image.path: image.size for image in scanned}
    sizes = [person.image_size or decoded.get(person.image_path) or (np.inf, np.inf) for person in split.people]
    return np.array(sizes, np.float64)[:, ::-1]


def _outside(boxes: Array, sizes: Array) -> NDArray[np.bool_]:
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.asarray(((low <= -1) | (high >= sizes + 1)).any(axis=1))


def _points_outside(keypoints: Array, low: Array, high: Array) -> NDArray[np.bool_]:
    """Whether keypoints (N, K) lie a pixel or more outside limits (N, 2)."""
    points = keypoints[..., :2]
    return np.asarray(((points <= low[:, None] - 1) | (points >= high[:, None] + 1)).any(axis=2))


def _points_outside_box(keypoints: Array, boxes: Array) -> NDArray[np.bool_]:
    room = 0.1 * boxes[:, 2:].max(axis=1, keepdims=True)
    return _points_outside(keypoints, boxes[:, :2] - room, boxes[:, :2] + boxes[:, 2:] + room)
