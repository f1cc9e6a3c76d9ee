"""Average precision and recall on CrowdPose (arXiv:1812.00324), also by how crowded an image is.

The published scoring is COCO's, by object keypoint similarity with the joints of CrowdPose, of at most 20 people an image.
It takes a share of the box for a person's area, and has no figures for medium and large people.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainers.data.annotations.keypoints import CROWDPOSE14
from trainers.data.formats.crowdpose import read_crowdpose
from trainers.evaluation.coco_ap import keypoint_ap
from trainers.evaluation.results import Result

FIGURES = ("ap", "ap50", "ap75", "ar", "ar50", "ar75")
CROWDING_FIGURES = ("ap_easy", "ap_medium", "ap_hard")
EASY_BELOW, HARD_ABOVE = 0.1, 0.8
"""Crowd indices that part the images, section 3 of the paper: easy below, hard above, medium from one to the other.

Indices above 1, which the published files have, are hard ones, there as here.
"""


def crowdness(crowd_index: float) -> str:
    """Which of ``CROWDING_FIGURES`` an image with this crowd index counts for."""
    easy, medium, hard = CROWDING_FIGURES
    return easy if crowd_index < EASY_BELOW else hard if crowd_index > HARD_ABOVE else medium


def crowdpose_ap(results: Sequence[Result], annotation_file: Path, *, category: str | int | None = None) -> dict[str, float]:
    """Return ``FIGURES`` over all images, and the average precision of ``CROWDING_FIGURES`` over each part, in [0, 1].

    A figure without ground truth is absent. Raises InvalidInput for a broken file.
    """
    file = read_crowdpose(annotation_file, category=category)
    whole = keypoint_ap(results, file.coco.images, file.coco.annotations, CROWDPOSE14)
    figures = {name: whole[name] for name in FIGURES if name in whole}
    for part in CROWDING_FIGURES:
        images = {image_id for image_id, index in file.crowd_index.items() if crowdness(index) == part}
        annotations = [entry for entry in file.coco.annotations if entry["image_id"] in images]
        scored = keypoint_ap(results, images, annotations, CROWDPOSE14)
        if "ap" in scored:
            figures[part] = scored["ap"]
    return figures
