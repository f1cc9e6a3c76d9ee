"""Pictures, videos and networks for tests of predictions."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from search_spaces.training_config import TrainConfig
from tests.analysis.export.networks import SMALL, network_of
from trainers.data.annotations.keypoints import COCO17
from trainers.prediction.network import TrainedNetwork
from trainers.prediction.sources import Source

RATE = 10.0


def pixels(seed: int, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """A smooth picture (height, width, 3), a different one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_picture(path: Path, *, seed: int = 0, size: tuple[int, int] = (48, 64)) -> Path:
    """Write a picture file, of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels(seed, size))
    return path


def write_video(path: Path, *, frames: int = 5, size: tuple[int, int] = (48, 64)) -> Path:
    """Write a real video file of smooth pictures."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (size[1], size[0]))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(pixels(number, size))
    writer.release()
    return path


def picture_source(path: Path, **given: int) -> Source:
    """A picture that is written, as a source."""
    return Source(path=write_picture(path, **given))


def small_network(**fields: object) -> TrainedNetwork:
    """A small network with weights that give heatmaps with peaks."""
    return TrainedNetwork(name="small", arch=SMALL, network=weights(), train=TrainConfig(), keypoint_set=COCO17, **fields)


@cache
def weights() -> nn.Module:
    """The network itself, which is made once."""
    return network_of(SMALL)
