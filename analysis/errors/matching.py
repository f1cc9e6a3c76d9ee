"""Predictions beside the annotated people they are of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors.keypoint_errors import KeypointErrors, classify
from analysis.errors.predictions import ScoredPredictions
from analysis.pareto.front import Array
from trainers.data.formats.coco import Person
from trainers.evaluation.results import oks, person_scores

LEAST_MATCH = 0.1
"""A prediction from a detected box belongs to a person from this OKS on, as in arXiv:1707.05388."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """N predictions with their truth, among M annotated people.

    Args:
        rows: The rows (N,) of the predictions in the data set.
        people: The annotated people (N).
        errors: Their errors.
        crowd: The boxes (M, 4) of all annotated people.
        crowd_images: The images (M,) of all annotated people.
        own: The rows (N,) of ``people`` among all.
    """

    rows: NDArray[np.int64]
    people: tuple[Person, ...]
    errors: KeypointErrors
    crowd: Array
    crowd_images: NDArray[np.int64]
    own: NDArray[np.int64]

    @property
    def truth(self) -> Array:
        """Keypoints (N, K, 3)."""
        return np.array([person.keypoints for person in self.people])

    @property
    def areas(self) -> Array:
        """Areas (N,) in square pixels."""
        return np.array([person.area for person in self.people])

    @property
    def unmatched(self) -> int:
        """Annotated people that no prediction belongs to."""
        return len(self.crowd) - len(self.own)


def judged(scored: ScoredPredictions) -> Judged:
    """Class the keypoints of all predictions that belong to an annotated person.

    With annotated boxes a prediction belongs to the person of the box. With detected ones, the best scored prediction comes
    first, and takes the most similar person of the image that is still free. Only for data that are scored by OKS.
    """
    assert scored.has_similarity, scored.data.format
    dataset = scored.dataset
    annotated = all(person.annotation_id is not None for person in dataset.people)
    crowd = list(dataset.people) if annotated else scored.data.people(scored.data.val_split)
    truth = np.array([person.keypoints for person in crowd])
    areas = np.array([person.area for person in crowd])
    images = np.array([person.image_id for person in crowd], np.int64)
    pairs = [(row, row) for row in range(len(crowd))] if annotated else _matched(scored, truth, areas, images)
    rows, own = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return Judged(
        rows=rows,
        people=tuple(crowd[row] for row in own),
        errors=classify(scored.predictions.keypoints[rows], own, truth, areas, images, dataset.keypoint_set),
        crowd=np.array([person.box for person in crowd]),
        crowd_images=images,
        own=own,
    )


def _matched(scored: ScoredPredictions, truth: Array, areas: Array, images: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of a prediction and a person, by falling score."""
    people, found = scored.dataset.people, scored.predictions
    sigmas = np.array(scored.dataset.keypoint_set.oks_sigmas)
    free = np.ones(len(truth), np.bool_)
    members = {int(image): np.flatnonzero(images == image) for image in np.unique(images)}
    pairs = []
    for row in np.argsort(-person_scores(people, found.scores), kind="stable").tolist():
        here = members.get(people[row].image_id, np.empty(0, np.int64))
        here = here[free[here]]
        if not len(here):
            continue
        similarity = []
        for person in here:
            known = truth[person, :, 2] > 0
            points, places = found.keypoints[row][known], truth[person][known, :2]
            similarity.append(oks(points, places[None], areas[person : person + 1], tuple(sigmas[known]))[0])
        best = int(np.argmax(similarity))
        if similarity[best] >= LEAST_MATCH:
            free[here[best]] = False
            pairs.append((row, int(here[best])))
    return sorted(pairs)
