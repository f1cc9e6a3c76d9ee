"""The annotation file of a COCO data set, checked entry by entry before anything relies on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from search_spaces.errors import InvalidInput
from trainers.data.json_file import read_json
from trainers.data.keypoints import KeypointSet
from trainers.data.notes import DataNote

# The number of the category "person" in every keypoint file of COCO; annotations of other categories are left aside.
PERSON_CATEGORY = 1
_KINDS = {int: "a whole number", float: "a finite number", str: "text", list: "a list", dict: "an object"}


@dataclass(frozen=True, kw_only=True)
class CocoImage:
    """One entry of ``images``; ``size`` is (height, width) in pixels."""

    image_id: int
    file_name: str
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class CocoFile:
    """A checked annotation file: its images by id and its person annotations, in one form whichever tool wrote them.

    Args:
        path: The file.
        images: Its images by id.
        annotations: Its annotations of people. Ids are distinct whole numbers from 1, ``category_id`` is
            `PERSON_CATEGORY`, ``iscrowd`` 0 or 1, ``num_keypoints`` the number of labelled keypoints, and ``keypoints``
            stand in the order of the format.
        notes: Remarks for the user on what was left out, corrected or looks wrong.
        left_out: How many annotations are neither learned from nor scored, by reason.
    """

    path: Path
    images: Mapping[int, CocoImage]
    annotations: list[dict[str, Any]]
    notes: tuple[DataNote, ...] = ()
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)


def read_coco(annotation_file: Path, keypoint_set: KeypointSet) -> CocoFile:
    """Read a ``person_keypoints`` file; raises InvalidInput that names the file, the entry and the rule it breaks."""
    return parse_coco(read_json(annotation_file), annotation_file, keypoint_set)


def parse_coco(document: Any, annotation_file: Path, keypoint_set: KeypointSet) -> CocoFile:
    """Check a document that was read from ``annotation_file``; raises InvalidInput as `read_coco` does."""
    place = str(annotation_file)
    images = _images(document, annotation_file)
    annotations = []
    for number, entry in enumerate(field(document, "annotations", list, place)):
        where = f"annotations[{number}] of {annotation_file}"
        if field(entry, "category_id", int, where) == PERSON_CATEGORY:
            _check_annotation(entry, where, annotation_file, images, keypoint_set)
            annotations.append(entry)
    return CocoFile(path=Path(annotation_file), images=images, annotations=annotations)


def read_image_info(image_info_file: Path) -> CocoFile:
    """Read a file that lists images only, as COCO publishes for its test sets: nobody is annotated in it."""
    return CocoFile(path=Path(image_info_file), images=_images(read_json(image_info_file), image_info_file), annotations=[])


def field(entry: Any, key: str, kind: type, where: str) -> Any:
    """``entry[key]``, which must be of that kind; ``where`` names the entry in the InvalidInput it raises otherwise."""
    if not isinstance(entry, dict):
        raise InvalidInput(f"{where} must be an object, got {shown(entry)}")
    if key not in entry:
        raise InvalidInput(f"{where} must have {key!r}, got only {sorted(entry)}")
    value = entry[key]
    fits = is_finite(value) if kind is float else isinstance(value, kind) and not isinstance(value, bool)
    if not fits:
        raise InvalidInput(f"{key!r} of {where} must be {_KINDS[kind]}, got {shown(value)}")
    return value


def box_field(entry: Any, where: str) -> tuple[float, float, float, float]:
    """``entry["bbox"]``: x, y, width, height, the sizes not negative."""
    values = field(entry, "bbox", list, where)
    if len(values) != 4 or not all(is_finite(value) for value in values) or values[2] < 0 or values[3] < 0:
        raise InvalidInput(f"'bbox' of {where} must be 4 finite numbers x, y, width >= 0, height >= 0, got {shown(values)}")
    x, y, width, height = (float(value) for value in values)
    return x, y, width, height


def file_name_field(entry: Any, key: str, where: str) -> str:
    """``entry[key]``, a relative path that stays inside the folder it is meant for, on POSIX and on Windows."""
    file_name: str = field(entry, key, str, where)
    parts = {*PurePosixPath(file_name).parts, *PureWindowsPath(file_name).parts}
    anchored = file_name.startswith(("/", "\\")) or PureWindowsPath(file_name).drive
    if not parts or anchored or ".." in parts or "\0" in file_name:
        raise InvalidInput(f"{key!r} of {where} must stay inside the image folder, got {file_name!r}")
    return file_name


def is_finite(value: object) -> bool:
    """Whether a value read from JSON is a number that is neither infinite nor too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _images(document: Any, file: Path) -> dict[int, CocoImage]:
    """The checked ``images`` of a document, by id."""
    if not isinstance(document, dict):
        raise InvalidInput(f"{file} must hold a COCO document (an object), got {shown(document)}")
    images: dict[int, CocoImage] = {}
    for number, entry in enumerate(field(document, "images", list, str(file))):
        image = _image(entry, f"images[{number}] of {file}")
        if image.image_id in images:
            raise InvalidInput(f"{file} must give every image its own id, got {image.image_id} twice")
        images[image.image_id] = image
    return images


def _image(entry: Any, where: str) -> CocoImage:
    image_id = field(entry, "id", int, where)
    size = field(entry, "height", int, where), field(entry, "width", int, where)
    if min(size) < 1:
        raise InvalidInput(f"'height' and 'width' of {where} must be positive, got {size[0]} and {size[1]}")
    return CocoImage(image_id=image_id, file_name=file_name_field(entry, "file_name", where), size=size)


def _check_annotation(
    entry: Any, where: str, annotation_file: Path, images: Mapping[int, CocoImage], keypoint_set: KeypointSet
) -> None:
    """Refuse an annotation that the training or pycocotools could not use."""
    where = f"annotation {field(entry, 'id', int, where)} of {annotation_file}"
    image_id = field(entry, "image_id", int, where)
    if image_id not in images:
        raise InvalidInput(f"'image_id' of {where} must be the id of one of its images, got {image_id}")
    if field(entry, "iscrowd", int, where) not in (0, 1):
        raise InvalidInput(f"'iscrowd' of {where} must be 0 or 1, got {entry['iscrowd']}")
    box_field(entry, where)
    for key, kind in (("area", float), ("num_keypoints", int)):
        if field(entry, key, kind, where) < 0:
            raise InvalidInput(f"{key!r} of {where} must not be negative, got {entry[key]}")
    values = field(entry, "keypoints", list, where)
    if len(values) != 3 * keypoint_set.count:
        raise InvalidInput(
            f"'keypoints' of {where} must be {3 * keypoint_set.count} numbers (x, y, visibility of"
            f" {keypoint_set.count} keypoints), got {len(values)}"
        )
    for index, value in enumerate(values):
        if not is_finite(value):
            raise InvalidInput(f"'keypoints' of {where} must be finite numbers, got {shown(value)} at {index}")
    wrong = [value for value in values[2::3] if value not in (0, 1, 2)]
    if wrong:
        raise InvalidInput(f"visibilities in 'keypoints' of {where} must be 0, 1 or 2, got {shown(wrong[0])}")


def shown(value: Any) -> str:
    """A value as a message quotes it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
