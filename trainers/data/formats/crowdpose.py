"""CrowdPose (arXiv:1812.00324): COCO's layout with 14 keypoints, and for each image how crowded it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.json_fields import field
from trainers.data.annotations.keypoints import CROWDPOSE14
from trainers.data.formats.coco import CocoSplit, find_split
from trainers.data.formats.coco_file import CocoFile, parse_coco
from trainers.data.formats.json_file import read_json

AREA_OF_BOX = 0.53
"""The published scoring takes this share of a person's box for the area of the person, which the files do not give."""

COUNTED_KEYPOINTS = tuple(range(12))
"""Head and neck do not make a person count: the published files and scoring pass over people who have no other label."""


@dataclass(frozen=True, kw_only=True)
class CrowdPoseFile:
    """A checked annotation file, whose annotations have an ``area``, and the crowd index of each image.

    The index is at least 0. In the published files it reaches 3.02, though the paper has it in [0, 1].
    """

    coco: CocoFile
    crowd_index: Mapping[int, float]


def crowdpose_split(root: Path, split: str) -> CocoSplit:
    """Find a split in the published layout; raises InvalidInput where its file or the image folder is missing."""
    return find_split(Path(root), f"crowdpose_{split}.json", "images")


def read_crowdpose(annotation_file: Path, *, category: str | int | None = None) -> CrowdPoseFile:
    """Read an annotation file; raises InvalidInput that names the file, the entry and the rule it breaks.

    ``category`` is the name or the id of people, as in `trainers.data.formats.coco_file.read_coco`.
    """
    return parse_crowdpose(read_json(annotation_file), annotation_file, category=category)


def parse_crowdpose(document: Any, annotation_file: Path, *, category: str | int | None = None) -> CrowdPoseFile:
    """Check a document that was read from ``annotation_file``; raises InvalidInput as `read_crowdpose` does."""
    coco = parse_coco(
        document, annotation_file, CROWDPOSE14, category=category, area_of_box=AREA_OF_BOX, counted=COUNTED_KEYPOINTS
    )
    crowded: dict[int, float] = {}
    for number, image in enumerate(document["images"]):
        where = f"images[{number}] of {annotation_file}"
        index = float(field(image, "crowdIndex", float, where))
        if index < 0:
            raise InvalidInput(f"'crowdIndex' of {where} must not be negative, got {index}")
        if crowded.setdefault(image["id"], index) != index:
            raise InvalidInput(
                f"'crowdIndex' of {where} must be {crowded[image['id']]}, as in the other entry of image {image['id']},"
                f" got {index}"
            )
    return CrowdPoseFile(coco=coco, crowd_index=crowded)
