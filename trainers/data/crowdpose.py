"""CrowdPose (arXiv:1812.00324): COCO's layout with 14 keypoints, and for each image how crowded it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import InvalidInput
from trainers.data.coco import CocoSplit, find_split
from trainers.data.coco_file import CocoFile, box_field, field, parse_coco
from trainers.data.json_file import read_json
from trainers.data.keypoints import CROWDPOSE14

AREA_OF_BOX = 0.53
"""The published scoring takes this share of a person's box for the area of the person, which the files do not give."""


@dataclass(frozen=True, kw_only=True)
class CrowdPoseFile:
    """A checked annotation file, whose annotations have an ``area``, and the crowd index of each image, in [0, 1]."""

    coco: CocoFile
    crowd_index: Mapping[int, float]


def crowdpose_split(root: Path, split: str) -> CocoSplit:
    """Find a split in the published layout; raises InvalidInput where its file or the image folder is missing."""
    return find_split(Path(root), f"crowdpose_{split}.json", "images")


def read_crowdpose(annotation_file: Path) -> CrowdPoseFile:
    """Read an annotation file; raises InvalidInput that names the file, the entry and the rule it breaks."""
    document = read_json(annotation_file)
    entries = document.get("annotations") if isinstance(document, dict) else None
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        _, _, width, height = box_field(entry, f"annotations[{number}] of {annotation_file}")
        entry["area"] = AREA_OF_BOX * width * height
    coco = parse_coco(document, annotation_file, CROWDPOSE14)
    crowded = {}
    for number, image in enumerate(document["images"]):
        where = f"images[{number}] of {annotation_file}"
        index = float(field(image, "crowdIndex", float, where))
        if not 0 <= index <= 1:
            raise InvalidInput(f"'crowdIndex' of {where} must be in [0, 1], got {index}")
        crowded[image["id"]] = index
    return CrowdPoseFile(coco=coco, crowd_index=crowded)
