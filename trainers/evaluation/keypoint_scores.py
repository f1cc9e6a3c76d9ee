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

POOLED = (NME, EPE)
"""Metrics that are a mean over all counted keypoints of everybody."""


def keypoint_scores(
    people: Sequence[Person], predicted: Array, keypoint_set: KeypointSet, metric: Metric
) -> dict[str, float]:
    """Return the figure of a metric, and of each keypoint, for predictions (N, K, 2) of annotated people.

    Raises:
        InvalidInput: the set lacks the keypoints of the length, or no person has a length and a labelled keypoint.
    """
    distances = distances_in_lengths(people, predicted, keypoint_set, metric)
    if metric.name in POOLED:
        each, whole = mean_distances(distances), float(np.nanmean(distances))
    else:
        assert metric.threshold is not None or metric.name == AUC
        each = (
            area_under_curve(distances, AUC_STEPS) if metric.name == AUC else shares_within(distances, metric.threshold or 0)
        )
        whole = float(np.nanmean(each))
    return named_figures(metric.name, whole, each, keypoint_set.names)


def distances_in_lengths(people: Sequence[Person], predicted: Array, keypoint_set: KeypointSet, metric: Metric) -> Array:
    """Return the distances (N, K) of predictions (N, K, 2) in lengths of the metric; NaN where a keypoint does not count.

    Raises:
        InvalidInput: as `keypoint_scores`.
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
    return distances


def parts_of_figure(distances: Array, metric: Metric) -> Array:
    """Return the part of each distance (N, K) in the figure of a metric, whose means the figure is; NaN stays.

    NME and EPE take the mean of all parts, the others the mean over keypoints of the means of their parts.
    """
    if metric.name in POOLED:
        return distances
    parts: Array = (
        np.mean([distances < step / AUC_STEPS for step in range(AUC_STEPS)], axis=0)
        if metric.name == AUC
        else (distances < (metric.threshold or 0)).astype(np.float64)
    )
    return np.where(np.isfinite(distances), parts, np.nan)


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
