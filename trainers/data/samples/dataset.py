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

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import IMAGENET, Normalisation
from trainers.data.annotations.keypoints import COCO17, KeypointSet
from trainers.data.codecs import Codec
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation, Variation, vary
from trainers.data.geometry.transforms import (
    Crop,
    Matrix,
    compose,
    crop_of_box,
    flip_keypoints,
    mirror_crop,
    mirror_matrix,
    normalise,
    warp_image,
    warp_points,
)
from trainers.data.images.images import read_image
from trainers.data.images.orientation import APPLY
from trainers.data.prepared.prepared_set import PreparedPictures
from trainers.data.prepared.regions import Region, needed_by, shown
from trainers.data.samples.photometric import Photometric

# Loader workers are the parallelism: threads of OpenCV inside each would fight for the same cores, and a pool of
# threads does not survive the fork that starts a worker. Said at import so that it holds in every process that loads.
cv2.setNumThreads(0)

DEFAULT_CACHE_BYTES = 512 * 2**20


class TopDownDataset(Dataset[dict[str, Tensor]]):
    """One sample for each person; sample i depends on (seed, epoch, i) only, whichever worker loads it.

    A full cache keeps its images, which under a shuffled order serves a larger set better than replacing.

    Args:
        people: The people.
        codec: Turns keypoints into heatmaps.
        keypoint_set: The keypoints.
        augmentation: The variation of the samples; None gives the plain crop, as evaluation needs.
        photometric: Changes of colour, which may join an augmentation.
        seed: The seed of the variation.
        cache_bytes: Bytes of decoded images that each loading process keeps in memory; 0 keeps none.
        prepared: Pictures of the same people, read in place of the images; they give the same samples.
        on_orientation: A rule of `trainers.data.images.orientation`.
        normalisation: The mean and the divisor of the colours.
        raw: Whether the last steps of each sample are left to the device of the network, see
            `trainers.data.samples.device_batches`.
    """

    def __init__(
        self,
        people: Sequence[Person],
        codec: Codec,
        *,
        keypoint_set: KeypointSet = COCO17,
        augmentation: Augmentation | None = None,
        photometric: Photometric | None = None,
        seed: int = 0,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        prepared: PreparedPictures | None = None,
        on_orientation: str = APPLY,
        normalisation: Normalisation = IMAGENET,
        raw: bool = False,
    ) -> None:
        if seed < 0:
            raise InvalidInput(f"seed of a data set must not be negative, got {seed}")
        if cache_bytes < 0:
            raise InvalidInput(f"cache_bytes of a data set must not be negative, got {cache_bytes}")
        assert photometric is None or augmentation is not None, "only augmented samples change their looks"
        self.people = tuple(people)
        self.codec = codec
        self.keypoint_set = keypoint_set
        self.augmentation = augmentation
        self.photometric = photometric
        self.seed = seed
        # In shared memory: workers that outlive an epoch hold a copy of this object and would never hear of the next.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call, unused-ignore]
        self.prepared = prepared
        self.on_orientation = on_orientation
        self.normalisation = normalisation
        self.raw = raw
        self._cache: dict[Path | int, NDArray[np.uint8]] = {}
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

    def variation(self, index: int) -> Variation | None:
        """Draw the variation of a sample in this epoch; None where samples are plain."""
        return self._variation(index, self.augmentation, self._generator(index)) if self.augmentation else None

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """``image``, ``target``, ``weight``, ``index``; a person without keypoints has weights of 0.

        A raw sample has ``pixels`` (H, W, 3), BGR of 8 bits, in place of the image. In place of the target it has its
        profiles ``across`` (K, w) and ``down`` (K, h).

        Raises InvalidInput for an image that cannot be read or is not of the size its annotation says.
        """
        person = self.people[index]
        keypoints, crop, size = self._keypoints(person), self.crop(index), self.codec.input_size
        generator = None
        if self.augmentation is None:
            matrix = to_input = self.codec.crop_matrix(crop)
        else:
            generator = self._generator(index)
            variation = self._variation(index, self.augmentation, generator)
            matrix = to_input = self.codec.crop_matrix(variation.crop)
            if variation.flip:
                # One resampling does both: the image is mirrored on its way, the keypoints before theirs.
                width = self._image_width(index)
                to_input = self.codec.crop_matrix(mirror_crop(variation.crop, width))
                matrix = compose(to_input, mirror_matrix(width))
                keypoints = flip_keypoints(keypoints, width, self.keypoint_set)
        placed = warp_points(keypoints, to_input)
        picture, matrix = self._picture(index, matrix)
        image = warp_image(picture, matrix, size)
        if self.photometric and generator:
            image = self.photometric(image, generator)
        if self.raw:
            across, down, weight = self.codec.encode_profiles(placed)
            sample = {"pixels": image, "across": across, "down": down, "weight": weight}
        else:
            target, weight = self.codec.encode(placed)
            sample = {"image": normalise(image, self.normalisation), "target": target, "weight": weight}
        return {name: torch.from_numpy(value) for name, value in sample.items()} | {"index": torch.tensor(index)}

    def _keypoints(self, person: Person) -> NDArray[np.float64]:
        return np.zeros((self.keypoint_set.count, 3)) if person.keypoints is None else person.keypoints

    def _generator(self, index: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, int(self._epoch), index])

    def _variation(self, index: int, augmentation: Augmentation, generator: np.random.Generator) -> Variation:
        return vary(
            self.crop(index),
            self._keypoints(self.people[index]),
            augmentation=augmentation,
            keypoint_set=self.keypoint_set,
            input_size=self.codec.input_size,
            generator=generator,
        )

    def _image_width(self, index: int) -> int:
        """Pixels across the image of a person, which is decoded only where nothing else says."""
        prepared = self.prepared.image_size(index) if self.prepared else None
        size = prepared or self.people[index].image_size
        return size[1] if size else self.image(self.people[index]).shape[1]

    def _picture(self, index: int, matrix: Matrix) -> tuple[NDArray[np.uint8], Matrix]:
        """Pixels to read a person's input from, and the matrix from them to the input, given that from the image.

        The prepared region where it holds all that is shown, else the image: stronger variations than those prepared for
        cost time, never pixels.
        """
        needed = needed_by(matrix, self.codec.input_size)
        region = self.prepared.region(index, needed) if self.prepared else None
        image_size = self.prepared.image_size(index) if self.prepared else None
        if self.prepared and region and image_size:
            picture = self._cache.get(index)
            if picture is None:
                picture = self._kept(index, self.prepared.read(index))
        else:
            picture = self.image(self.people[index])
            image_size = (picture.shape[0], picture.shape[1])
            region = Region(left=0, top=0, width=image_size[1], height=image_size[0])
        return shown(picture, region, needed, matrix, image_size)

    def _kept(self, key: Path | int, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture, kept in memory where there is room."""
        if picture.nbytes <= self._cache_left:
            self._cache[key] = picture
            self._cache_left -= picture.nbytes
        return picture

    def image(self, person: Person) -> NDArray[np.uint8]:
        """Return the photograph of a person as (height, width, 3) BGR; raises InvalidInput as `read_image` does."""
        image = self._cache.get(person.image_path)
        if image is None:
            image = read_image(person.image_path, size=person.image_size, on_orientation=self.on_orientation)
            self._kept(person.image_path, image)
        return image
