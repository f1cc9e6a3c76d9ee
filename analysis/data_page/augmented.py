"""People as a network gets them: crops of its input size, varied as in training, with the targets to be learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.errors.drawing import HEIGHT, Picture, draw_targets, encoded
from analysis.report.elements.people import Shown
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.codecs import Codec
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation, Variation
from trainers.data.geometry.transforms import IMAGENET_MEAN, IMAGENET_STD, Crop
from trainers.data.images.orientation import APPLY
from trainers.data.samples.dataset import TopDownDataset

EPOCHS = 40
"""Epochs that are looked through for each kind of variation: a half body is drawn in three of ten samples."""
TURNED_DEGREES = 5.0
"""Degrees from which a variation is called turned."""


def inputs_of(
    people: Sequence[Person],
    codec: Codec,
    *,
    keypoint_set: KeypointSet,
    augmentation: Augmentation | None,
    seed: int,
    on_orientation: str = APPLY,
) -> list[list[Shown]]:
    """Draw for each person the plain input and, with an augmentation, one mirrored, one turned and one of half a body.

    Each is a sample that a training with this seed draws; a kind that is not drawn within `EPOCHS` epochs is left out.
    """
    made = partial(TopDownDataset, people, codec, keypoint_set=keypoint_set, cache_bytes=0, on_orientation=on_orientation)
    plain = made()
    found = [[_shown(plain, index, "plain")] for index in range(len(people))]
    if augmentation is None:
        return found
    varied = made(augmentation=augmentation, seed=seed)
    for index in range(len(people)):
        for kind in _KINDS:
            epoch = _first_epoch(varied, index, kind)
            if epoch is not None:
                varied.set_epoch(epoch)
                found[index].append(_shown(varied, index, _words(varied.variation(index), plain.crop(index))))
    return found


def input_picture(image: NDArray[np.float32]) -> Picture:
    """Turn a normalised input (3, H, W) back into a picture."""
    rgb = image.transpose(1, 2, 0) * np.array(IMAGENET_STD) + np.array(IMAGENET_MEAN)
    return np.ascontiguousarray(np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)[..., ::-1])


def is_half_body(variation: Variation, plain: Crop) -> bool:
    """Whether a variation shows half a body: scale and rotation alone keep the centre of the crop."""
    return variation.crop.center != plain.center


_KINDS: tuple[Callable[[Variation, Crop], bool], ...] = (
    lambda variation, plain: variation.flip and not is_half_body(variation, plain),
    lambda variation, plain: (
        abs(variation.crop.rotation) >= TURNED_DEGREES and not variation.flip and not is_half_body(variation, plain)
    ),
    is_half_body,
)


def _first_epoch(dataset: TopDownDataset, index: int, kind: Callable[[Variation, Crop], bool]) -> int | None:
    plain = dataset.crop(index)
    for epoch in range(EPOCHS):
        dataset.set_epoch(epoch)
        variation = dataset.variation(index)
        if variation is not None and kind(variation, plain):
            return epoch
    return None


def _words(variation: Variation | None, plain: Crop) -> str:
    assert variation is not None
    words = ["mirrored"] * variation.flip + ["half body"] * is_half_body(variation, plain)
    if round(variation.crop.rotation):
        words.append(f"turned {round(variation.crop.rotation)}°".replace("-", "−"))
    if not is_half_body(variation, plain):
        words.append(f"scale {plain.size[0] / variation.crop.size[0]:.2f}")
    return ", ".join(words)


def _shown(dataset: TopDownDataset, index: int, words: str) -> Shown:
    sample = dataset[index]
    picture = input_picture(sample["image"].numpy())
    height, width = picture.shape[:2]
    if height > HEIGHT:
        size = (max(1, round(width * HEIGHT / height)), HEIGHT)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = draw_targets(picture, sample["target"].numpy(), dataset.keypoint_set)
    return Shown(webp=encoded(drawn), caption=words, alt=f"The network's input, {words}, with its targets over it.")
