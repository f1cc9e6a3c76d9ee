"""Deviations of keypoints in the object keypoint similarity, where no data set's authors give them.

COCO's are measured on people that several annotators labelled (https://cocodataset.org/#keypoints-eval). The variance of a
keypoint is the mean of d² / s². Here d is the distance of a label from the true place, and s² the area of the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.annotations import Annotation, counts_in_scores
from trainers.data.annotations.keypoints import COCO17

DEFAULT_SIGMA = round(float(np.mean(COCO17.oks_sigmas)), 4)
"""The mean of COCO's deviations, for keypoints of which nothing is known."""
DEFAULT_SOURCE = f"the mean of COCO's {COCO17.count}"
"""The source of `DEFAULT_SIGMA`, as figures state it."""
FEWEST_LABELS = 20
"""People labelled twice, for each keypoint, below which a deviation is not estimated."""
LEAST_OVERLAP = 0.5
"""Intersection over union from which two boxes in one image are of the same person."""


def estimated_sigmas(first: Sequence[Annotation], second: Sequence[Annotation], names: Sequence[str]) -> tuple[float, ...]:
    """Return the deviation of each keypoint from people that two annotators labelled.

    Two labels differ by twice the variance of one, so that half of the squared distance is counted. The area of a person is
    the mean of both.

    Args:
        first: The annotations of one annotator, in the form of `trainers.data.formats.coco_file.CocoFile`.
        second: Those of the other one, for the same images.
        names: The names of the keypoints.

    Raises:
        InvalidInput: a keypoint has fewer than `FEWEST_LABELS` people with two labels, or all of its labels are equal.
    """
    ratios = []
    for one, other in _pairs(first, second):
        a, b = (np.array(entry["keypoints"], np.float64).reshape(-1, 3) for entry in (one, other))
        area = (one["area"] + other["area"]) / 2
        both = (a[:, 2] > 0) & (b[:, 2] > 0)
        squared = ((a[:, :2] - b[:, :2]) ** 2).sum(axis=1)
        ratios.append(np.where(both, squared / 2 / area, np.nan))
    found: NDArray[np.float64] = np.array(ratios).reshape(len(ratios), len(names))
    counts = np.isfinite(found).sum(axis=0)
    for name, count in zip(names, counts.tolist(), strict=True):
        if count < FEWEST_LABELS:
            raise InvalidInput(
                f"sigmas from repeated labels need {FEWEST_LABELS} people or more with two labels of each keypoint, got"
                f" {count} of {name}"
            )
    variances = np.nansum(found, axis=0) / counts
    if not (variances > 0).all():
        raise InvalidInput(f"repeated labels must differ, but all of {names[int(np.argmin(variances))]} are equal")
    return tuple(round(float(value), 5) for value in np.sqrt(variances))


def _pairs(first: Sequence[Annotation], second: Sequence[Annotation]) -> list[tuple[Annotation, Annotation]]:
    """Match the people of each image by the overlap of their boxes, the largest overlaps first; each person once."""
    members: dict[int, list[Annotation]] = defaultdict(list)
    for entry in filter(counts_in_scores, second):
        members[entry["image_id"]].append(entry)
    overlaps = [
        (_overlap(one["bbox"], other["bbox"]), number, place, one, other)
        for number, one in enumerate(first)
        if counts_in_scores(one)
        for place, other in enumerate(members[one["image_id"]])
    ]
    found = []
    taken: set[tuple[object, ...]] = set()
    for overlap, number, place, one, other in sorted(overlaps, key=lambda item: -item[0]):
        keys = {("first", number), ("second", one["image_id"], place)}
        if overlap >= LEAST_OVERLAP and not keys & taken:
            taken |= keys
            found.append((one, other))
    return found


def _overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the intersection over union of two boxes x, y, width, height."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    whole = first[2] * first[3] + second[2] * second[3] - shared
    return shared / whole if whole > 0 else 0.0
