"""Photographs that two splits share: a network that was trained on what it is scored on scores too well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.data_page.scanning import ScannedImage
from analysis.pareto.front import Array

LEAST_CORRELATION = 0.995
MOST_DIFFERENCE = 6.0
"""Grey values of 255 by which two small pictures that look alike may differ on average."""
LEAST_CONTRAST = 4.0
"""Standard deviation in grey values below which a picture looks like any other blank one."""
CHUNK = 4096


class Copy(StrEnum):
    """How much of two images is the same."""

    FILE = "same file"
    PIXELS = "same pixels"
    LOOK = "look alike"


@dataclass(frozen=True, kw_only=True)
class SharedImage:
    """An image of one split that another one holds as well."""

    kind: Copy
    first: Path
    second: Path


def shared_images(first: Sequence[ScannedImage], second: Sequence[ScannedImage]) -> list[SharedImage]:
    """Return, for each image of the second split that the first one holds, the closest of its copies there.

    The same file has the same bytes, whatever its name. The same pixels are found in a copy that was stored anew without
    loss. Two images look alike where their 16 x 16 grey pictures nearly agree. That holds for a JPEG that was stored again,
    and for two frames of one film.
    """
    by_file = {image.file_digest: image.path for image in reversed(first) if image.file_digest}
    by_pixels = {image.pixel_digest: image.path for image in reversed(first) if image.pixel_digest}
    found = []
    others = []
    for image in second:
        if image.file_digest in by_file:
            found.append(SharedImage(kind=Copy.FILE, first=by_file[image.file_digest], second=image.path))
        elif image.pixel_digest in by_pixels:
            found.append(SharedImage(kind=Copy.PIXELS, first=by_pixels[image.pixel_digest], second=image.path))
        else:
            others.append(image)
    return found + _alike(first, others)


def repeated_images(images: Sequence[ScannedImage]) -> int:
    """Count the images whose pixels an earlier image of the same split has."""
    digests = [image.pixel_digest for image in images if image.pixel_digest]
    return len(digests) - len(set(digests))


def _alike(first: Sequence[ScannedImage], second: Sequence[ScannedImage]) -> list[SharedImage]:
    """The pairs of images that look alike, for each of ``second`` the most alike of ``first``."""
    known, ours = _with_contrast(first), _with_contrast(second)
    if not known or not ours:
        return []
    looks, patterns = _looks(known)
    found = []
    for start in range(0, len(ours), CHUNK):
        some = ours[start : start + CHUNK]
        own_looks, own_patterns = _looks(some)
        best = np.full(len(some), -1.0)
        place = np.zeros(len(some), np.int64)
        for begin in range(0, len(known), CHUNK):
            correlation = own_patterns @ patterns[begin : begin + CHUNK].T
            nearest = correlation.argmax(axis=1)
            highest = correlation[np.arange(len(some)), nearest]
            better = highest > best
            best[better], place[better] = highest[better], nearest[better] + begin
        difference = np.abs(own_looks - looks[place]).mean(axis=1)
        for row in np.flatnonzero((best >= LEAST_CORRELATION) & (difference <= MOST_DIFFERENCE)).tolist():
            found.append(SharedImage(kind=Copy.LOOK, first=known[place[row]].path, second=some[row].path))
    return found


def _with_contrast(images: Sequence[ScannedImage]) -> list[ScannedImage]:
    return [image for image in images if image.look is not None and float(image.look.std()) >= LEAST_CONTRAST]


def _looks(images: Sequence[ScannedImage]) -> tuple[NDArray[np.float32], Array]:
    """Grey pictures (N, 256), and the same with mean 0 and length 1, whose products are correlations."""
    looks = np.array([image.look for image in images], np.float32).reshape(len(images), -1)
    centred = looks - looks.mean(axis=1, keepdims=True)
    return looks, centred / np.linalg.norm(centred, axis=1, keepdims=True)
