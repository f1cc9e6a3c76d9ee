"""The people of a COCO data set, as records: one crop, one sample, one prediction for each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput, unknown_name
from trainers.data.annotations.annotations import reason_left_out
from trainers.data.annotations.boxes import Box, clip_box
from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.json_fields import box_field, field
from trainers.data.annotations.keypoints import COCO17, KeypointSet
from trainers.data.formats.coco_file import CocoFile, read_coco
from trainers.data.formats.json_file import read_json

SPLITS = ("train", "val")


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """One person to be estimated: annotated, with keypoints, or detected, without.

    Args:
        image_path: The file of the image.
        image_id: The id of the image.
        image_size: The height and width of the image; None where the annotations do not say.
        box: x, y, width and height in image pixels.
        area: The area in square image pixels.
        annotation_id: The id of the annotation; None for a detected person.
        keypoints: x, y and visibility (K, 3): 0 not labelled, 1 hidden, 2 visible. None for a detected person.
        score: The confidence in the box, in [0, 1].
    """

    image_path: Path
    image_id: int
    image_size: tuple[int, int] | None
    box: Box
    area: float
    annotation_id: int | None = None
    keypoints: NDArray[np.float64] | None = None
    score: float = 1.0


@dataclass(frozen=True, kw_only=True)
class CocoSplit:
    """Where one part of a data set lies: its annotation file and the folder of its images.

    ``part`` leaves the images of this part, and their annotations, of a document of several parts; None where the file is of
    one part.
    """

    annotation_file: Path
    image_dir: Path
    part: Callable[[Any], Any] | None = None


def coco_split(root: Path, split: str) -> CocoSplit:
    """Find a split of a data set in COCO's own layout; raises InvalidInput where its file or folder is missing."""
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    return find_split(Path(root), f"person_keypoints_{split}2017.json", f"{split}2017")


def test_dev_split(root: Path) -> CocoSplit:
    """Where test-dev2017 lies, whose images COCO lists without annotations; raises InvalidInput as `coco_split` does."""
    return find_split(Path(root), "image_info_test-dev2017.json", "test2017")


def find_split(root: Path, annotation_file: str, image_dir: str) -> CocoSplit:
    """A file of ``annotations`` and a folder of images under ``root``; raises InvalidInput where one is missing."""
    require_folder(root, "data folder")
    found = CocoSplit(annotation_file=root / "annotations" / annotation_file, image_dir=root / image_dir)
    if not found.annotation_file.is_file():
        raise InvalidInput(f"annotation file not found: {found.annotation_file}")
    require_folder(found.image_dir, "image folder")
    return found


def load_people(annotation_file: Path, image_dir: Path, keypoint_set: KeypointSet = COCO17) -> list[Person]:
    """The annotated people that the usual top-down protocol trains and validates on, in the file's order.

    People have at least one labelled keypoint, and are no crowds. Boxes are cut to the image, and people whose box lies
    outside are dropped. Raises InvalidInput for a broken file, a missing image, or where nobody remains.
    """
    return annotated_people(read_coco(annotation_file, keypoint_set), image_dir)


def annotated_people(coco: CocoFile, image_dir: Path, *, require_images: bool = True) -> list[Person]:
    """The people of a checked file, chosen as `load_people` says; their images may be required to be there."""
    require_folder(image_dir, "image folder")
    found: dict[int, Path] = {}
    people = []
    for entry in coco.annotations:
        image = coco.images[entry["image_id"]]
        box = clip_box(tuple(entry["bbox"]), image.size)
        if box is None or reason_left_out(entry, image.size):
            continue
        people.append(
            Person(
                image_path=_image_path(coco, image.image_id, image_dir, found, require=require_images),
                image_id=image.image_id,
                image_size=image.size,
                box=box,
                area=float(entry["area"]),
                annotation_id=entry["id"],
                keypoints=np.array(entry["keypoints"], np.float64).reshape(-1, 3),
            )
        )
    if not people:
        raise coco.nobody()
    return people


def load_detections(
    detections_file: Path,
    annotation_file: Path,
    image_dir: Path,
    keypoint_set: KeypointSet = COCO17,
    *,
    score_threshold: float = 0.0,
) -> list[Person]:
    """The people a detector found: its COCO results file, for the images of ``annotation_file``.

    Keeps boxes of persons with a score of at least ``score_threshold`` that overlap their image, uncut, as the published
    evaluation does. Entries for other images are left aside, so that the results on a whole split serve a part of it. Raises
    InvalidInput for a broken file or entry, a missing image, or where no box remains.
    """
    if not 0 <= score_threshold <= 1:
        raise InvalidInput(f"score_threshold of detections must be in [0, 1], got {score_threshold}")
    return detected_people(
        read_coco(annotation_file, keypoint_set), detections_file, image_dir, score_threshold=score_threshold
    )


def detected_people(
    coco: CocoFile,
    detections_file: Path,
    image_dir: Path,
    *,
    score_threshold: float = 0.0,
    require_images: bool = True,
) -> list[Person]:
    """The people of a detections file in the images of a checked file, chosen as `load_detections` says."""
    require_folder(image_dir, "image folder")
    entries = read_json(detections_file)
    if not isinstance(entries, list):
        raise InvalidInput(f"{detections_file} must hold a list of detections, got {type(entries).__name__}")
    categories = Counter(
        field(entry, "category_id", int, f"detection {number} of {detections_file}") for number, entry in enumerate(entries)
    )
    person = _detected_category(coco, categories, detections_file)
    found: dict[int, Path] = {}
    people = []
    for number, entry in enumerate(entries):
        where = f"detection {number} of {detections_file}"
        image_id = field(entry, "image_id", int, where)
        score = float(field(entry, "score", float, where))
        box = box_field(entry, where)
        if not 0 <= score <= 1:
            raise InvalidInput(f"'score' of {where} must be in [0, 1], got {score}")
        if entry["category_id"] != person or score < score_threshold or image_id not in coco.images:
            continue
        if clip_box(box, coco.images[image_id].size) is None:
            continue
        people.append(
            Person(
                image_path=_image_path(coco, image_id, image_dir, found, require=require_images),
                image_id=image_id,
                image_size=coco.images[image_id].size,
                box=box,
                area=box[2] * box[3],
                score=score,
            )
        )
    if not people:
        raise InvalidInput(
            f"{detections_file} must hold at least one person box with a score of {score_threshold} or more in an image"
            f" of {coco.path}, got none among {len(entries)} detections"
            + (
                ""
                if person in categories or not categories
                else f", whose categories are {_numbers(categories)} while people are {person}"
            )
        )
    return people


def _detected_category(coco: CocoFile, categories: Collection[int], detections_file: Path) -> int:
    """Return the category of people in a detections file: that of the annotations, or COCO's where ids are COCO's.

    Ids are the annotations' where the file has no other ones. A detector that was trained on COCO has COCO's, whatever the
    annotations count like.
    """
    own = coco.category.category_id
    if 0 in categories and 0 not in coco.category_ids:
        raise InvalidInput(
            f"'category_id' of detections in {detections_file} must be that of COCO or of {coco.path}, in which people are"
            f" {own}, got 0: ids that count from 0 would take another category for people"
        )
    if own == 0 and 0 in categories:
        return own
    return own if coco.category_ids.issuperset(categories) else PERSON_CATEGORY


def _numbers(categories: Mapping[int, int]) -> str:
    """Return the most frequent ids of a file, as a message lists them."""
    ranked = sorted(categories, key=lambda number: -categories[number])
    return ", ".join(map(str, ranked[:5])) + (" and others" if len(ranked) > 5 else "")


def _image_path(coco: CocoFile, image_id: int, image_dir: Path, found: dict[int, Path], *, require: bool = True) -> Path:
    """Where an image lies; ``found`` remembers the files already seen to exist."""
    if image_id not in found:
        found[image_id] = image_file(image_dir, coco.images[image_id].file_name, coco.path, require=require)
    return found[image_id]


def image_file(image_dir: Path, file_name: str, annotation_file: Path, *, require: bool = True) -> Path:
    """The image of that name, which ``annotation_file`` gives; raises InvalidInput where one is required and missing."""
    path = Path(image_dir) / file_name
    if require and not os.path.isfile(path):
        raise InvalidInput(f"image file not found: {path}, named by {annotation_file}")
    return path


def require_folder(path: Path, kind: str) -> None:
    """Raise InvalidInput where there is no such folder; ``kind`` says what it is meant for."""
    if not os.path.isdir(path):
        raise InvalidInput(f"{kind} not found: {path}")
