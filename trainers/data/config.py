"""`DataConfig`: which people a training sees and which it is scored on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote
from trainers.data.annotations.plausibility import detection_notes
from trainers.data.formats.coco import CocoSplit, Person, annotated_people, detected_people
from trainers.data.formats.coco_file import CocoFile, read_coco
from trainers.data.formats.crowdpose import read_crowdpose
from trainers.data.formats.data_format import CROWDPOSE, FORMATS, MPII, DataFormat
from trainers.data.formats.mpii import load_mpii_people, mpii_truth_file
from trainers.data.formats.mpii_truth import MpiiTruth, read_mpii_truth
from trainers.data.images.orientation import ON_ORIENTATION

BOXES = ("gt", "det")
STOP, SKIP = "stop", "skip"
ON_BROKEN_IMAGE = (STOP, SKIP)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """A data set in the published layout of its ``format`` under ``root``, and the protocol of its use.

    ``val_split`` may be ``train``, which measures how well a network fits what it saw. With ``boxes`` ``det`` the people of
    the validation come from ``detections``, a COCO detections file; MPII has annotated people only. ``workers`` processes
    load the samples. Pictures are read from a prepared set: the folder ``prepared``, or one found in the standard place.
    ``on_broken_image`` ``skip`` trains without the people of broken images; what is scored is never left out.
    ``on_orientation`` says what is done where a camera noted in an image how it has to be turned. ``category`` is the name
    or the id of the people among the categories of the annotation files, where it is not found by itself.

    Raises:
        InvalidInput: a field breaks its rule; folders and files are looked at only when the data sets are made.
    """

    root: Path
    format: str = "coco"
    name: str = "custom"
    train_split: str = "train"
    val_split: str = "val"
    boxes: str = "gt"
    detections: Path | None = None
    workers: int = 0
    prepared: Path | None = None
    on_broken_image: str = "stop"
    on_orientation: str = "apply"
    category: str | int | None = None

    def __post_init__(self) -> None:
        for field in ("root", "detections", "prepared"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, Path(getattr(self, field)).absolute())
        for field, allowed in (
            ("format", tuple(FORMATS)),
            ("boxes", BOXES),
            ("on_broken_image", ON_BROKEN_IMAGE),
            ("on_orientation", ON_ORIENTATION),
        ):
            if getattr(self, field) not in allowed:
                raise unknown_name(field, str(getattr(self, field)), allowed)
        for field in ("train_split", "val_split"):
            if getattr(self, field) not in self.data_format.splits:
                raise unknown_name(field, str(getattr(self, field)), self.data_format.splits)
        if self.boxes not in self.data_format.accuracies:
            raise InvalidInput(
                f"boxes must be {' or '.join(self.data_format.accuracies)} in format {self.format}, got {self.boxes}"
            )
        if (self.boxes == "det") != (self.detections is not None):
            raise InvalidInput(f"detections must be given exactly when boxes is det, got boxes {self.boxes}")
        if self.category is not None and (self.format == MPII.name or not str(self.category).strip()):
            raise InvalidInput(
                f"category must be the name or the id of a category, in a format that has categories, got {self.category!r}"
                f" in format {self.format}"
            )
        if not 0 <= self.workers <= 256:
            raise InvalidInput(f"workers must be from 0 to 256, got {self.workers}")

    @property
    def data_format(self) -> DataFormat:
        """The data format that the field names."""
        return FORMATS[self.format]

    @property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints of the format."""
        return self.data_format.keypoint_set

    @property
    def accuracy(self) -> str:
        """The name of the figure that ranks networks on this data: ``ap_gt``, ``ap_det`` or ``pckh50``."""
        return self.data_format.accuracies[self.boxes]

    @property
    def annotations(self) -> Path:
        """The annotation file of the people to score."""
        return self._split(self.val_split).annotation_file

    def people(self, split: str, *, require_images: bool | None = None) -> list[Person]:
        """The annotated people of a split; their images must be there unless told otherwise, or broken ones are skipped."""
        return self.people_and_notes(split, require_images=require_images)[0]

    def people_and_notes(
        self, split: str, *, require_images: bool | None = None
    ) -> tuple[list[Person], tuple[DataNote, ...]]:
        """Return what `people` and `notes` do, from one reading of the annotations."""
        if require_images is None:
            require_images = self.on_broken_image == STOP
        where = self._split(split)
        if self.format == MPII.name:
            return load_mpii_people(where.annotation_file, where.image_dir, require_images=require_images), ()
        file = self.read_annotations(split)
        return annotated_people(file, where.image_dir, require_images=require_images), file.notes

    def read_annotations(self, split: str) -> CocoFile:
        """Return the checked annotation file of a split; in the formats that have COCO's layout only."""
        assert self.format != MPII.name, self.format
        where = self._split(split)
        if self.format == CROWDPOSE.name:
            return read_crowdpose(where.annotation_file, category=self.category).coco
        return read_coco(where.annotation_file, self.keypoint_set, category=self.category)

    def notes(self, split: str) -> tuple[DataNote, ...]:
        """Return the remarks on the annotations of a split and detections; raises InvalidInput for broken files."""
        if self.format == MPII.name:
            return ()
        file = self.read_annotations(split)
        if self.detections is None or split != self.val_split:
            return file.notes
        people = detected_people(file, self.detections, self.image_dir(split))
        boxes = [(person.box, file.images[person.image_id].size) for person in people]
        return (*file.notes, *detection_notes(boxes, self.detections))

    def annotation_file(self, split: str) -> Path:
        """The file that annotates the people of a split."""
        return self._split(split).annotation_file

    def image_dir(self, split: str) -> Path:
        """Return the folder of the images of a split; raises InvalidInput where it or its annotations are missing."""
        return self._split(split).image_dir

    def validation_people(self) -> list[Person]:
        """The people to score: annotated ones, or those of the detections file.

        What they are scored against is looked at too: a search should not end at its first validation.
        """
        where = self._split(self.val_split)
        if self.detections is not None:
            return detected_people(self.read_annotations(self.val_split), self.detections, where.image_dir)
        people = self.people(self.val_split, require_images=True)
        if self.format == MPII.name:
            self.mpii_truth(len(people))
        return people

    def mpii_truth(self, people: int) -> MpiiTruth:
        """Read the truth for PCKh, a row for each of the ``people`` of the annotation file; in format mpii only."""
        assert self.format == MPII.name, self.format
        file = mpii_truth_file(self.root, self.val_split)
        truth = read_mpii_truth(file)
        if len(truth) != people:
            raise InvalidInput(f"{file} must be of the {people} people of {self.annotations}, got {len(truth)}")
        return truth

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; paths as text."""
        values = dataclasses.asdict(self)
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataConfig:
        """The inverse of `to_dict`."""
        return cls(**values)

    def _split(self, split: str) -> CocoSplit:
        return self.data_format.find_split(self.root, split)
