"""The data that a trial was trained and scored on, for calibration and for the accuracy of each exported form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.data.config import DataConfig
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import codec_for, validation_set


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyData:
    """Where the data lie, and what the network and its training make of them."""

    config: DataConfig
    arch: Architecture
    train: TrainConfig

    @cached_property
    def validation(self) -> TopDownDataset:
        """The people to score; raises InvalidInput where they cannot be read."""
        return validation_set(self.config, self.arch, self.train)

    @property
    def quantity(self) -> str:
        """The name of the accuracy."""
        return self.config.accuracy

    @property
    def flip_test(self) -> bool:
        """Whether validation averages with the mirrored image."""
        return self.train.flip_test

    @property
    def protocol_words(self) -> str:
        """Describe the data that the accuracy was measured on."""
        flip = "with" if self.flip_test else "without"
        return f"split {self.config.val_split} of {self.config.name}, {flip} flip test"

    def validation_crops(self, count: int) -> Tensor:
        """Crops (B, 3, H, W) of up to ``count`` people, evenly over the validation set."""
        return torch.stack([self.validation[index]["image"] for index in _spread(len(self.validation), count)])

    def training_crops(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Normalised crops (3, H, W) of up to ``count`` people, evenly over the training split, without augmentation.

        Raises:
            InvalidInput: they cannot be read.
        """
        people = self.config.people(self.config.train_split)
        if not people:
            raise InvalidInput(f"the training split of {self.config.root} must have people to calibrate with, got none")
        dataset = TopDownDataset(
            people,
            codec_for(self.arch, self.train),
            keypoint_set=self.config.keypoint_set,
            cache_bytes=0,
            on_orientation=self.config.on_orientation,
            normalisation=self.arch.NORMALISATION,
        )
        for index in _spread(len(dataset), count):
            yield dataset[index]["image"].numpy()


def data_of(checkpoint: Checkpoint, root: Path | None = None) -> StudyData:
    """The data that a checkpoint names, or the same at another place.

    Raises:
        InvalidInput: it names none.
    """
    values: dict[str, Any] = dict(checkpoint.data)
    if root is not None:
        # What was prepared lies where it was; it is found again below the new root.
        values |= {"root": str(root), "prepared": None}
    try:
        config = DataConfig.from_dict(values)
    except TypeError:
        raise InvalidInput("the checkpoint does not say which data it was trained on") from None
    return StudyData(config=config, arch=checkpoint.arch, train=checkpoint.train)


def _spread(length: int, count: int) -> list[int]:
    """Up to ``count`` indices, evenly over a length."""
    taken = min(count, length)
    return [round(step * (length - 1) / max(1, taken - 1)) for step in range(taken)]
