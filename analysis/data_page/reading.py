"""The splits of a data set as training reads them, and what a page says where one cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from trainers.data.annotations.annotations import UNLABELLED
from trainers.data.annotations.boxes import Box
from trainers.data.annotations.categories import PERSON_NAME
from trainers.data.annotations.keypoint_names import NamedKeypoints, keypoints_of_category
from trainers.data.annotations.keypoint_order import plain_name
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote, Severity
from trainers.data.config import DataConfig
from trainers.data.formats.coco import CocoSplit, Person, annotated_people, image_file
from trainers.data.formats.coco_file import CocoFile, parse_coco
from trainers.data.formats.data_format import COCO, MPII
from trainers.data.formats.json_file import read_json

OWN_KEYPOINTS = "own keypoints"


@dataclass(frozen=True, kw_only=True)
class ListedImage:
    """An image that an annotation file lists; ``size`` (height, width) is None where the file does not say."""

    path: Path
    size: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitData:
    """One split, read.

    Args:
        name: The split.
        annotation_file: The file that annotates it.
        image_dir: The folder of its images.
        images: Every image that the file lists.
        boxes: The boxes of the people below as the file has them, not cut to the image.
        people: The people that a network learns from or is scored on.
        left_out: How many annotations are neither learned from nor predicted, by reason.
        notes: Remarks of the reader.
    """

    name: str
    annotation_file: Path
    image_dir: Path
    images: tuple[ListedImage, ...]
    boxes: tuple[Box, ...]
    people: tuple[Person, ...]
    left_out: Mapping[str, int]
    notes: tuple[DataNote, ...] = ()

    @property
    def annotations(self) -> int:
        """The number of all annotations."""
        return len(self.people) + sum(self.left_out.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """The splits of a data set that are there, and for each of the others the sentence that says what is missing.

    ``on_orientation`` is the rule of `trainers.data.images.orientation` by which images are read. ``is_own`` says that the
    keypoints are no format's, but named by the annotation files.
    """

    root: Path
    format: str
    on_orientation: str
    keypoint_set: KeypointSet
    is_own: bool
    splits: tuple[SplitData, ...]
    missing: Mapping[str, str]
    notes: tuple[DataNote, ...] = ()


def read_dataset(data: DataConfig, splits: Sequence[str]) -> DataSet:
    """Read splits of a data set.

    A data set in COCO's layout whose categories name other keypoints than COCO's is read with those.

    Raises:
        InvalidInput: the format has no such split, an annotation file is refused, or no split is there.
    """
    for split in splits:
        if split not in data.data_format.splits:
            raise unknown_name("split", split, data.data_format.splits)
    places: dict[str, CocoSplit] = {}
    missing: dict[str, str] = {}
    for split in dict.fromkeys(splits):
        try:
            places[split] = data.data_format.find_split(data.root, split)
        except InvalidInput as error:
            missing[split] = str(error)
    if not places:
        raise InvalidInput("; ".join(missing.values()))
    if data.format == MPII.name:
        read = tuple(_read_mpii(data, name, place) for name, place in places.items())
        return DataSet(
            root=data.root,
            format=data.format,
            on_orientation=data.on_orientation,
            keypoint_set=data.keypoint_set,
            is_own=False,
            splits=read,
            missing=missing,
        )
    own: dict[str, NamedKeypoints] = {}
    read_splits = []
    for name, place in places.items():
        found = _own_file(data, place) if data.format == COCO.name else None
        if found:
            coco, own[name] = found
        else:
            coco = data.read_annotations(name)
        read_splits.append(_split(name, place, coco))
    keypoint_set, notes = _one_set(own, places, data)
    return DataSet(
        root=data.root,
        format=data.format,
        on_orientation=data.on_orientation,
        keypoint_set=keypoint_set,
        is_own=bool(own),
        splits=tuple(read_splits),
        missing=missing,
        notes=notes,
    )


def own_keypoints(
    document: Any, annotation_file: Path, expected: KeypointSet, *, category: str | int | None = None
) -> tuple[NamedKeypoints, int] | None:
    """Make the keypoint set that the categories of a document name, and return it with the id of its category.

    Return None where the categories name the expected keypoints. Return None also where no category, or more than one that
    could be meant, names any: the reader has a word for those. ``category`` is the name or the id that a user gives.
    """
    categories = document.get("categories") if isinstance(document, dict) else None
    naming = [
        (number, entry)
        for number, entry in enumerate(categories if isinstance(categories, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("keypoints"), list) and entry["keypoints"]
    ]
    if category is not None:
        wanted = plain_name(str(category))
        naming = [
            entry for entry in naming if wanted in map(plain_name, (str(entry[1].get("name")), str(entry[1].get("id"))))
        ]
    known = _compared(expected.names)
    if any(_compared(entry["keypoints"]) == known for _, entry in naming):
        return None
    people = [entry for entry in naming if plain_name(str(entry[1].get("name"))) == PERSON_NAME] or naming
    if len(people) != 1 or type(people[0][1].get("id")) is not int:
        return None
    number, found = people[0]
    named = keypoints_of_category(found, name="own", place=f"categories[{number}] of {annotation_file}")
    return named, found["id"]


def _own_file(data: DataConfig, place: CocoSplit) -> tuple[CocoFile, NamedKeypoints] | None:
    """Read a file that names keypoints of its own, or return None where its keypoints are the format's."""
    document = read_json(place.annotation_file)
    found = own_keypoints(document, place.annotation_file, data.keypoint_set, category=data.category)
    if found is None:
        return None
    named, category = found
    coco = parse_coco(document, place.annotation_file, named.keypoint_set, category=category)
    return replace(coco, notes=(*coco.notes, *named.notes)), named


def _compared(names: Sequence[Any]) -> list[str]:
    """Names as they are compared: letter case, blanks and signs aside, in any order."""
    return sorted(plain_name(str(name)) for name in names)


def _one_set(
    own: Mapping[str, NamedKeypoints], places: Mapping[str, CocoSplit], data: DataConfig
) -> tuple[KeypointSet, tuple[DataNote, ...]]:
    """Return the keypoints of all splits; raises InvalidInput where two splits name different ones."""
    if not own:
        return data.keypoint_set, ()
    first, *others = own
    chosen = own[first].keypoint_set
    for split in [*others, *(name for name in places if name not in own)]:
        names = own[split].keypoint_set.names if split in own else data.keypoint_set.names
        if names != chosen.names:
            raise InvalidInput(
                f"keypoints of {places[split].annotation_file} must be those of {places[first].annotation_file},"
                f" {', '.join(chosen.names)}, got {', '.join(names)}"
            )
    sentence = (
        f"The {chosen.count} keypoints are those that {places[first].annotation_file} names, not the"
        f" {data.keypoint_set.count} of format {data.format}: this page shows them; training refuses them."
    )
    return chosen, (DataNote(topic=OWN_KEYPOINTS, severity=Severity.WARNING, sentence=sentence),)


def _split(name: str, place: CocoSplit, coco: CocoFile) -> SplitData:
    people = annotated_people(coco, place.image_dir, require_images=False)
    boxes = {entry["id"]: entry["bbox"] for entry in coco.annotations}
    return SplitData(
        name=name,
        annotation_file=place.annotation_file,
        image_dir=place.image_dir,
        images=tuple(
            ListedImage(path=image_file(place.image_dir, image.file_name, coco.path, require=False), size=image.size)
            for image in coco.images.values()
        ),
        boxes=tuple(boxes[person.annotation_id] for person in people),
        people=tuple(people),
        left_out=coco.left_out,
        notes=coco.notes,
    )


def _read_mpii(data: DataConfig, name: str, place: CocoSplit) -> SplitData:
    """Read a split of MPII, whose file lists people only; those without a labelled joint teach nothing."""
    everybody = data.people(name, require_images=False)
    people = [person for person in everybody if person.keypoints is not None and person.keypoints[:, 2].any()]
    return SplitData(
        name=name,
        annotation_file=place.annotation_file,
        image_dir=place.image_dir,
        images=tuple(ListedImage(path=path, size=None) for path in dict.fromkeys(person.image_path for person in everybody)),
        boxes=tuple(person.box for person in people),
        people=tuple(people),
        left_out={UNLABELLED: without} if (without := len(everybody) - len(people)) else {},
    )
