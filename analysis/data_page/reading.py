"""The splits of a data set as training reads them, and what a page says where one cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_spaces.common.errors import InvalidInput, check_names
from trainers.data.annotations.annotations import UNLABELLED
from trainers.data.annotations.boxes import Box
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote
from trainers.data.config import DataConfig
from trainers.data.formats.coco import CocoSplit, Person, annotated_people, image_file
from trainers.data.formats.coco_file import CocoFile


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

    Args:
        root: The folder of the data.
        format: The name of the format.
        on_orientation: The rule of `trainers.data.images.orientation` by which images are read.
        keypoint_set: The keypoints.
        is_own: Whether the keypoints are no format's, but a user's own.
        metric: The metric that ranks networks, in words.
        splits: The splits that are there, by name.
        missing: The sentences on the others, by name.
        notes: Remarks on the data.
    """

    root: Path
    format: str
    on_orientation: str
    keypoint_set: KeypointSet
    is_own: bool
    metric: str
    splits: tuple[SplitData, ...]
    missing: Mapping[str, str]
    notes: tuple[DataNote, ...] = ()


def read_dataset(data: DataConfig, splits: Sequence[str]) -> DataSet:
    """Read splits of a data set, with the keypoints that its annotation files name.

    Raises:
        InvalidInput: there is no such split, an annotation file is refused, or no split is there.
    """
    check_names("split", splits, data.splits)
    places: dict[str, CocoSplit] = {}
    missing: dict[str, str] = {}
    for split in dict.fromkeys(splits):
        try:
            places[split] = data.place(split)
        except InvalidInput as error:
            missing[split] = str(error)
    if not places:
        raise InvalidInput("; ".join(dict.fromkeys(missing.values())))
    if data.data_format.has_categories:
        read = tuple(_split(name, place, data.read_annotations(name)) for name, place in places.items())
    else:
        read = tuple(_read_list(data, name, place) for name, place in places.items())
    return DataSet(
        root=data.root,
        format=data.format,
        on_orientation=data.on_orientation,
        keypoint_set=data.keypoint_set,
        is_own=data.keypoint_set != data.data_format.keypoint_set,
        metric=data.metric_words,
        splits=read,
        missing=missing,
        notes=data.keypoint_notes,
    )


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


def _read_list(data: DataConfig, name: str, place: CocoSplit) -> SplitData:
    """Read a split whose file lists people only, as MPII's does; those without a labelled joint teach nothing."""
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
