"""The splits of a data set as training reads them, and what a page says where one cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search_spaces.errors import InvalidInput
from trainers.data.coco import Box, CocoSplit, Person, annotated_people, clip_box, coco_split, image_file
from trainers.data.coco_file import CocoFile, box_field, parse_coco
from trainers.data.crowdpose import crowdpose_split
from trainers.data.formats import COCO, CROWDPOSE, MPII
from trainers.data.json_file import read_json
from trainers.data.keypoint_names import NamedKeypoints, keypoints_of_category, words_of
from trainers.data.keypoints import KeypointSet
from trainers.data.mpii import mpii_split
from trainers.data.notes import DataNote, Severity
from trainers.data.source import DataConfig

CROWD, UNLABELLED, OUTSIDE = "crowd regions", "people without a labelled keypoint", "people whose box is outside the image"
OWN_KEYPOINTS = "own keypoints"
_SPLITS = {COCO.name: coco_split, MPII.name: mpii_split, CROWDPOSE.name: crowdpose_split}


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
        annotations: The number of annotations of people.
        boxes: The boxes of the people below as the file has them, not cut to the image.
        people: The people that a network learns from or is scored on.
        left_out: The number of annotations that are no people, by reason.
        notes: Remarks of the reader.
    """

    name: str
    annotation_file: Path
    image_dir: Path
    images: tuple[ListedImage, ...]
    annotations: int
    boxes: tuple[Box, ...]
    people: tuple[Person, ...]
    left_out: Mapping[str, int]
    notes: tuple[DataNote, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """The splits of a data set that are there, and for each of the others the sentence that says what is missing.

    ``is_own`` says that the keypoints are no format's, but named by the annotation files.
    """

    root: Path
    format: str
    keypoint_set: KeypointSet
    is_own: bool
    splits: tuple[SplitData, ...]
    missing: Mapping[str, str]
    notes: tuple[DataNote, ...] = ()


def read_dataset(data: DataConfig, splits: Sequence[str]) -> DataSet:
    """Read splits of a data set.

    A data set in COCO's layout whose categories name other keypoints than COCO's is read with those.

    Raises:
        InvalidInput: an annotation file is refused, or no split is there.
    """
    places: dict[str, CocoSplit] = {}
    missing: dict[str, str] = {}
    for split in dict.fromkeys(splits):
        try:
            places[split] = _SPLITS[data.format](data.root, split)
        except InvalidInput as error:
            missing[split] = str(error)
    if not places:
        raise InvalidInput("; ".join(missing.values()))
    if data.format == MPII.name:
        read = tuple(_read_mpii(data, name, place) for name, place in places.items())
        return DataSet(
            root=data.root,
            format=data.format,
            keypoint_set=data.keypoint_set,
            is_own=False,
            splits=read,
            missing=missing,
        )
    own: dict[str, NamedKeypoints] = {}
    read_splits = []
    for name, place in places.items():
        document = read_json(place.annotation_file) if data.format == COCO.name else None
        named = own_keypoints(document, place.annotation_file, data.keypoint_set) if document else None
        if named:
            own[name] = named
            coco = parse_coco(document, place.annotation_file, named.keypoint_set)
            coco = replace(coco, notes=(*coco.notes, *named.notes))
        else:
            coco = data.read_annotations(name)
        read_splits.append(_split(name, place, coco))
    keypoint_set, notes = _one_set(own, places, data)
    return DataSet(
        root=data.root,
        format=data.format,
        keypoint_set=keypoint_set,
        is_own=bool(own),
        splits=tuple(read_splits),
        missing=missing,
        notes=notes,
    )


def own_keypoints(document: Any, annotation_file: Path, expected: KeypointSet) -> NamedKeypoints | None:
    """Make the keypoint set that the categories of a document name, or return None where they name the expected ones.

    None also where no category, or more than one that could be meant, names keypoints: the reader has a word for those.
    """
    categories = document.get("categories") if isinstance(document, dict) else None
    naming = [
        (number, category)
        for number, category in enumerate(categories if isinstance(categories, list) else [])
        if isinstance(category, dict) and isinstance(category.get("keypoints"), list) and category["keypoints"]
    ]
    known = _compared(expected.names)
    if any(_compared(category["keypoints"]) == known for _, category in naming):
        return None
    people = [entry for entry in naming if str(entry[1].get("name", "")).strip().lower() == "person"] or naming
    if len(people) != 1:
        return None
    number, category = people[0]
    return keypoints_of_category(category, name="own", place=f"categories[{number}] of {annotation_file}")


def _compared(names: Sequence[Any]) -> set[str]:
    """Names as they are compared: letter case, blanks and signs aside."""
    return {"".join(words_of(str(name))) for name in names}


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
    chosen = {person.annotation_id for person in people}
    boxes, left_out = [], dict.fromkeys((CROWD, UNLABELLED, OUTSIDE), 0)
    for entry in coco.annotations:
        box = box_field(entry, f"annotation {entry['id']} of {coco.path}")
        if entry["id"] in chosen:
            boxes.append(box)
        elif entry["iscrowd"]:
            left_out[CROWD] += 1
        elif clip_box(box, coco.images[entry["image_id"]].size) is None and any(entry["keypoints"][2::3]):
            left_out[OUTSIDE] += 1
        else:
            left_out[UNLABELLED] += 1
    return SplitData(
        name=name,
        annotation_file=place.annotation_file,
        image_dir=place.image_dir,
        images=tuple(
            ListedImage(path=image_file(place.image_dir, image.file_name, coco.path, require=False), size=image.size)
            for image in coco.images.values()
        ),
        annotations=len(coco.annotations),
        boxes=tuple(boxes),
        people=tuple(people),
        left_out=left_out,
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
        annotations=len(everybody),
        boxes=tuple(person.box for person in people),
        people=tuple(people),
        left_out={UNLABELLED: len(everybody) - len(people)},
    )
