"""The samples of a top-down training: one crop, its target heatmaps and its weights for each person.

Shapes: image (3, H, W), target (K, h, w), weight (K,), index ().
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from search_spaces.errors import InvalidInput
from trainers.data.coco import Person
from trainers.data.heatmap import Codec
from trainers.data.images import read_image
from trainers.data.keypoints import COCO17, KeypointSet
from trainers.data.transforms import (
    Augmentation,
    Crop,
    compose,
    crop_matrix,
    crop_of_box,
    flip_keypoints,
    mirror_crop,
    mirror_matrix,
    normalise,
    vary,
    warp_image,
    warp_points,
)

# Loader workers are the parallelism: threads of OpenCV inside each would fight for the same cores, and a pool of
# threads does not survive the fork that starts a worker. Said at import so that it holds in every process that loads.
cv2.setNumThreads(0)

DEFAULT_CACHE_BYTES = 512 * 2**20


class TopDownDataset(Dataset[dict[str, Tensor]]):
    """One sample for each person; sample i depends on (seed, epoch, i) only, whichever worker loads it.

    ``augmentation`` None gives the plain crop, as evaluation needs. Decoded images are kept in memory, up to
    ``cache_bytes`` in each process that loads (0 keeps none); a full cache keeps what it has, which under a shuffled
    order serves a larger set better than replacing.
    """

    def __init__(
        self,
        people: Sequence[Person],
        codec: Codec,
        *,
        keypoint_set: KeypointSet = COCO17,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        if seed < 0:
            raise InvalidInput(f"seed of a data set must not be negative, got {seed}")
        if cache_bytes < 0:
            raise InvalidInput(f"cache_bytes of a data set must not be negative, got {cache_bytes}")
        self.people = tuple(people)
        self.codec = codec
        self.keypoint_set = keypoint_set
        self.augmentation = augmentation
        self.seed = seed
        # In shared memory: workers that outlive an epoch hold a copy of this object and would never hear of the next.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call, unused-ignore]
        self._cache: dict[Path, NDArray[np.uint8]] = {}
        self._cache_left = cache_bytes

    def set_epoch(self, epoch: int) -> None:
        """Choose the variations of this epoch (0 or more), in running workers too."""
        assert epoch >= 0, epoch
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        """The number of people."""
        return len(self.people)

    def crop(self, index: int) -> Crop:
        """The plain crop around a person's box."""
        return crop_of_box(self.people[index].box, self.codec.input_size)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """``image``, ``target``, ``weight``, ``index``; a person without keypoints has weights of 0.

        Raises InvalidInput for an image that cannot be read or is not of the size its annotation says.
        """
        person = self.people[index]
        keypoints = person.keypoints
        if keypoints is None:
            keypoints = np.zeros((self.keypoint_set.count, 3))
        crop, size = self.crop(index), self.codec.input_size
        if self.augmentation is None:
            matrix = to_input = crop_matrix(crop, size)
        else:
            variation = vary(
                crop,
                keypoints,
                augmentation=self.augmentation,
                keypoint_set=self.keypoint_set,
                input_size=size,
                generator=np.random.default_rng([self.seed, int(self._epoch), index]),
            )
            matrix = to_input = crop_matrix(variation.crop, size)
            if variation.flip:
                # One resampling does both: the image is mirrored on its way, the keypoints before theirs.
                width = person.image_size[1]
                to_input = crop_matrix(mirror_crop(variation.crop, width), size)
                matrix = compose(to_input, mirror_matrix(width))
                keypoints = flip_keypoints(keypoints, width, self.keypoint_set)
        target, weight = self.codec.encode(warp_points(keypoints, to_input))
        image = normalise(warp_image(self._image(person), matrix, size))
        return {
            "image": torch.from_numpy(image),
            "target": torch.from_numpy(target),
            "weight": torch.from_numpy(weight),
            "index": torch.tensor(index),
        }

    def _image(self, person: Person) -> NDArray[np.uint8]:
        image = self._cache.get(person.image_path)
        if image is None:
            image = read_image(person.image_path)
            if image.shape[:2] != person.image_size:
                raise InvalidInput(
                    f"image {person.image_path} must be of the size in its annotation file,"
                    f" {person.image_size[0]} x {person.image_size[1]} (height x width),"
                    f" got {image.shape[0]} x {image.shape[1]}"
                )
            if image.nbytes <= self._cache_left:
                self._cache[person.image_path] = image
                self._cache_left -= image.nbytes
        return image
