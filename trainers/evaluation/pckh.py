"""PCKh, the measure of MPII (DOI 10.1109/CVPR.2014.471): how many joints lie near their truth, in lengths of the head.

Shapes: keypoints (N, 16, 2) in the order of `MPII16`, N people.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from trainers.data.annotations.keypoints import MPII16
from trainers.data.formats.mpii_truth import MpiiTruth
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.inference import Predictions

THRESHOLDS = {"pckh50": 0.5, "pckh10": 0.1}
"""The figures, and how far from the truth, in lengths of the head, a joint may lie to count as found."""

JOINTS = {
    "head": ("head_top",),
    **{name: (f"left_{name}", f"right_{name}") for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")},
}
"""The joints that have figures of their own."""

IN_THE_MEAN = np.array([name not in ("pelvis", "thorax") for name in MPII16.names])
"""Whether a joint (16,) counts in the mean over joints."""


class MpiiResult(TypedDict):
    """The prediction for one person.

    Args:
        image: The name of the image.
        person: The row in the annotation file.
        keypoints: 16 times x, y (pixels from 0) and score.
    """

    image: str
    person: int
    keypoints: list[float]


def pckh(keypoints: NDArray[np.float64], truth: MpiiTruth) -> dict[str, float]:
    """The shares of joints found, in [0, 1], by the names in ``THRESHOLDS``, alone and followed by ``_`` and a joint.

    A joint counts where it has a truth. The figure of a pair is the mean of left and right. Where one side has no truth at
    all it is the other's; where neither has, the figure is absent. The mean is over every joint of everybody but pelvis and
    thorax. It is the published mean of joints, weighted by how often each has a truth.
    """
    distances = head_distances(keypoints, truth)
    counts = truth.present.sum(axis=0)
    figures = {}
    for figure, threshold in THRESHOLDS.items():
        found = (truth.present & (distances <= threshold)).sum(axis=0)
        if counts[IN_THE_MEAN].any():
            figures[figure] = float(found[IN_THE_MEAN].sum() / counts[IN_THE_MEAN].sum())
        for joint, names in JOINTS.items():
            sides = [index for index in map(MPII16.names.index, names) if counts[index]]
            if sides:
                figures[f"{figure}_{joint}"] = float(np.mean(found[sides] / counts[sides]))
    return figures


def head_distances(keypoints: NDArray[np.float64], truth: MpiiTruth) -> NDArray[np.float64]:
    """Return the distances (N, 16) of keypoints to their truth in lengths of the head, whether or not a joint has one."""
    assert keypoints.shape == truth.keypoints.shape, (keypoints.shape, truth.keypoints.shape)
    # Heads without an extent belong to people without a joint to be found, who are left out.
    sizes = np.where(truth.present.any(axis=1), truth.head_sizes, 1.0)
    distances: NDArray[np.float64] = np.linalg.norm(keypoints - truth.keypoints, axis=2) / sizes[:, None]
    return distances


def parts_of_pckh(keypoints: NDArray[np.float64], truth: MpiiTruth, figure: str) -> NDArray[np.float64]:
    """Return whether each joint (N, 16) is found by a figure of `THRESHOLDS`, as 0 or 1; NaN outside of its mean."""
    found = head_distances(keypoints, truth) <= THRESHOLDS[figure]
    return np.where(truth.present & IN_THE_MEAN, found, np.nan)


def mpii_results(dataset: TopDownDataset, predictions: Predictions) -> list[MpiiResult]:
    """The predictions as plain entries, in the order of the people."""
    return [
        MpiiResult(
            image=person.image_path.name,
            person=rows,
            keypoints=np.column_stack([predictions.keypoints[index], predictions.scores[index]]).ravel().tolist(),
        )
        for index, (person, rows) in enumerate(zip(dataset.people, annotation_rows(dataset).tolist(), strict=True))
    ]


def annotation_rows(dataset: TopDownDataset) -> NDArray[np.int64]:
    """The row of each person in the annotation file, which is the one in the ground truth file."""
    rows = [person.annotation_id for person in dataset.people]
    assert None not in rows, "people of MPII are annotated"
    return np.array(rows, np.int64)
