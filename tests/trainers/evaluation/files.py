"""Scores of whole annotation files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainers.data.annotations.keypoints import COCO17, KeypointSet
from trainers.data.formats.coco_file import read_coco
from trainers.evaluation.coco_ap import keypoint_ap
from trainers.evaluation.results import Result


def coco_ap(results: Sequence[Result], annotation_file: Path, *, keypoint_set: KeypointSet = COCO17) -> dict[str, float]:
    """The ten figures of COCO for all people of a file."""
    coco = read_coco(annotation_file, keypoint_set)
    return keypoint_ap(results, coco.images, coco.annotations, keypoint_set)
