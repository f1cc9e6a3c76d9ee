"""Pictures and keypoints move together: a dot drawn at a keypoint is found where the data set says the keypoint went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from search_spaces.training_config import CODECS
from trainers.data.annotations.keypoints import COCO17
from trainers.data.codecs import make_codec
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.geometry.transforms import IMAGENET_MEAN, IMAGENET_STD
from trainers.data.samples.dataset import TopDownDataset

SIZE = (128, 96)
OFF = Augmentation(flip=0, half_body=0, rotate=0, scale=0)
AUGMENTATIONS = {
    "none": OFF,
    "flip": Augmentation(flip=1, half_body=0, rotate=0, scale=0),
    "rotation": Augmentation(flip=0, half_body=0, rotate=1, scale=0),
    "scale": Augmentation(flip=0, half_body=0, rotate=0, scale=0.25),
    "half-body": Augmentation(flip=0, half_body=1, rotate=0, scale=0),
    "together": Augmentation(flip=0.5, half_body=0.5, rotate=1, rotation=30, scale=0.25),
    "published": Augmentation(),
}
# Upright, facing the camera: the person's own left is on the right of the picture. Whole pixels, far enough apart for dots.
POSE = np.array(
    [
        *((123, 61), (131, 50), (113, 52), (139, 54), (102, 54), (150, 92), (90, 95), (166, 126), (74, 131)),
        *((172, 160), (70, 168), (138, 170), (102, 171), (142, 216), (99, 213), (146, 262), (96, 258)),
    ],
    np.float64,
)


class Listening:
    """A codec that keeps what it was last asked to encode: the keypoints in pixels of the input, after every change."""

    def __init__(self, name: str) -> None:
        self._codec = make_codec(name, input_size=SIZE, heatmap_size=(32, 24))
        self.heard = np.empty((0, 3))
        self.input_size, self.heatmap_size = self._codec.input_size, self._codec.heatmap_size
        self.flip_shift, self.decode, self.crop_matrix = self._codec.flip_shift, self._codec.decode, self._codec.crop_matrix

    def encode(self, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.heard = keypoints
        return self._codec.encode(keypoints)


@pytest.fixture(scope="module")
def person_with_dot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Person]:
    """A person of 17 keypoints, in a black picture with one white dot, at the keypoint of that index."""
    folder = tmp_path_factory.mktemp("dots")
    for index, (x, y) in enumerate(POSE.astype(int).tolist()):
        image = np.zeros((320, 240, 3), np.uint8)
        cv2.circle(image, (x, y), 4, (255, 255, 255), cv2.FILLED)
        assert cv2.imwrite(str(folder / f"{index}.png"), image)

    def person(index: int) -> Person:
        keypoints = np.column_stack([POSE, np.full(17, 2)])
        path = Path(folder / f"{index}.png")
        return Person(
            image_path=path, image_id=1, image_size=(320, 240), box=(60, 40, 121, 232), area=1e4, keypoints=keypoints
        )

    return person


def center_of_light(image: Tensor) -> np.ndarray:
    """(x, y) of the mean of the brightness of a normalised (3, H, W) image."""
    light = (image.numpy() * np.array(IMAGENET_STD)[:, None, None] + np.array(IMAGENET_MEAN)[:, None, None]).mean(0)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@pytest.mark.parametrize("codec_name", CODECS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, 16))
def test_the_dot_lies_where_its_keypoint_went(
    person_with_dot: Callable[[int], Person], codec_name: str, augmentation: Augmentation, seed: int, index: int
) -> None:
    codec = Listening(codec_name)
    item = TopDownDataset([person_with_dot(index)], codec, augmentation=augmentation, seed=seed)[0]
    places = codec.heard[:, :2]
    candidates = {index, COCO17.flip_permutation[index]}
    if augmentation.flip in (0, 1):
        candidates = {COCO17.flip_permutation[index] if augmentation.flip else index}
    inside = [k for k in candidates if (places[k] > 8).all() and (places[k] < np.array(SIZE)[::-1] - 9).all()]
    assume(len(inside) == len(candidates))
    found = center_of_light(item["image"])
    nearest = min(candidates, key=lambda k: float(np.abs(places[k] - found).max()))
    np.testing.assert_allclose(found, places[nearest], atol=0.5)
    # And the target says the same, to the error of the codec: half a cell of 4 pixels is the coarsest.
    located, _ = codec.decode(item["target"].numpy()[None])
    np.testing.assert_allclose(located[0, nearest], found, atol=2.6)
    assert item["weight"][nearest] == 1


def before_and_after(person: Person, augmentation: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The keypoints (17, 2) in the input without and with an augmentation, under the codec that mirrors exactly."""
    heard = []
    for name in ("none", augmentation):
        codec = Listening("udp")
        TopDownDataset([person], codec, augmentation=AUGMENTATIONS[name], seed=seed)[0]
        heard.append(codec.heard[:, :2])
    return heard[0], heard[1]


def test_flip_mirrors_and_exchanges_left_and_right(person_with_dot: Callable[[int], Person]) -> None:
    before, after = before_and_after(person_with_dot(0), "flip", 0)
    expected = before[list(COCO17.flip_permutation)] * (-1, 1) + (SIZE[1] - 1, 0)
    np.testing.assert_allclose(after, expected, atol=1e-6)
    assert after[5, 0] > after[6, 0], "a mirrored person still has its left shoulder on the right of the picture"


@given(seed=st.integers(0, 2**32 - 1))
def test_rotation_turns_about_the_middle_by_thirty_degrees_at_most(
    person_with_dot: Callable[[int], Person], seed: int
) -> None:
    before, after = before_and_after(person_with_dot(0), "rotation", seed)
    middle = (np.array(SIZE[::-1]) - 1) / 2
    first, second = (before - middle) @ (1, 1j), (after - middle) @ (1, 1j)
    # The two scales of the unbiased crop differ by a third of a percent at this size.
    np.testing.assert_allclose(np.abs(second), np.abs(first), rtol=5e-3)
    angles = np.degrees(np.angle(second / first))
    assert np.abs(angles).max() <= 30.2
    assert np.ptp(angles) < 0.4


@given(seed=st.integers(0, 2**32 - 1))
def test_scale_is_one_factor_about_the_middle(person_with_dot: Callable[[int], Person], seed: int) -> None:
    before, after = before_and_after(person_with_dot(0), "scale", seed)
    middle = (np.array(SIZE[::-1]) - 1) / 2
    factors = (after - middle) / (before - middle)
    np.testing.assert_allclose(factors, factors[0, 0], rtol=1e-6)
    assert 1 / 1.25 - 1e-6 <= factors[0, 0] <= 1 / 0.75 + 1e-6


@given(seed=st.integers(0, 2**32 - 1))
def test_half_body_shows_one_half_larger(person_with_dot: Callable[[int], Person], seed: int) -> None:
    before, after = before_and_after(person_with_dot(0), "half-body", seed)
    inside = (after >= 0).all(axis=1) & (after <= (SIZE[1] - 1, SIZE[0] - 1)).all(axis=1)
    assert inside[list(COCO17.upper_body)].all() or inside[list(COCO17.lower_body)].all()
    factor = np.ptp(after[:, 1]) / np.ptp(before[:, 1])
    assert factor > 1
    np.testing.assert_allclose(np.ptp(after[:, 0]) / np.ptp(before[:, 0]), factor, rtol=1e-6)


def test_udp_mirrors_samples_exactly(person_with_dot: Callable[[int], Person]) -> None:
    """The mirrored sample is the mirror image of the plain one, keypoints, picture and target alike."""
    plain, mirrored = (
        TopDownDataset(
            [person_with_dot(9)], make_codec("udp", input_size=SIZE, heatmap_size=(32, 24)), augmentation=AUGMENTATIONS[name]
        )[0]
        for name in ("none", "flip")
    )
    difference = mirrored["image"].flip(2) - plain["image"]
    assert difference.abs().mean() < 0.01
    back = mirrored["target"][list(COCO17.flip_permutation)].flip(2)
    np.testing.assert_allclose(back.numpy(), plain["target"].numpy(), atol=1e-5)
