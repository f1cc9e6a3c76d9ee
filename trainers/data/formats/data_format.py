"""The annotation formats that data sets come in, and what follows from each: keypoints, splits, truth, scores, protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16, KeypointSet
from trainers.data.annotations.notes import DataNote
from trainers.data.formats.coco import CocoSplit, Person, annotated_people, coco_split
from trainers.data.formats.coco_file import CocoFile, parse_coco
from trainers.data.formats.crowdpose import crowdpose_split, parse_crowdpose
from trainers.data.formats.json_file import read_json
from trainers.data.formats.mpii import load_mpii_people, mpii_split, mpii_truth_file
from trainers.data.formats.mpii_truth import MpiiTruth, read_mpii_truth
from trainers.data.keypoint_sets.metric import METRICS, OKS, PCKH50, Metric


@dataclass(frozen=True, kw_only=True)
class DataFormat:
    """One format, in COCO's layout of categories, images and annotations unless a subclass says otherwise.

    Args:
        name: The name in search files and on the command line.
        keypoint_set: The keypoints of the format.
        splits: The names of its splits.
        boxes: The kinds of person boxes that its people are scored in.
        metrics: The metrics that rank networks on it, its default first.
        input_size: The (height, width) of the papers' networks on this data, where it is not COCO's.
        training: The hyper-parameters of the published protocol that are not COCO's, where a user names no others.
        find_split: Finds the annotation file and the images of a split below the folder of the data.
        has_categories: Whether annotations are of categories, one of which is people's.
        has_oks: Whether people are scored, and errors classed, by object keypoint similarity.
        takes_own: Whether keypoints and layouts of a user's own are read.
        scoring: The name of the scorer in `trainers.evaluation.scoring`.
        metric_words: All that makes two values of the metric comparable, where the format has a protocol of its own.
    """

    name: str
    keypoint_set: KeypointSet
    splits: tuple[str, ...] = ("train", "val")
    boxes: tuple[str, ...] = ("gt", "det")
    metrics: tuple[str, ...] = (OKS,)
    input_size: tuple[int, int] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    find_split: Callable[[Path, str], CocoSplit] = coco_split
    has_categories: bool = True
    has_oks: bool = True
    takes_own: bool = False
    scoring: str = "coco"
    metric_words: str = ""

    @property
    def metric(self) -> Metric:
        """The metric that ranks networks unless a user names another."""
        return Metric(name=self.metrics[0])

    def read_document(
        self, document: Any, annotation_file: Path, keypoint_set: KeypointSet, category: str | int | None
    ) -> CocoFile:
        """Check a document that was read from an annotation file.

        Raises:
            InvalidInput: it breaks a rule; the message names the file, the entry and the rule.
        """
        return parse_coco(document, annotation_file, keypoint_set, category=category)

    def read_file(self, place: CocoSplit, keypoint_set: KeypointSet, *, category: str | int | None = None) -> CocoFile:
        """Return the checked annotations of a split."""
        document = read_json(place.annotation_file)
        part = place.part(document) if place.part else document
        return self.read_document(part, place.annotation_file, keypoint_set, category)

    def read_people(
        self, place: CocoSplit, keypoint_set: KeypointSet, *, category: str | int | None, require_images: bool
    ) -> tuple[list[Person], tuple[DataNote, ...]]:
        """Return the annotated people of a split, with the remarks on its file."""
        file = self.read_file(place, keypoint_set, category=category)
        return annotated_people(file, place.image_dir, require_images=require_images), file.notes

    def truth_file(self, root: Path, split: str) -> Path | None:
        """Return the file that people are scored against, where the annotations do not hold the truth."""
        return None

    def truth(self, root: Path, split: str, people: int, annotation_file: Path) -> MpiiTruth | None:
        """Return what people are scored against where the annotations do not hold it, a row for each person.

        Raises:
            InvalidInput: the truth is missing, broken, or of another number of people.
        """
        return None


class CrowdPoseFormat(DataFormat):
    """COCO's layout, with an area of each person that follows from the box."""

    def read_document(
        self, document: Any, annotation_file: Path, keypoint_set: KeypointSet, category: str | int | None
    ) -> CocoFile:
        """Check a document that was read from an annotation file."""
        return parse_crowdpose(document, annotation_file, category=category).coco


class MpiiFormat(DataFormat):
    """A list of people, who are scored against a MATLAB file."""

    def read_file(self, place: CocoSplit, keypoint_set: KeypointSet, *, category: str | int | None = None) -> CocoFile:
        """Refuse: the files have no categories, images and annotations."""
        raise AssertionError(f"format {self.name} has no annotations in COCO's form")

    def read_people(
        self, place: CocoSplit, keypoint_set: KeypointSet, *, category: str | int | None, require_images: bool
    ) -> tuple[list[Person], tuple[DataNote, ...]]:
        """Return everybody in the file; there are no remarks."""
        return load_mpii_people(place.annotation_file, place.image_dir, require_images=require_images), ()

    def truth_file(self, root: Path, split: str) -> Path | None:
        """Return the MATLAB file that PCKh is computed from."""
        return mpii_truth_file(root, split)

    def truth(self, root: Path, split: str, people: int, annotation_file: Path) -> MpiiTruth | None:
        """Return what PCKh is computed from, a row for each of the ``people`` of the annotation file."""
        file = mpii_truth_file(root, split)
        truth = read_mpii_truth(file)
        if len(truth) != people:
            raise InvalidInput(f"{file} must be of the {people} people of {annotation_file}, got {len(truth)}")
        return truth


COCO = DataFormat(name="coco", keypoint_set=COCO17, metrics=METRICS, takes_own=True)

# DOI 10.24963/ijcai.2022/153: 260 epochs with the steps of COCO's 270, and no half-body crops. MPII has no detected boxes.
MPII = MpiiFormat(
    name="mpii",
    keypoint_set=MPII16,
    boxes=("gt",),
    metrics=(PCKH50,),
    input_size=(256, 256),
    training={"epochs": 260, "milestones": (170 / 260, 200 / 260), "half_body_probability": 0.0},
    find_split=mpii_split,
    has_categories=False,
    has_oks=False,
    scoring="mpii",
    metric_words="joints within half the head's length, from the published head boxes",
)

CROWDPOSE = CrowdPoseFormat(
    name="crowdpose",
    keypoint_set=CROWDPOSE14,
    splits=("train", "val", "trainval", "test"),
    find_split=crowdpose_split,
    scoring="crowdpose",
)

TEST_DEV = "test-dev"
"""COCO's split whose annotations are not public: it can be predicted, and neither learned nor scored here."""

FORMATS: dict[str, DataFormat] = {known.name: known for known in (COCO, MPII, CROWDPOSE)}

SPLITS = tuple(dict.fromkeys(split for known in FORMATS.values() for split in known.splits))
"""Every split that some format has."""

ACCURACIES = tuple(
    dict.fromkeys(
        Metric(name=metric).objective(kind) for known in FORMATS.values() for metric in known.metrics for kind in known.boxes
    )
)
"""Every figure that ranks networks on some format."""
