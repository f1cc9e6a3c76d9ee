"""Figures of distances between predicted and true keypoints: PCK, AUC, NME and EPE, by the definitions of MMPose.

Source: ``mmpose/evaluation/functional/keypoint_eval.py`` of MMPose 1.x. A keypoint is counted where it has a truth and its
person a length above 0. PCK counts distances below the threshold, not at it. Its mean is over keypoints, each of one weight
however often it has a truth. NME and EPE are means over all counted keypoints of everybody.

Shapes: predicted and true keypoints (N, K, 2) in pixels, present (N, K), lengths (N,) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def normalised_distances(predicted: Array, truth: Array, present: NDArray[np.bool_], lengths: Array) -> Array:
    """Return the distances (N, K) in lengths; NaN where a keypoint is not counted."""
    counted = present & (lengths > 0)[:, None]
    distances = np.linalg.norm(predicted - truth, axis=2) / np.where(lengths > 0, lengths, 1.0)[:, None]
    return np.where(counted, distances, np.nan)


def shares_within(distances: Array, threshold: float) -> Array:
    """Return for each keypoint (K,) the share of distances (N, K) below the threshold; NaN where none is counted."""
    counts = np.isfinite(distances).sum(axis=0)
    within = (distances < threshold).sum(axis=0)
    shares: Array = np.where(counts > 0, within / np.maximum(counts, 1), np.nan)
    return shares


def area_under_curve(distances: Array, steps: int) -> Array:
    """Return for each keypoint (K,) the mean share below ``steps`` thresholds from 0, a step of 1 / ``steps`` apart."""
    area: Array = np.mean([shares_within(distances, step / steps) for step in range(steps)], axis=0)
    return area


def mean_distances(distances: Array) -> Array:
    """Return for each keypoint (K,) the mean of distances (N, K); NaN where none is counted."""
    counts = np.isfinite(distances).sum(axis=0)
    return np.where(counts > 0, np.nansum(distances, axis=0) / np.maximum(counts, 1), np.nan)


def named_figures(name: str, whole: float, each: Array, names: Sequence[str]) -> dict[str, float]:
    """Return a figure by its name, and that of every keypoint by the name, ``_`` and the keypoint; absent where unknown."""
    found = {name: whole} if np.isfinite(whole) else {}
    known = [(keypoint, value) for keypoint, value in zip(names, each.tolist(), strict=True) if np.isfinite(value)]
    return found | {f"{name}_{keypoint}": value for keypoint, value in known}
