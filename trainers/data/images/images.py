"""Reading image files, and refusing the damaged ones that a decoder would accept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.images import jpeg, png
from trainers.data.images.orientation import (
    APPLY,
    DESCRIPTIONS,
    IGNORE,
    STOP,
    UPRIGHT,
    displayed,
    displayed_size,
    orientation_of,
)


def read_image(path: Path, *, size: tuple[int, int] | None = None, on_orientation: str = APPLY) -> NDArray[np.uint8]:
    """Read a JPEG or PNG file as (height, width, 3) BGR of 8 bits.

    Raises InvalidInput as `read_image_file` and `decode_image` do.
    """
    return decode_image(read_image_file(path), path, size=size, on_orientation=on_orientation)


def read_image_file(path: Path) -> bytes:
    """Return the bytes of an image file; raises InvalidInput for one that is missing or unreadable."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"image file not found: {path}") from None
    except OSError as error:
        raise InvalidInput(f"cannot read image {path}: {error.strerror}") from None


def decode_image(
    data: bytes, path: Path, *, size: tuple[int, int] | None = None, on_orientation: str = APPLY
) -> NDArray[np.uint8]:
    """Decode the bytes of a JPEG or PNG file, read from ``path``, to (height, width, 3) BGR of 8 bits.

    Args:
        data: The whole file.
        path: Its name in messages.
        size: The (height, width) that its annotations say, where they do.
        on_orientation: The rule of `trainers.data.images.orientation` for a file whose pixels are not stored upright.

    Raises:
        InvalidInput: the file is neither JPEG nor PNG, cut short, damaged, of another size, or refused for its orientation.
    """
    pixels = decode_stored(data, path)
    orientation = orientation_to_apply(data, path, on_orientation)
    require_size(data, path, size, stored=(pixels.shape[0], pixels.shape[1]), on_orientation=on_orientation)
    return displayed(pixels, orientation)


def decode_stored(data: bytes, path: Path) -> NDArray[np.uint8]:
    """Decode the bytes of a JPEG or PNG file to its pixels as they are stored; raises InvalidInput for a broken file.

    OpenCV decodes a JPEG that was cut short without complaint and leaves the rest grey, so the file's structure is checked
    first.
    """
    if jpeg.is_jpeg(data):
        complete = jpeg.is_complete(data)
    elif png.is_png(data):
        complete = png.is_complete(data)
    else:
        raise InvalidInput(f"image {path} must be a JPEG or PNG file, its {len(data)} bytes begin with {data[:4]!r}")
    if not complete:
        raise InvalidInput(f"image {path} is truncated: its {len(data)} bytes stop before the end of the picture")
    try:
        image = decode(data)
    except cv2.error as error:
        raise InvalidInput(f"image {path} cannot be decoded: {error.err}") from None
    if image is None:
        raise InvalidInput(f"image {path} cannot be decoded: its {len(data)} bytes are damaged")
    return image


def decode(data: bytes | memoryview) -> NDArray[np.uint8] | None:
    """Decode bytes that are known to be whole to (height, width, 3) BGR of 8 bits, as stored.

    Returns None, or raises cv2.error, where they are damaged.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else np.asarray(image, np.uint8)


def orientation_to_apply(data: bytes, path: Path, on_orientation: str) -> int:
    """Return the orientation by which stored pixels are to be turned, 1 for none; raises InvalidInput by the rule stop."""
    if on_orientation == IGNORE:
        return UPRIGHT
    orientation = orientation_of(data)
    if on_orientation == STOP and orientation != UPRIGHT:
        raise InvalidInput(
            f"image {path} must be stored upright where on_orientation is stop, but is stored {DESCRIPTIONS[orientation]}"
            f" (EXIF orientation {orientation}): write it upright, or choose apply, for annotations of the image as it is"
            " displayed, or ignore, for annotations of the stored pixels"
        )
    return orientation


def require_size(
    data: bytes, path: Path, size: tuple[int, int] | None, *, stored: tuple[int, int], on_orientation: str
) -> None:
    """Raise InvalidInput where an image is not of its annotated (height, width); the message names an orientation tag.

    Args:
        data: The whole file.
        path: Its name in messages.
        size: The annotated size, or None where the annotations do not say.
        stored: The size of the pixels as stored.
        on_orientation: The rule by which they are turned.
    """
    orientation = orientation_of(data)
    turned = displayed_size(stored, orientation)
    found, other = (stored, turned) if on_orientation == IGNORE else (turned, stored)
    if size is None or tuple(size) == found:
        return
    message = (
        f"image {path} must be of the size in its annotation file, {size[0]} x {size[1]} (height x width),"
        f" got {found[0]} x {found[1]}"
    )
    if orientation != UPRIGHT:
        tag = f"EXIF orientation {orientation} (stored {DESCRIPTIONS[orientation]})"
        message += f" as stored, its {tag} ignored" if on_orientation == IGNORE else f" with its {tag} applied"
        if tuple(size) == other:
            what, rule = ("as it is displayed", APPLY) if on_orientation == IGNORE else ("as it is stored", IGNORE)
            message += f": the annotations seem to be of the image {what}, which on_orientation {rule} reads"
    raise InvalidInput(message)
