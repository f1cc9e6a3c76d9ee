"""Scores of annotated people by the distances of their keypoints, as `trainers.data.keypoint_sets.metric.Metric` says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person
from trainers.data.keypoint_sets.metric import AUC, AUC_STEPS, BOX, EPE, NME, Metric
from trainers.evaluation.distances import (
    Array,
    area_under_curve,
    mean_distances,
    named_figures,
    normalised_distances,
    shares_within,
)


def keypoint_scores(
    people: Sequence[Person], predicted: Array, keypoint_set: KeypointSet, metric: Metric
) -> dict[str, float]:
    """Return the figure of a metric, and of each keypoint, for predictions (N, K, 2) of annotated people.

    Raises:
        InvalidInput: the set lacks the keypoints of the length, or no person has a length and a labelled keypoint.
    """
    truth = np.array([person.keypoints for person in people])
    present = truth[..., 2] > 0
    lengths = lengths_of(people, truth, keypoint_set, metric)
    distances = normalised_distances(predicted, truth[..., :2], present, lengths)
    if not np.isfinite(distances).any():
        raise InvalidInput(
            f"metric {metric.name} by {metric.by} needs people with both ends of the length labelled, got none among"
            f" {len(people)} people"
        )
    if metric.name in (NME, EPE):
        each, whole = mean_distances(distances), float(np.nanmean(distances))
    else:
        assert metric.threshold is not None or metric.name == AUC
        each = (
            area_under_curve(distances, AUC_STEPS) if metric.name == AUC else shares_within(distances, metric.threshold or 0)
        )
        whole = float(np.nanmean(each))
    return named_figures(metric.name, whole, each, keypoint_set.names)


def lengths_of(people: Sequence[Person], truth: Array, keypoint_set: KeypointSet, metric: Metric) -> NDArray[np.float64]:
    """Return what the distances of each person are divided by (N,), in pixels; 0 where a person has no such length.

    ``truth`` (N, K, 3) has x, y and visibility. A length between two keypoints needs both labelled.
    """
    if metric.by == BOX:
        return np.array([max(person.box[2:]) for person in people], np.float64)
    ends = metric.length_points(keypoint_set)
    if ends is None:
        return np.full(len(people), metric.pixels if metric.pixels is not None else 1.0)
    first, second = truth[:, ends[0]], truth[:, ends[1]]
    lengths = np.linalg.norm(first[:, :2] - second[:, :2], axis=1)
    return np.where((first[:, 2] > 0) & (second[:, 2] > 0), lengths, 0.0)
