"""The section of a search file on its data: the data set, its keypoints, and the protocol of its use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from dite_search.config.sections import Section, absolute, one_of
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import read_mapping
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.config import MOST_WORKERS, DataConfig, check_own
from trainers.data.formats.data_format import FORMATS
from trainers.data.formats.layout import IMAGE, NAMES, Layout
from trainers.data.ranking import Ranking

DATA_PATHS = ("root", "detections", "prepared", "annotations", "images", "split")
"""Fields that hold a path, in which environment variables are filled in."""
PLACE_PATHS = ("annotations", "images")
"""Fields of a split's place that hold a path."""
COCO_TRAIN = {"annotations": "annotations/person_keypoints_train2017.json", "images": "train2017"}
"""The people that are parted where a root alone is given."""
UNDER_ROOT = ("annotations", "images", "split")
"""Fields whose relative paths count from the root, where there is one."""


def unrooted_paths(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the paths of a section as it is written that do not count from its root, each after its field."""
    if data.get("root") is not None:
        return [(name, data.get(name)) for name in DATA_PATHS if name not in UNDER_ROOT]
    places = {name: place for name in NAMES if isinstance(place := data.get(name), dict)}
    inner = [(f"{name}.{part}", place.get(part)) for name, place in places.items() for part in PLACE_PATHS]
    return [*((name, data.get(name)) for name in DATA_PATHS), *inner]


class SyntheticSection(Section):
    """People drawn by code: nothing to download."""

    train_images: int = Field(1200, ge=1, le=1_000_000, description="images to train on, one or two people each")
    val_images: int = Field(150, ge=1, le=1_000_000, description="images to be scored on")
    seed: int = Field(0, ge=0, description="seed of the drawing: the same seed draws the same images")


class PlaceSection(Section):
    """Where one split lies."""

    annotations: str = Field(description="annotation file in COCO's layout; a relative path is one of data.root, if given")
    images: str = Field(description="folder of the images; a relative path is one of data.root, if given")


class DataSection(Section, Ranking):
    """The data set and the protocol of its use."""

    root: Annotated[str, AfterValidator(lambda path: absolute(path))] | None = Field(
        None,
        description="folder in the published layout of the format (COCO: annotations/, train2017/, val2017/; MPII and"
        " CrowdPose: annotations/, images/), or that of the places below."
        " ${NAME} and ${NAME:-default} are environment variables. A relative path"
        " is one of the working directory, and the study keeps it absolute",
    )
    format: Annotated[str, AfterValidator(lambda name: one_of("format", name, tuple(FORMATS)))] = Field(
        "coco",
        description="one of "
        + ", ".join(FORMATS)
        + ". The format gives the keypoints of the networks and the accuracy. Where the file says nothing else, it gives the"
        " papers' input size and hyper-parameters (MPII: 256x256, 260 epochs, no half-body crops)",
    )
    name: str = Field(
        "custom", description="name of the data set in reports; the published figures are of coco_val2017 and mpii_val"
    )
    synthetic: SyntheticSection | None = Field(None, description="draw people instead of reading a data set")
    train_split: str = Field("train", description="split to learn from: train or val; crowdpose has trainval and test too")
    val_split: str = Field("val", description="split to be scored on")
    boxes: Literal["gt", "det"] = Field(
        "gt", description="person boxes of the validation: ground truth or detected; MPII has no detected ones"
    )
    detections: Annotated[str, AfterValidator(lambda path: absolute(path))] | None = Field(
        None, description="COCO detections file, needed when boxes is det"
    )
    workers: int = Field(
        0, ge=0, le=MOST_WORKERS, description="loader processes of each training process; 0 loads in the process"
    )
    prepared: Annotated[str, AfterValidator(lambda path: absolute(path))] | None = Field(
        None,
        description="folder that dite-search prepare wrote, seen by every node; default: one that fits in prepared/ of the"
        " root, where there is one",
    )
    category: Annotated[int | str | None, BeforeValidator(lambda value: _category(value))] = Field(
        None,
        description="category of the people in the annotation files, a name or an id; default: found by its name and its"
        " keypoints. Several candidates are an error that names them",
    )
    on_broken_image: Literal["stop", "skip"] = Field(
        "stop", description="end a training at a broken image, or leave its people out of it; validation always stops"
    )
    on_orientation: Literal["apply", "ignore", "stop"] = Field(
        "apply",
        description="what to do with an image in which a camera noted how it has to be turned (EXIF orientation). Turn it,"
        " as annotation tools show it, read it as it is stored, or refuse it",
    )

    keypoints: dict[str, Any] | None = Field(
        None,
        description="what completes and overrules the keypoints of the annotation files; default: what the files say. Fields"
        " are names, flip_pairs, skeleton, sigmas, upper_body, colours, name, or a YAML file holds them",
    )
    metric: str | dict[str, Any] | None = Field(
        None,
        description="what ranks networks: oks, pck, pckh50, auc, nme or epe; default: oks, and pckh50 of mpii. A mapping"
        " has name, and by (box, torso, head, inter_ocular), points (two names), threshold, pixels",
    )
    train: PlaceSection | None = Field(None, description="place of the people to learn from, where it is not the format's")
    val: PlaceSection | None = Field(None, description="place of the people to be scored on, with the fields of train")
    test: PlaceSection | None = Field(
        None, description="place of people that no training and no search sees, with the fields of train"
    )
    annotations: str | None = Field(None, description="one annotation file of all people, parted by split or val_share")
    images: str | None = Field(None, description="folder of the images of annotations")
    split: str | None = Field(
        None, description="YAML or JSON file that names the images of train, val and test of annotations, by file name or id"
    )
    val_share: float | None = Field(
        None, gt=0, lt=1, description="share of the images of annotations to be scored on, where no split names them"
    )
    group_by: str = Field(
        IMAGE, min_length=1, description="field of images or annotations whose equal values stay in one split of val_share"
    )

    @field_validator("keypoints", mode="before")
    @classmethod
    def _keypoints(cls, value: Any) -> Any:
        """Read a file of keypoints where a path is given; the study keeps what it holds."""
        return read_mapping(Path(value)) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _placed(cls, values: Any) -> Any:
        """Make the paths of places absolute where no root anchors them."""
        if not isinstance(values, dict) or values.get("root") is not None:
            return values
        found = dict(values)
        for name in UNDER_ROOT:
            if isinstance(found.get(name), str):
                found[name] = absolute(found[name])
        for name in NAMES:
            place = found.get(name)
            if isinstance(place, dict):
                found[name] = {k: absolute(v) if k in PLACE_PATHS and isinstance(v, str) else v for k, v in place.items()}
        return found

    @model_validator(mode="after")
    def _one_source(self) -> DataSection:
        layout = self.layout
        if (self.root is None and layout is None) == (self.synthetic is None):
            raise ValueError("data must name exactly one of root and synthetic, or the places of its splits")
        known = self.data_format
        if self.synthetic and not known.takes_own:
            raise ValueError(f"format must be coco where data.synthetic draws the people, got {self.format}")
        check_own(known, keypoints=self.keypoints, layout=layout, metric=self.used_metric, boxes=self.boxes)
        if self.category is not None and not known.has_categories:
            raise ValueError(f"category must not be given in format {known.name}, which has none, got {self.category!r}")
        splits = layout.splits or (NAMES if layout.split_list else NAMES[:2]) if layout else known.splits
        for field in ("train_split", "val_split"):
            if getattr(self, field) not in splits:
                of = "the data" if layout else f"format {self.format}"
                raise ValueError(str(unknown_name(f"{field} of {of}", getattr(self, field), splits)))
        return self

    @property
    def layout(self) -> Layout | None:
        """The places of the splits, where these are not the format's; raises InvalidInput where fields contradict."""
        places = {name: place for name in NAMES if (place := getattr(self, name)) is not None}
        if (self.annotations is None) != (self.images is None):
            raise InvalidInput("data must have annotations and images together, or neither")
        whole: Mapping[str, str | None] | None = None
        if self.annotations:
            whole = {"annotations": self.annotations, "images": self.images}
        if not places and whole is None:
            if self.split is None and self.val_share is None:
                return None
            if self.root is None:
                raise InvalidInput("split and val_share must come with root, or annotations and images, which they part")
            whole = COCO_TRAIN
        return Layout.from_dict(
            {
                "splits": {name: self._anchored(place.model_dump()) for name, place in places.items()},
                "whole": self._anchored(whole) if whole else None,
                "split_list": self._anchored({"split": self.split})["split"] if self.split else None,
                "val_share": self.val_share,
                "group_by": self.group_by,
            }
        )

    @property
    def folder(self) -> Path | None:
        """The root, or the folder around the first images where places of splits stand for a root."""
        if self.root is not None:
            return Path(self.root).absolute()
        layout = self.layout
        if layout is None:
            return None
        place = layout.whole or next(iter(layout.splits.values()))
        return place.images.parent

    @cached_property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints of the data, read from its annotation file unless the section says all of them."""
        folder = self.folder
        if folder is None or not self.data_format.takes_own:
            return self.data_format.keypoint_set
        # Boxes and their files say nothing on the keypoints; a replay has none of a detector.
        return self.model_copy(update={"boxes": "gt", "detections": None}).data_config(folder).keypoint_set

    def data_config(self, root: Path) -> DataConfig:
        """Return the data set that the section describes, below ``root``; raises InvalidInput where fields contradict."""
        return DataConfig(
            root=root,
            format=self.format,
            name="synthetic" if self.synthetic else self.name,
            train_split=self.train_split,
            val_split=self.val_split,
            boxes=self.boxes,
            detections=Path(self.detections) if self.detections else None,
            workers=self.workers,
            prepared=Path(self.prepared) if self.prepared else None,
            on_broken_image=self.on_broken_image,
            on_orientation=self.on_orientation,
            category=self.category,
            keypoints=self.keypoints,
            metric=None if self.metric is None else self.used_metric,
            layout=self.layout,
        )

    def _anchored(self, paths: Mapping[str, str | None]) -> dict[str, str]:
        """Return paths that count from the root, where there is one."""
        base = Path(self.root) if self.root is not None else Path()
        return {name: str((base / path).absolute()) for name, path in paths.items() if path is not None}


def _category(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"category must be the name or the id of a category, got {value!r}")
    return value
