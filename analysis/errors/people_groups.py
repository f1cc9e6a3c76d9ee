"""People put into groups by what makes them hard: hidden parts, size and the people around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors.keypoint_errors import CLASSES, INVERSION, SWAP, KeypointErrors
from analysis.pareto.front import Array

MEDIUM_FROM, LARGE_FROM = 32.0**2, 96.0**2
"""Areas in square pixels from which COCO calls an object medium, and large."""
MUCH_HIDDEN = 1 / 3
OVERLAP = 0.1
"""Intersection over union from which another person's box makes a crowd, as in arXiv:1707.05388."""
FAILED_BELOW = 0.5
"""A person whose OKS is less counts as found at none of COCO's thresholds."""


@dataclass(frozen=True, kw_only=True)
class GroupErrors:
    """The ``people`` of a group, their mean ``oks`` (NaN for nobody), how many ``failed``, and the share of each class."""

    name: str
    people: int
    oks: float
    failed: int
    shares: dict[str, float]


def hidden_share(truth: Array) -> Array:
    """The share of labelled keypoints that are hidden (visibility 1), of (N, K, 3) people; 0 without any."""
    labelled = (truth[..., 2] > 0).sum(axis=1)
    return np.asarray((truth[..., 2] == 1).sum(axis=1) / np.maximum(labelled, 1))


def neighbours(boxes: Array, images: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many other people of the image overlap each of (N, 4) boxes x, y, width, height by `OVERLAP` or more."""
    found = np.zeros(len(boxes), np.int64)
    for image in np.unique(images):
        rows = np.flatnonzero(images == image)
        low, size = boxes[rows, :2], boxes[rows, 2:]
        high, area = low + size, size.prod(axis=1)
        sides = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
        shared = np.clip(sides, 0, None).prod(axis=2)
        union = np.maximum(area[:, None] + area[None] - shared, np.finfo(float).tiny)
        found[rows] = (shared / union >= OVERLAP).sum(axis=1) - (area > 0)
    return found


def sizes(areas: Array) -> dict[str, NDArray[np.bool_]]:
    """COCO's three sizes by (N,) areas; where all people have one of them, thirds of these people instead."""
    found = {
        "small (area below 32² pixels)": areas < MEDIUM_FROM,
        "medium (32² to 96²)": (areas >= MEDIUM_FROM) & (areas < LARGE_FROM),
        "large (96² and more)": areas >= LARGE_FROM,
    }
    if not any(rows.all() for rows in found.values()) or not len(areas):
        return found
    low, high = np.quantile(areas, (1 / 3, 2 / 3))
    first, second = (f"{round(float(limit) ** 0.5)}²" for limit in (low, high))
    return {
        f"smallest third (area to {first} pixels)": areas <= low,
        f"middle third (to {second})": (areas > low) & (areas <= high),
        f"largest third (above {second})": areas > high,
    }


def grouped(truth: Array, areas: Array, crowding: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Which of N people are in each group: three parts by hidden keypoints, three by size, three by crowding.

    Each three hold everybody once.
    """
    hidden = hidden_share(truth)
    return {
        "nothing hidden": hidden == 0,
        "up to a third hidden": (hidden > 0) & (hidden <= MUCH_HIDDEN),
        "more than a third hidden": hidden > MUCH_HIDDEN,
        **sizes(areas),
        "nobody overlaps": crowding == 0,
        "one person overlaps": crowding == 1,
        "two or more overlap": crowding > 1,
    }


def group_errors(errors: KeypointErrors, groups: dict[str, NDArray[np.bool_]]) -> list[GroupErrors]:
    """Everybody, then each group that has somebody."""
    everybody = {"everybody": np.ones(len(errors.classes), np.bool_)}
    return [_of(name, errors.take(rows)) for name, rows in (everybody | groups).items() if rows.any()]


def failures(errors: KeypointErrors, truth: Array, areas: Array) -> dict[str, NDArray[np.int64]]:
    """The rows of people who failed, by what is known of them, the lowest OKS first; one may stand in several groups."""
    failed = errors.oks < FAILED_BELOW
    reasons: dict[str, NDArray[np.bool_]] = {
        "much hidden": hidden_share(truth) > MUCH_HIDDEN,
        "small": areas < MEDIUM_FROM,
        "with a left-right inversion": (errors.classes == INVERSION).any(axis=1),
        "with a swap": (errors.classes == SWAP).any(axis=1),
    }
    reasons["none of these"] = ~np.any(list(reasons.values()), axis=0)
    order = np.argsort(errors.oks, kind="stable")
    return {name: order[(failed & rows)[order]] for name, rows in reasons.items()}


def _of(name: str, errors: KeypointErrors) -> GroupErrors:
    counts = errors.counts()
    total = max(sum(counts.values()), 1)
    known: Sequence[float] = errors.oks[np.isfinite(errors.oks)].tolist()
    return GroupErrors(
        name=name,
        people=len(errors.classes),
        oks=float(np.mean(known)) if known else float("nan"),
        failed=int((errors.oks < FAILED_BELOW).sum()),
        shares={each: counts[each] / total for each in CLASSES},
    )
