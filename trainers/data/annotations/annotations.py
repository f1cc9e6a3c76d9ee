"""One annotation of a person: checked, and brought into the one form that training and scoring read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import clip_box
from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.json_fields import LARGEST_COORDINATE, box_field, field, is_coordinate, is_finite, shown
from trainers.data.annotations.keypoints import KeypointSet

Annotation = dict[str, Any]

LARGEST_AREA = 1e10
"""Square pixels: COCO's scoring passes over larger people without a word."""
LARGEST_ID = 2**53
"""pycocotools keeps ids as floats, which are whole up to here."""
UNKNOWN_IMAGE = "of images that the file does not list"
CROWD = "marked as crowds"
UNLABELLED = "without labelled keypoints"
OUTSIDE = "with boxes outside their images or without extent"


@dataclass(frozen=True, kw_only=True)
class AnnotationRules:
    """How the annotations of one file are read.

    Args:
        keypoint_set: The keypoints of the format.
        order: For each keypoint of the set its index in the file, where the file has another order.
        area_of_box: The share of a box that stands for the area of its person; None takes ``area`` of the file.
        counted: The keypoints that ``num_keypoints`` counts; None counts all.
    """

    keypoint_set: KeypointSet
    order: Sequence[int] | None = None
    area_of_box: float | None = None
    counted: Sequence[int] | None = None


def read_annotation(entry: Mapping[str, Any], where: str, rules: AnnotationRules) -> Annotation:
    """Return a person's annotation in the form of `trainers.data.formats.coco_file.CocoFile`, but for its ``id``.

    A person without ``keypoints`` has none labelled, and one without ``iscrowd`` is no crowd, as some tools leave them out.
    ``where`` names the annotation in messages.

    Raises:
        InvalidInput: a field breaks a rule; the message names it.
    """
    image_id = field(entry, "image_id", int, where)
    crowd = entry.get("iscrowd", 0)
    if not isinstance(crowd, bool) and field({"iscrowd": crowd}, "iscrowd", int, where) not in (0, 1):
        raise InvalidInput(f"'iscrowd' of {where} must be 0 or 1, got {shown(crowd)}")
    box = box_field(entry, where)
    area = rules.area_of_box * box[2] * box[3] if rules.area_of_box else float(field(entry, "area", float, where))
    if area < 0:
        raise InvalidInput(f"'area' of {where} must not be negative, got {entry['area']}")
    if area > LARGEST_AREA:
        key = "bbox" if rules.area_of_box else "area"
        raise InvalidInput(
            f"{key!r} of {where} must give an area of at most {LARGEST_AREA:.0e} square pixels, which COCO's scoring counts,"
            f" got {shown(entry[key])}"
        )
    if "num_keypoints" in entry and field(entry, "num_keypoints", int, where) < 0:
        raise InvalidInput(f"'num_keypoints' of {where} must not be negative, got {entry['num_keypoints']}")
    keypoints = _keypoints(entry, where, rules.keypoint_set)
    if rules.order is not None:
        keypoints = [value for index in rules.order for value in keypoints[3 * index : 3 * index + 3]]
    counted = rules.counted or range(rules.keypoint_set.count)
    return {
        "image_id": image_id,
        "category_id": PERSON_CATEGORY,
        "iscrowd": int(crowd),
        "bbox": list(box),
        "area": area,
        "num_keypoints": sum(keypoints[3 * index + 2] > 0 for index in counted),
        "keypoints": keypoints,
    }


def contradicts(entry: Mapping[str, Any], annotation: Annotation) -> bool:
    """Return whether an annotation of a file states another number of keypoints than its visibilities, read, give."""
    labelled = sum(visibility > 0 for visibility in annotation["keypoints"][2::3])
    return entry.get("num_keypoints", labelled) not in (labelled, annotation["num_keypoints"])


def counts_in_scores(annotation: Annotation) -> bool:
    """Whether a score asks for this person: somebody with labelled keypoints who is no crowd."""
    return not annotation["iscrowd"] and annotation["num_keypoints"] > 0


def reason_left_out(annotation: Annotation, image_size: tuple[int, int]) -> str | None:
    """Return why nobody learns from an annotation or predicts from its box, or None where its person is used."""
    if annotation["iscrowd"]:
        return CROWD
    if not annotation["num_keypoints"]:
        return UNLABELLED
    return None if clip_box(tuple(annotation["bbox"]), image_size) else OUTSIDE


def usable_ids(ids: Sequence[object]) -> list[bool]:
    """Return for each id whether it is a whole number from 1 that no other annotation has.

    COCO's scoring looks people up by id, and reads 0 as nobody.
    """
    whole = [type(value) is int and 0 < value <= LARGEST_ID for value in ids]
    times = Counter(value for value, good in zip(ids, whole, strict=True) if good)
    return [good and times[value] == 1 for value, good in zip(ids, whole, strict=True)]


def require_areas(annotations: Sequence[Annotation], file: Path) -> None:
    """Raise InvalidInput where a person whom scores ask for has no area."""
    people = [annotation for annotation in annotations if counts_in_scores(annotation)]
    without = [annotation for annotation in people if annotation["area"] == 0]
    if without:
        raise InvalidInput(
            f"'area' of people with labelled keypoints in {file} must be above 0, because COCO divides distances by it, got"
            f" 0 for {len(without)} of {len(people)} people, first in annotation {without[0]['id']}: write the area of each"
            " person in square pixels, and a box around the person"
        )


def _keypoints(entry: Mapping[str, Any], where: str, keypoint_set: KeypointSet) -> list[float]:
    values: list[Any] = field(entry, "keypoints", list, where) if "keypoints" in entry else []
    if not values:
        return [0] * (3 * keypoint_set.count)
    if len(values) != 3 * keypoint_set.count:
        raise InvalidInput(
            f"'keypoints' of {where} must be {3 * keypoint_set.count} numbers (x, y, visibility of"
            f" {keypoint_set.count} keypoints), got {len(values)}"
        )
    for index, value in enumerate(values):
        if not is_finite(value):
            raise InvalidInput(f"'keypoints' of {where} must be finite numbers, got {shown(value)} at {index}")
        if not is_coordinate(value):
            raise InvalidInput(
                f"'keypoints' of {where} must be of numbers up to {LARGEST_COORDINATE:g}, got {shown(value)} at {index}"
            )
    wrong = [value for value in values[2::3] if value not in (0, 1, 2)]
    if wrong:
        raise InvalidInput(f"visibilities in 'keypoints' of {where} must be 0, 1 or 2, got {shown(wrong[0])}")
    return values
