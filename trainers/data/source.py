"""Which people a training sees and which it is scored on: `DataConfig`, and the data sets made from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput, unknown_name
from search_spaces.hyperparameters import TrainConfig
from trainers.data.coco import CocoSplit, Person, coco_split, load_detections, load_people
from trainers.data.dataset import TopDownDataset
from trainers.data.heatmap import MsraCodec, default_sigma
from trainers.data.keypoints import COCO17, KeypointSet
from trainers.data.transforms import Augmentation

FORMATS = ("coco",)
SPLITS = ("train", "val")
BOXES = ("gt", "det")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """A data set in the original COCO layout under ``root``, and the protocol of its use.

    ``val_split`` may be ``train``, which measures how well a network fits what it saw. With ``boxes`` ``det`` the people of
    the validation come from ``detections``, a COCO detections file. ``workers`` processes load the samples.

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

    def __post_init__(self) -> None:
        for field in ("root", "detections"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, Path(getattr(self, field)).absolute())
        for field, allowed in (("format", FORMATS), ("train_split", SPLITS), ("val_split", SPLITS), ("boxes", BOXES)):
            if getattr(self, field) not in allowed:
                raise unknown_name(field, str(getattr(self, field)), allowed)
        if (self.boxes == "det") != (self.detections is not None):
            raise InvalidInput(f"detections must be given exactly when boxes is det, got boxes {self.boxes}")
        if not 0 <= self.workers <= 256:
            raise InvalidInput(f"workers must be from 0 to 256, got {self.workers}")

    @property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints of the format."""
        return COCO17

    @property
    def accuracy(self) -> str:
        """The name of the figure that ranks networks on this data: ``ap_gt`` or ``ap_det``."""
        return f"ap_{self.boxes}"

    @property
    def annotations(self) -> Path:
        """The annotation file that validation scores against."""
        return self._split(self.val_split).annotation_file

    def people(self, split: str) -> list[Person]:
        """The annotated people of a split."""
        where = self._split(split)
        return load_people(where.annotation_file, where.image_dir, self.keypoint_set)

    def validation_people(self) -> list[Person]:
        """The people to score: annotated ones, or those of the detections file."""
        if self.detections is None:
            return self.people(self.val_split)
        where = self._split(self.val_split)
        return load_detections(self.detections, where.annotation_file, where.image_dir)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; paths as text."""
        values = dataclasses.asdict(self)
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataConfig:
        """The inverse of `to_dict`."""
        return cls(**values)

    def _split(self, split: str) -> CocoSplit:
        return coco_split(self.root, "train" if split == "train" else "val")


def codec_for(arch: ArchConfig, config: TrainConfig) -> MsraCodec:
    """The heatmap codec of a network: the paper's σ unless the hyper-parameters name one."""
    return MsraCodec(
        input_size=arch.input_size,
        heatmap_size=arch.heatmap_size,
        sigma=config.sigma or default_sigma(arch.heatmap_size),
    )


def training_set(data: DataConfig, arch: ArchConfig, config: TrainConfig) -> TopDownDataset:
    """The augmented samples to learn from."""
    _check_keypoints(arch, data)
    augmentation = Augmentation(
        flip=config.flip_probability,
        half_body=config.half_body_probability,
        rotation=config.rotation_degrees,
        scale=config.scale_range,
    )
    return TopDownDataset(
        data.people(data.train_split), codec_for(arch, config), augmentation=augmentation, seed=config.seed
    )


def validation_set(data: DataConfig, arch: ArchConfig, config: TrainConfig) -> TopDownDataset:
    """The plain samples to be scored on."""
    _check_keypoints(arch, data)
    return TopDownDataset(data.validation_people(), codec_for(arch, config))


def _check_keypoints(arch: ArchConfig, data: DataConfig) -> None:
    expected = data.keypoint_set
    if arch.keypoints != expected.count:
        raise InvalidInput(f"keypoints of the network must be {expected.count}, as in {expected.name}, got {arch.keypoints}")
