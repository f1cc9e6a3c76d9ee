"""The errors of predicted keypoints: a class for each keypoint, and the gain in OKS if a class were right.

The classes are those of Ronchi and Perona (arXiv:1707.05388, doi:10.1109/ICCV.2017.48). Their measure is the keypoint
similarity, the keypoint's own term of OKS: exp(-d² / (2 s² (2σ)²)). d is the distance to a true place, s² the area of the
person whose place it is, and σ COCO's constant of the keypoint. With p the person and i the keypoint, a prediction is

- good, where its similarity to the true place is 0.85 or more,
- jitter, where that is from 0.5 to 0.85: the right part, not quite in place,
- inversion, where it is less than 0.5, but 0.5 or more to the opposite part of p,
- swap, where it is 0.5 or more to this part, on either side, of another annotated person of the image,
- miss, where no such place is near.

Every labelled keypoint, hidden or visible, has exactly one class. Where both an inversion and a swap would explain it, the
more similar place does, the inversion where they are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array
from analysis.study.labels import number_words
from trainers.data.annotations.keypoints import KeypointSet

GOOD_FROM, NEAR_FROM = 0.85, 0.5
"""Least keypoint similarity of a good prediction, and of one that is near a place at all."""
CLASSES = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(len(CLASSES))
UNLABELLED = -1
PCK = (0.1, 0.2)
"""Distances, in lengths of the person's scale, within which a keypoint counts as found."""
PLURALS = {"jitter": "jitter", "inversion": "left-right inversions", "swap": "swaps with other people", "miss": "misses"}
STARTS = {
    "jitter": "a larger input or heatmap, or a codec with sub-pixel decoding (udp, dark)",
    "inversion": "longer training, the flip test, and whether left and right are labelled alike throughout the data",
    "swap": "tighter boxes, and crowded scenes among the training data",
    "miss": "longer training or a wider network, and the pictures below for what the missed have in common",
}
"""Where to begin with each class: experience, which this analysis does not prove."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KeypointErrors:
    """The errors of N people with K keypoints; distances are NaN where nothing is labelled.

    Args:
        classes: Places (N, K) in `CLASSES`, or `UNLABELLED`.
        similarity: The keypoint similarity (N, K) to the true place, in [0, 1].
        distance: The distance (N, K) to the true place in lengths of the person's scale, the square root of its area.
    """

    classes: NDArray[np.int64]
    similarity: Array
    distance: Array

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which keypoints have a truth (N, K)."""
        return np.asarray(self.classes != UNLABELLED)

    @property
    def oks(self) -> Array:
        """The object keypoint similarity of each person (N,); NaN without labelled keypoints."""
        counts = self.labelled.sum(axis=1)
        return np.where(counts > 0, np.nansum(self.similarity, axis=1) / np.maximum(counts, 1), np.nan)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> KeypointErrors:
        """Some of the people."""
        return KeypointErrors(classes=self.classes[rows], similarity=self.similarity[rows], distance=self.distance[rows])

    def counts(self) -> dict[str, int]:
        """How many keypoints each class has."""
        return {name: int((self.classes == place).sum()) for place, name in enumerate(CLASSES)}


def classify(
    predicted: Array,
    own: NDArray[np.int64],
    truth: Array,
    areas: Array,
    images: NDArray[np.int64],
    keypoint_set: KeypointSet,
) -> KeypointErrors:
    """Class each keypoint of N predictions among M annotated people.

    Args:
        predicted: Keypoints (N, K, 2) x, y in image pixels.
        own: The row (N,) of each prediction's truth.
        truth: True keypoints (M, K, 3) x, y and visibility (0 not labelled).
        areas: The area (M,) of each person in square pixels.
        images: The image (M,) of each person.
        keypoint_set: The keypoints, which must have deviations.
    """
    assert keypoint_set.oks_sigmas, keypoint_set.name
    sigmas, partners = np.array(keypoint_set.oks_sigmas), np.array(keypoint_set.flip_permutation)
    known = truth[..., 2] > 0
    squared = ((predicted - truth[own, :, :2]) ** 2).sum(axis=2)
    similarity = _similarity(squared, areas[own, None], sigmas)
    inverted = _to_places(predicted, truth[own], areas[own], partners, sigmas)
    inverted[:, partners == np.arange(len(partners))] = 0.0
    swapped = np.zeros_like(similarity)
    rows_of = {int(image): np.flatnonzero(images == image) for image in np.unique(images[own])}
    for row, person in enumerate(own):
        others = rows_of[int(images[person])]
        others = others[others != person]
        if not len(others):
            continue
        points = np.broadcast_to(predicted[row], (len(others), *predicted.shape[1:]))
        for places in (np.arange(len(partners)), partners):
            near = _to_places(points, truth[others], areas[others], places, sigmas).max(axis=0)
            swapped[row] = np.maximum(swapped[row], near)
    is_inverted, is_swapped = inverted >= NEAR_FROM, swapped >= NEAR_FROM
    classes = np.select(
        [
            ~known[own],
            similarity >= GOOD_FROM,
            similarity >= NEAR_FROM,
            is_inverted & (inverted >= swapped),
            is_swapped,
        ],
        [UNLABELLED, GOOD, JITTER, INVERSION, SWAP],
        MISS,
    )
    distance = np.sqrt(squared / (areas[own, None] + np.spacing(1)))
    return KeypointErrors(
        classes=classes,
        similarity=np.where(known[own], similarity, np.nan),
        distance=np.where(known[own], distance, np.nan),
    )


def gains(errors: KeypointErrors) -> dict[str, float]:
    """By how much the mean OKS would rise were all keypoints of a class put exactly on their truth.

    With the share that good keypoints still lack, they add up to 1 minus the mean OKS. Nobody gives 0.
    """
    counts = errors.labelled.sum(axis=1)
    people = max(int((counts > 0).sum()), 1)
    lacking = np.where(errors.labelled, 1 - np.nan_to_num(errors.similarity), 0) / np.maximum(counts, 1)[:, None]
    return {name: float(lacking[errors.classes == place].sum()) / people for place, name in enumerate(CLASSES)}


def advice(errors: KeypointErrors) -> str:
    """Name the class to fix first: its correction would raise the mean OKS most, and by how much."""
    known = errors.oks[np.isfinite(errors.oks)]
    if not len(known):
        return "Nobody has a labelled keypoint, so there is nothing to learn from the errors."
    mean, worth, counts = float(known.mean()), gains(errors), errors.counts()
    order = sorted(CLASSES[JITTER:], key=lambda name: -worth[name])
    first = order[0]
    if not counts[first]:
        return f"Every labelled keypoint is good; the mean OKS is {mean:.3f}."
    total = sum(counts.values())
    rest = ", ".join(f"{PLURALS[name]} +{worth[name]:.3f}" for name in order[1:])
    return (
        f"Fix first: {PLURALS[first]}. {number_words(counts[first], 'keypoint')} of {total} ({counts[first] / total:.1%});"
        f" put right, the mean OKS would rise most, from {mean:.3f} to {mean + worth[first]:.3f} (+{worth[first]:.3f}). The"
        f" others: {rest}. Places to begin: {STARTS[first]}."
    )


@dataclass(frozen=True, kw_only=True)
class PartError:
    """The errors of one keypoint over all people.

    Args:
        name: The name of the keypoint.
        people: The number of people who have it labelled.
        median: The median distance in lengths of the scale.
        within: The shares of people within each distance of `PCK`.
        similarity: The mean similarity.
        shares: The share of each class.
    """

    name: str
    people: int
    median: float
    within: tuple[float, ...]
    similarity: float
    shares: dict[str, float]


def part_errors(errors: KeypointErrors, names: Sequence[str]) -> list[PartError]:
    """The error of every keypoint that somebody has labelled, the worst similarity first."""
    found = []
    for place, name in enumerate(names):
        rows = errors.labelled[:, place]
        if not rows.any():
            continue
        distance, classes = errors.distance[rows, place], errors.classes[rows, place]
        found.append(
            PartError(
                name=name.replace("_", " "),
                people=int(rows.sum()),
                median=float(np.median(distance)),
                within=tuple(float((distance <= limit).mean()) for limit in PCK),
                similarity=float(errors.similarity[rows, place].mean()),
                shares={each: float((classes == number).mean()) for number, each in enumerate(CLASSES)},
            )
        )
    return sorted(found, key=lambda part: part.similarity)


def _similarity(squared: Array, areas: Array, sigmas: Array) -> Array:
    # As pycocotools writes it, so that the mean over keypoints is its OKS.
    return np.asarray(np.exp(-squared / (2 * sigmas) ** 2 / (areas + np.spacing(1)) / 2))


def _to_places(points: Array, truth: Array, areas: Array, places: NDArray[np.int64], sigmas: Array) -> Array:
    """Similarity (N, K) of (N, K, 2) points to the true places of other keypoints, 0 where those are not labelled."""
    targets = truth[:, places]
    squared = ((points - targets[..., :2]) ** 2).sum(axis=2)
    return np.where(targets[..., 2] > 0, _similarity(squared, areas[:, None], sigmas[places]), 0.0)
