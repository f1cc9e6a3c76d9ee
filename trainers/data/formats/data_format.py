"""The annotation formats that data sets come in, and what follows from each: keypoints, splits, scores, protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16, KeypointSet
from trainers.data.formats.coco import CocoSplit, coco_split
from trainers.data.formats.crowdpose import crowdpose_split
from trainers.data.formats.mpii import mpii_split


@dataclass(frozen=True, kw_only=True)
class DataFormat:
    """One format.

    ``accuracies`` gives, for each kind of person boxes that the format is scored with, the name of the figure that ranks
    networks. ``input_size`` (height, width) is that of the papers' networks on this data where it is not COCO's.
    ``training`` are the hyper-parameters of the published protocol that are not COCO's: they stand where a user names no
    others. ``find_split`` finds the annotation file and the images of a split below the folder of the data, in COCO's layout
    unless the format has its own.
    """

    name: str
    keypoint_set: KeypointSet
    splits: tuple[str, ...] = ("train", "val")
    accuracies: Mapping[str, str] = field(default_factory=lambda: {"gt": "ap_gt", "det": "ap_det"})
    input_size: tuple[int, int] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    find_split: Callable[[Path, str], CocoSplit] = coco_split


COCO = DataFormat(name="coco", keypoint_set=COCO17)

# DOI 10.24963/ijcai.2022/153: 260 epochs with the steps of COCO's 270, and no half-body crops. MPII has no detected boxes.
MPII = DataFormat(
    name="mpii",
    keypoint_set=MPII16,
    accuracies={"gt": "pckh50"},
    input_size=(256, 256),
    training={"epochs": 260, "milestones": (170 / 260, 200 / 260), "half_body_probability": 0.0},
    find_split=mpii_split,
)

CROWDPOSE = DataFormat(
    name="crowdpose",
    keypoint_set=CROWDPOSE14,
    splits=("train", "val", "trainval", "test"),
    find_split=crowdpose_split,
)

TEST_DEV = "test-dev"
"""COCO's split whose annotations are not public: it can be predicted, and neither learned nor scored here."""

FORMATS = {known.name: known for known in (COCO, MPII, CROWDPOSE)}

SPLITS = tuple(dict.fromkeys(split for known in FORMATS.values() for split in known.splits))
"""Every split that some format has."""

ACCURACIES = tuple(dict.fromkeys(name for known in FORMATS.values() for name in known.accuracies.values()))
"""Every figure that ranks networks on some format."""
