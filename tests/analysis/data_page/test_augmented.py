"""People as a network gets them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from analysis.data_page.augmented import input_picture, inputs_of
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.geometry.transforms import normalise
from trainers.data.samples.datasets import augmentation_of, codec_for

ARCH = ArchConfig(input_size=(128, 96))


def kinds(people: Path, augmentation: Augmentation | None) -> list[list[str]]:
    chosen = DataConfig(root=people).people("train")[:4]
    codec = codec_for(ARCH, TrainConfig())
    found = inputs_of(chosen, codec, keypoint_set=COCO17, augmentation=augmentation, seed=0)
    for row in found:
        for shown in row:
            picture = cv2.imdecode(np.frombuffer(shown.webp, np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape == (128, 96, 3)
            assert shown.caption in shown.alt
    return [[shown.caption for shown in row] for row in found]


def test_people_to_learn_from_are_mirrored_turned_and_halved(people: Path) -> None:
    for words in kinds(people, augmentation_of(TrainConfig(), COCO17)):
        plain, mirrored, turned, half = words
        assert plain == "plain"
        assert mirrored.startswith("mirrored")
        assert "half body" not in mirrored
        assert turned.startswith("turned")
        assert "half body" in half


def test_what_a_recipe_does_not_draw_is_not_shown(people: Path) -> None:
    still = Augmentation(flip=0.0, half_body=0.0, rotate=0.0)
    assert kinds(people, still) == [["plain"]] * 4
    assert kinds(people, None) == [["plain"]] * 4


def test_an_input_becomes_the_picture_it_was() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 24, 3)).astype(np.uint8)
    assert (input_picture(normalise(picture)) == picture).all()
