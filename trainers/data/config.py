"""`DataConfig`: which people a training sees and which it is scored on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from search_spaces.common.bounds import Bounds, Choices, check_fields
from search_spaces.common.errors import InvalidInput, unknown_name
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote
from trainers.data.annotations.plausibility import detection_notes
from trainers.data.formats.coco import CocoSplit, Person, detected_people
from trainers.data.formats.coco_file import CocoFile
from trainers.data.formats.data_format import FORMATS, DataFormat
from trainers.data.formats.layout import Layout
from trainers.data.formats.mpii_truth import MpiiTruth
from trainers.data.formats.own_keypoints import OwnKeypoints, keypoints_of_file
from trainers.data.images.orientation import ON_ORIENTATION
from trainers.data.keypoint_sets.fields import to_plain
from trainers.data.keypoint_sets.metric import Metric
from trainers.data.ranking import Ranking

BOXES = ("gt", "det")
STOP, SKIP = "stop", "skip"
ON_BROKEN_IMAGE = (STOP, SKIP)
MOST_WORKERS = 256
"""Upper bound of the processes that load samples: it stops a typing error from filling a machine."""


@dataclass(frozen=True, kw_only=True)
class DataConfig(Ranking):
    """A data set in the published layout of a format, or in a layout of its own, and the protocol of its use.

    Args:
        root: The folder of the data.
        format: The format of the annotations.
        name: The name of the data set.
        train_split: The split to learn from.
        val_split: The split to score on. ``train`` measures how well a network fits what it saw.
        boxes: The kind of person boxes of the validation; MPII has annotated people only.
        detections: A COCO detections file, needed where ``boxes`` is ``det``.
        workers: The number of processes that load the samples.
        prepared: The folder of a prepared set; by default one is found in the standard place.
        on_broken_image: ``skip`` trains without the people of broken images; what is scored is never left out.
        on_orientation: The rule for images in which a camera noted how they have to be turned.
        category: The name or the id of the people among the categories, where it is not found by itself.
        keypoints: Completes and overrules the keypoints of the annotation files (`trainers.data.keypoint_sets.fields`).
        metric: The metric that ranks networks (`trainers.data.keypoint_sets.metric`); None takes that of the format.
        layout: The layout of the files, where it is not the published one.

    Raises:
        InvalidInput: a field breaks its rule; folders and files are looked at only when the data sets are made.
    """

    root: Path
    format: Annotated[str, Choices(FORMATS)] = "coco"
    name: str = "custom"
    train_split: str = "train"
    val_split: str = "val"
    boxes: Annotated[str, Choices(BOXES)] = "gt"
    detections: Path | None = None
    workers: Annotated[int, Bounds(0, MOST_WORKERS)] = 0
    prepared: Path | None = None
    on_broken_image: Annotated[str, Choices(ON_BROKEN_IMAGE)] = "stop"
    on_orientation: Annotated[str, Choices(ON_ORIENTATION)] = "apply"
    category: str | int | None = None
    keypoints: Mapping[str, Any] | None = None
    metric: Metric | None = None
    layout: Layout | None = None

    def __post_init__(self) -> None:
        for field in ("root", "detections", "prepared"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, Path(getattr(self, field)).absolute())
        check_fields(self)
        if self.metric is not None:
            object.__setattr__(self, "metric", Metric.of(self.metric))
        check_own(self.data_format, keypoints=self.keypoints, layout=self.layout, metric=self.metric, boxes=self.boxes)
        for field in ("train_split", "val_split"):
            if self.layout is None and getattr(self, field) not in self.data_format.splits:
                raise unknown_name(field, str(getattr(self, field)), self.data_format.splits)
        if (self.boxes == "det") != (self.detections is not None):
            raise InvalidInput(f"detections must be given exactly when boxes is det, got boxes {self.boxes}")
        if self.category is not None and (not self.data_format.has_categories or not str(self.category).strip()):
            raise InvalidInput(
                f"category must be the name or the id of a category, in a format that has categories, got {self.category!r}"
                f" in format {self.format}"
            )

    @property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints of the annotation files, as ``keypoints`` completes and overrules them.

        Raises:
            InvalidInput: a file cannot be read, or a field of ``keypoints`` breaks its rule.
        """
        return self._own_keypoints.keypoint_set

    @cached_property
    def _own_keypoints(self) -> OwnKeypoints:
        known = self.data_format
        if not known.takes_own:
            return OwnKeypoints(keypoint_set=known.keypoint_set)
        return keypoints_of_file(self._first_file(), known.keypoint_set, category=self.category, given=self.keypoints)

    @property
    def keypoint_notes(self) -> tuple[DataNote, ...]:
        """The remarks on what the annotation files do not say of the keypoints."""
        return self._own_keypoints.notes

    @property
    def has_oks(self) -> bool:
        """Whether errors of people can be classed by object keypoint similarity."""
        return self.data_format.has_oks

    @property
    def is_scored_by_ap(self) -> bool:
        """Whether the figure that ranks networks is an average precision."""
        return self.used_metric.is_oks

    @property
    def annotations(self) -> Path:
        """The annotation file of the people to score."""
        return self.place(self.val_split).annotation_file

    def people(self, split: str, *, require_images: bool | None = None) -> list[Person]:
        """The annotated people of a split; their images must be there unless told otherwise, or broken ones are skipped."""
        return self.people_and_notes(split, require_images=require_images)[0]

    def people_and_notes(
        self, split: str, *, require_images: bool | None = None
    ) -> tuple[list[Person], tuple[DataNote, ...]]:
        """Return what `people` and `notes` do, from one reading of the annotations."""
        if require_images is None:
            require_images = self.on_broken_image == STOP
        people, notes = self.data_format.read_people(
            self.place(split), self.keypoint_set, category=self.category, require_images=require_images
        )
        return people, (*notes, *self._notes_of(split))

    def read_annotations(self, split: str) -> CocoFile:
        """Return the checked annotation file of a split; in the formats that have COCO's layout only."""
        return self.data_format.read_file(self.place(split), self.keypoint_set, category=self.category)

    def notes(self, split: str) -> tuple[DataNote, ...]:
        """Return the remarks on the annotations of a split and detections; raises InvalidInput for broken files."""
        if not self.data_format.has_categories:
            return ()
        file = self.read_annotations(split)
        notes = (*file.notes, *self._notes_of(split))
        if self.detections is None or split != self.val_split:
            return notes
        people = detected_people(file, self.detections, self.image_dir(split))
        boxes = [(person.box, file.images[person.image_id].size) for person in people]
        return (*notes, *detection_notes(boxes, self.detections))

    def annotation_file(self, split: str) -> Path:
        """The file that annotates the people of a split."""
        return self.place(split).annotation_file

    def image_dir(self, split: str) -> Path:
        """Return the folder of the images of a split; raises InvalidInput where it or its annotations are missing."""
        return self.place(split).image_dir

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of all splits."""
        return self.layout.names if self.layout else self.data_format.splits

    def validation_people(self) -> list[Person]:
        """The people to score: annotated ones, or those of the detections file.

        What they are scored against is looked at too: a search should not end at its first validation.
        """
        where = self.place(self.val_split)
        if not self.data_format.metric_words:
            self.used_metric.length_points(self.keypoint_set)
        if self.detections is not None:
            return detected_people(self.read_annotations(self.val_split), self.detections, where.image_dir)
        people = self.people(self.val_split, require_images=True)
        self.truth(len(people))
        return people

    def truth(self, people: int) -> MpiiTruth | None:
        """Return what the ``people`` to score are scored against, where the annotations do not hold it."""
        return self.data_format.truth(self.root, self.val_split, people, self.annotations)

    def truth_file(self) -> Path | None:
        """Return the file that people are scored against, where the annotations do not hold the truth."""
        return self.data_format.truth_file(self.root, self.val_split)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; paths as text. Keypoints, metric and layout are left out where they are the format's."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        own = self.keypoint_set != self.data_format.keypoint_set
        values |= {
            "keypoints": to_plain(self.keypoint_set) if own else None,
            "metric": self.metric.to_dict() if self.metric else None,
            "layout": self.layout.to_dict() if self.layout else None,
        }
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in values.items()
            if name not in OWN or value is not None
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataConfig:
        """The inverse of `to_dict`."""
        given = dict(values)
        if given.get("metric") is not None:
            given["metric"] = Metric.of(given["metric"])
        if given.get("layout") is not None:
            given["layout"] = Layout.from_dict(given["layout"])
        return cls(**given)

    def place(self, split: str) -> CocoSplit:
        """Return where a split lies; raises InvalidInput where its file or folder is missing."""
        return self.layout.find(split) if self.layout else self.data_format.find_split(self.root, split)

    def _notes_of(self, split: str) -> tuple[DataNote, ...]:
        """The remarks on the keypoints, once for all splits."""
        return self.keypoint_notes if split == self.train_split else ()

    def _first_file(self) -> Path | None:
        """The annotation file that says what the keypoints are: that to learn from, else that to score, if one is there."""
        if self.layout and self.layout.whole:
            file = self.layout.whole.annotations
            return file if file.is_file() else None
        for split in dict.fromkeys((self.train_split, self.val_split, *self.splits)):
            try:
                return self.place(split).annotation_file
            except InvalidInput:
                continue
        return None


OWN = ("keypoints", "metric", "layout")
"""Fields that only data of a user's own have."""


def check_own(
    known: DataFormat,
    *,
    keypoints: Mapping[str, Any] | None,
    layout: Layout | None,
    metric: Metric | None,
    boxes: str,
) -> None:
    """Raise InvalidInput where a format, or the kind of boxes, cannot have what a user asks for."""
    for field, value in (("keypoints", keypoints), ("places of splits", layout)):
        if value is not None and not known.takes_own:
            raise InvalidInput(f"{field} must not be given in format {known.name}, which has its own")
    if boxes not in known.boxes:
        raise InvalidInput(f"boxes must be {' or '.join(known.boxes)} in format {known.name}, got {boxes}")
    if metric is not None and metric.name not in known.metrics:
        raise InvalidInput(f"metric must be {' or '.join(known.metrics)} in format {known.name}, got {metric.name}")
    if metric is not None and boxes != "gt" and not metric.is_oks:
        raise InvalidInput(f"metric {metric.name} must have annotated boxes (boxes gt), since it is of annotated people")
