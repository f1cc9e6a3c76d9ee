"""The parts of figures of distances (PCK, PCKh, AUC, NME, EPE) by image, from which other choices of images have theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDistances:
    """The sums behind one network's figure in I images, of K keypoints.

    Args:
        image_ids: The ids (I,) of the images, ascending.
        people: The number (I,) of people with a counted keypoint.
        sums: The sum of the parts of all people of an image, by keypoint (I, K).
        counts: The number of the parts of an image, by keypoint (I, K).
        pooled: Whether the figure is the mean over all parts, and not the mean over keypoints of their means.
    """

    image_ids: NDArray[np.int64]
    people: NDArray[np.int64]
    sums: Array
    counts: Array
    pooled: bool

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether an image holds a counted keypoint (I,)."""
        return np.asarray(self.people > 0)

    def figures(self, counts: NDArray[np.integer[Any]]) -> Array:
        """Return the figure (B,) where each image counts so many times (B, I); NaN where nothing is left to count."""
        weights = np.asarray(counts, np.float64)
        sums, parts = weights @ self.sums, weights @ self.counts
        if self.pooled:
            sums, parts = sums.sum(axis=1, keepdims=True), parts.sum(axis=1, keepdims=True)
        means = np.where(parts > 0, sums / np.maximum(parts, 1), 0.0)
        known = (parts > 0).sum(axis=1)
        return np.where(known > 0, means.sum(axis=1) / np.maximum(known, 1), np.nan)


def image_distances(parts: Array, image_ids: Sequence[int], *, pooled: bool) -> ImageDistances:
    """Return the sums of a figure's parts by image.

    Args:
        parts: The part of each keypoint of N people in the figure (N, K), NaN where a keypoint does not count.
        image_ids: The id of each person's image (N).
        pooled: As in `ImageDistances`.
    """
    ids, rows = np.unique(np.asarray(image_ids, np.int64), return_inverse=True)
    counted = np.isfinite(parts)
    sums, counts = (np.zeros((len(ids), parts.shape[1])) for _ in range(2))
    people = np.zeros(len(ids), np.int64)
    np.add.at(sums, rows, np.where(counted, parts, 0.0))
    np.add.at(counts, rows, counted)
    np.add.at(people, rows, counted.any(axis=1))
    return ImageDistances(image_ids=ids, people=people, sums=sums, counts=counts, pooled=pooled)
