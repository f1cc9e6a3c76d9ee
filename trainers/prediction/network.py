"""A trained network with all that its keypoints need: how heatmaps are read, and what the keypoints are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.data_format import FORMATS
from trainers.data.images.orientation import APPLY


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedNetwork:
    """A network that can be used.

    Args:
        name: The name by which a user called it.
        arch: The architecture.
        network: The network in evaluation mode: images (B, 3, H, W) to heatmaps (B, K, h, w).
        train: The recipe of its training, whose codec and sigma say how heatmaps are read.
        keypoint_set: The K keypoints.
        data: The data of its training as plain values, as far as they are known: keypoints, metric, on_orientation.
    """

    name: str
    arch: Architecture
    network: nn.Module
    train: TrainConfig
    keypoint_set: KeypointSet
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def on_orientation(self) -> str:
        """The rule of `trainers.data.images.orientation` by which the images of its training were read."""
        return str(self.data.get("on_orientation", APPLY))


def keypoints_of_network(count: int) -> KeypointSet:
    """Return keypoints of a network that does not name them: those of the format with as many, or numbered ones.

    Numbered keypoints have no sides, so that nothing is mirrored, and no limbs.
    """
    known = next((known.keypoint_set for known in FORMATS.values() if known.keypoint_set.count == count), None)
    return known or KeypointSet(
        name=f"{count} keypoints",
        names=tuple(f"keypoint_{index}" for index in range(count)),
        flip_pairs=(),
        upper_body=(),
        limbs=(),
        oks_sigmas=(),
        mirrors=False,
    )
