"""The annotation file of a COCO data set, checked entry by entry before anything relies on it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.annotations import (
    UNKNOWN_IMAGE,
    Annotation,
    AnnotationRules,
    contradicts,
    read_annotation,
    reason_left_out,
    require_areas,
    usable_ids,
)
from trainers.data.annotations.categories import (
    PERSON_CATEGORY,
    PERSON_NAME,
    Category,
    listed_categories,
    person_category,
    read_categories,
)
from trainers.data.annotations.json_fields import field, file_name_field, shown
from trainers.data.annotations.keypoint_order import keypoint_order, plain_name
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote
from trainers.data.annotations.plausibility import implausible
from trainers.data.annotations.reading_notes import (
    category_notes,
    id_notes,
    keypoint_count_notes,
    keypoint_order_notes,
    repeated_image_notes,
    unknown_image_notes,
)
from trainers.data.formats.json_file import read_json

COCO_PERSON = Category(category_id=PERSON_CATEGORY, name=PERSON_NAME)
IMAGE_ID_BITS = 64


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
        annotations: Its annotations of people. Ids are distinct whole numbers from 1, ``category_id`` is `PERSON_CATEGORY`,
            and ``iscrowd`` 0 or 1. ``num_keypoints`` is the number of labelled keypoints, and ``keypoints`` stand in the
            order of the format.
        category: The category of people as the file has it.
        category_ids: Every category that the file lists or that an annotation has.
        keypoint_order: For each keypoint of the format its index in the file, where the file has another order.
        notes: Remarks for the user on what was left out, corrected or looks wrong.
        left_out: How many annotations are neither learned from nor predicted, by reason. A count and its reason read on: 45
            "of category 2 (rider)".
    """

    path: Path
    images: Mapping[int, CocoImage]
    annotations: list[Annotation]
    category: Category = COCO_PERSON
    category_ids: frozenset[int] = frozenset({PERSON_CATEGORY})
    keypoint_order: tuple[int, ...] | None = None
    notes: tuple[DataNote, ...] = ()
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def nobody(self) -> InvalidInput:
        """Return the refusal of a file in which nobody is left, with what became of every annotation."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
        asked = len(self.annotations) + self.left_out.get(UNKNOWN_IMAGE, 0)
        others = len(self.category_ids - {self.category.category_id}) > 0
        return InvalidInput(
            f"{self.path} must hold at least one person with labelled keypoints and a box inside its image, got none among"
            f" {asked} person annotations (category {self.category.label})"
            + (f"; left out: {reasons}" if reasons else "")
            + ("; data.category or --category, a name or an id, chooses another category" if others else "")
        )


def read_coco(annotation_file: Path, keypoint_set: KeypointSet, *, category: str | int | None = None) -> CocoFile:
    """Read a ``person_keypoints`` file; raises InvalidInput that names the file, the entry and the rule it breaks.

    ``category`` is the name or the id of people, where name and keypoints of the categories do not tell.
    """
    return parse_coco(read_json(annotation_file), annotation_file, keypoint_set, category=category)


def parse_coco(
    document: Any,
    annotation_file: Path,
    keypoint_set: KeypointSet,
    *,
    category: str | int | None = None,
    area_of_box: float | None = None,
    counted: Sequence[int] | None = None,
) -> CocoFile:
    """Check a document that was read from ``annotation_file``; raises InvalidInput as `read_coco` does.

    Args:
        document: The parsed JSON.
        annotation_file: Its file, for messages.
        keypoint_set: The keypoints of the format.
        category: The name or the id of people, where name and keypoints of the categories do not tell.
        area_of_box: The share of a box that stands for the area of its person, in formats without areas.
        counted: The keypoints whose labels make a person count in scores, where these are not all.
    """
    file = Path(annotation_file)
    images, image_notes = _images(document, file)
    entries: list[Any] = field(document, "annotations", list, str(file))
    ids = [field(entry, "category_id", int, f"annotations[{number}] of {file}") for number, entry in enumerate(entries)]
    categories = read_categories(document, file)
    categories |= {number: Category(category_id=number) for number in dict.fromkeys(ids) if number not in categories}
    person = _person(categories, entries, keypoint_set, file, chosen=category)
    order = None
    if person.keypoints:
        order = keypoint_order(person.keypoints, keypoint_set, f"'keypoints' of {person.place}")
    rules = AnnotationRules(keypoint_set=keypoint_set, order=order, area_of_box=area_of_box, counted=counted)
    others = Counter(categories[number].label for number in ids if number != person.category_id)
    left_out: Counter[str] = Counter({f"of category {label}": count for label, count in others.items()})
    members = {place: entries[place] for place, number in enumerate(ids) if number == person.category_id}
    usable = usable_ids([entry.get("id") for entry in members.values()])
    read = _annotations(members, usable, rules, file)
    annotations = [annotation for annotation in read if annotation["image_id"] in images]
    left_out[UNKNOWN_IMAGE] = len(read) - len(annotations)
    contradicting = sum(map(contradicts, members.values(), read))
    if area_of_box is None:
        require_areas(annotations, file)
    sizes = {image.image_id: image.size for image in images.values()}
    left_out.update(filter(None, (reason_left_out(entry, sizes[entry["image_id"]]) for entry in annotations)))
    notes = [
        *image_notes,
        *category_notes(person, others, categories.values(), file, chosen=category is not None),
        *unknown_image_notes(left_out[UNKNOWN_IMAGE], len(read), file),
        *id_notes(usable.count(False), len(usable), file),
        *keypoint_order_notes(order, person, keypoint_set, len(annotations), file),
        *keypoint_count_notes(contradicting, len(read), file),
        *implausible(annotations, sizes, file, own_areas=area_of_box is None),
    ]
    return CocoFile(
        path=file,
        images=images,
        annotations=annotations,
        category=person,
        category_ids=frozenset(categories),
        keypoint_order=order,
        notes=tuple(notes),
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def read_image_info(image_info_file: Path) -> CocoFile:
    """Read a file that lists images only, as COCO publishes for its test sets: nobody is annotated in it."""
    images, notes = _images(read_json(image_info_file), Path(image_info_file))
    return CocoFile(path=Path(image_info_file), images=images, annotations=[], notes=tuple(notes))


def _person(
    categories: Mapping[int, Category],
    entries: Sequence[Any],
    keypoint_set: KeypointSet,
    file: Path,
    *,
    chosen: str | int | None,
) -> Category:
    """Return the category of people; raises InvalidInput where none or several can be."""
    posed, fitting = set(), set()
    for entry in entries:
        points = entry.get("keypoints")
        if isinstance(points, list) and any(points[2::3]):
            posed.add(entry["category_id"])
            if len(points) == 3 * keypoint_set.count:
                fitting.add(entry["category_id"])
    found = person_category(categories, posed, fitting, keypoint_set, file, chosen=chosen)
    if found is not None:
        return found
    if not categories:
        return Category(category_id=PERSON_CATEGORY)
    names = {plain_name(category.name) for category in categories.values()}
    points = names & set(map(plain_name, keypoint_set.names))
    advice = (
        "; here keypoints are categories of their own: annotate each person by one label with a skeleton of keypoints, and"
        " export anew"
        if len(points) > 1
        else "; data.category or --category, a name or an id, chooses"
    )
    raise InvalidInput(
        f"{file} must have a category of people, named {PERSON_NAME} or with the keypoints of {keypoint_set.name}, got"
        f" {listed_categories(list(categories.values()))}, with {len(entries)} annotations in all{advice}"
    )


def _annotations(members: Mapping[int, Any], usable: Sequence[bool], rules: AnnotationRules, file: Path) -> list[Annotation]:
    """Return checked annotations; their ids are the file's or, unless all of these are usable, their places from 1."""
    own = all(usable)
    annotations = []
    for (place, entry), good in zip(members.items(), usable, strict=True):
        name = f"annotation {entry['id']}" if good else f"annotations[{place}]"
        annotation = read_annotation(entry, f"{name} of {file}", rules)
        annotations.append({"id": entry["id"] if own else place + 1, **annotation})
    return annotations


def _images(document: Any, file: Path) -> tuple[dict[int, CocoImage], list[DataNote]]:
    """The checked ``images`` of a document, by id, and remarks on entries that repeat."""
    if not isinstance(document, dict):
        raise InvalidInput(f"{file} must hold a COCO document (an object), got {shown(document)}")
    images: dict[int, CocoImage] = {}
    repeated = 0
    for number, entry in enumerate(field(document, "images", list, str(file))):
        image = _image(entry, f"images[{number}] of {file}")
        earlier = images.setdefault(image.image_id, image)
        if earlier != image:
            raise InvalidInput(
                f"{file} must give every image its own id, got {image.image_id} twice, for {earlier.file_name!r}"
                f" ({earlier.size[1]} x {earlier.size[0]}) and {image.file_name!r} ({image.size[1]} x {image.size[0]})"
            )
        repeated += earlier is not image
    files = Counter(image.file_name for image in images.values())
    return images, repeated_image_notes(repeated, sum(times > 1 for times in files.values()), file)


def _image(entry: Any, where: str) -> CocoImage:
    image_id = field(entry, "id", int, where)
    if not -(2 ** (IMAGE_ID_BITS - 1)) <= image_id < 2 ** (IMAGE_ID_BITS - 1):
        raise InvalidInput(f"'id' of {where} must fit in {IMAGE_ID_BITS} bits, got {shown(image_id)}")
    size = field(entry, "height", int, where), field(entry, "width", int, where)
    if min(size) < 1:
        raise InvalidInput(f"'height' and 'width' of {where} must be positive, got {size[0]} and {size[1]}")
    return CocoImage(image_id=image_id, file_name=file_name_field(entry, "file_name", where), size=size)
