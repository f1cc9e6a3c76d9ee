"""Every image file of a split, decoded once: whether it can be used, and marks by which copies are found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.data_page.reading import ListedImage
from search_spaces.common.errors import InvalidInput
from trainers.data.images.images import decode_image, read_image_file
from trainers.data.images.orientation import APPLY, UPRIGHT, orientation_of

LOOK_SIDE = 16
"""Pixels along each side of the small grey picture that copies are compared by."""
AT_ONCE = 512
"""Images whose results may wait, so that a large data set is never held in memory."""

Progress = Callable[[int, int], None]
"""Told how many images are done, and of how many."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScannedImage:
    """One image file.

    Args:
        path: The file.
        problem: The sentence that says why it cannot be used, or None.
        size: Height and width in pixels as read; None where it cannot be used, as all digests.
        orientation: Its orientation tag.
        file_digest: A digest of the file's bytes.
        pixel_digest: A digest of the decoded pixels.
        look: The picture in (16, 16) grey values.
    """

    path: Path
    problem: str | None = None
    size: tuple[int, int] | None = None
    orientation: int = UPRIGHT
    file_digest: bytes | None = None
    pixel_digest: bytes | None = None
    look: NDArray[np.uint8] | None = None


def scan_images(
    images: Sequence[ListedImage], progress: Progress | None = None, *, on_orientation: str = APPLY
) -> list[ScannedImage]:
    """Decode every image once, several at a time, in their order.

    ``on_orientation`` is the rule of `trainers.data.images.orientation` by which they are read.
    """
    found: list[ScannedImage] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for some in _batches(images, AT_ONCE):
            for image in pool.map(partial(scan_image, on_orientation=on_orientation), some):
                found.append(image)
                if progress:
                    progress(len(found), len(images))
    return found


def scan_image(image: ListedImage, *, on_orientation: str = APPLY) -> ScannedImage:
    """Decode one image as a training does, and note what it shows."""
    try:
        data = read_image_file(image.path)
        pixels = decode_image(data, image.path, size=image.size, on_orientation=on_orientation)
    except InvalidInput as error:
        return ScannedImage(path=image.path, problem=str(error))
    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return ScannedImage(
        path=image.path,
        size=(height, width),
        orientation=orientation_of(data),
        file_digest=hashlib.blake2b(data, digest_size=16).digest(),
        pixel_digest=hashlib.blake2b(
            np.ascontiguousarray(pixels).data, digest_size=16, person=f"{height}x{width}".encode()
        ).digest(),
        look=np.asarray(cv2.resize(grey, (LOOK_SIDE, LOOK_SIDE), interpolation=cv2.INTER_AREA), np.uint8),
    )


def _batches(images: Iterable[ListedImage], size: int) -> Iterable[list[ListedImage]]:
    left = iter(images)
    while some := list(islice(left, size)):
        yield some
