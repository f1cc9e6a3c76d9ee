"""Reading image files, and refusing the damaged ones that a decoder would accept."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from search_spaces.errors import InvalidInput

_JPEG_START = b"\xff\xd8\xff"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
# Inside compressed data FF 00 is an escaped byte, FF D0..D7 a restart and FF FF padding: any other FF xx is a marker.
_MARKER_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a JPEG or PNG file as (height, width, 3) BGR of 8 bits.

    Raises InvalidInput as `read_image_file` and `decode_image` do.
    """
    return decode_image(read_image_file(path), path)


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file; raises InvalidInput for one that is missing or unreadable."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"image file not found: {path}") from None
    except OSError as error:
        raise InvalidInput(f"cannot read image {path}: {error.strerror}") from None


def is_jpeg(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG file does."""
    return data.startswith(_JPEG_START)


def decode_image(data: bytes, path: Path) -> NDArray[np.uint8]:
    """The bytes of a JPEG or PNG file, read from ``path``, as (height, width, 3) BGR of 8 bits.

    The orientation that a camera may have noted in the file is not applied: annotations count stored pixels. Raises
    InvalidInput for a file that is neither JPEG nor PNG, cut short or damaged. OpenCV decodes a JPEG that was cut short
    without complaint and leaves the rest grey, so the file's structure is checked first.
    """
    if is_jpeg(data):
        complete = _jpeg_is_complete(data)
    elif data.startswith(_PNG_START):
        complete = _png_is_complete(data)
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
    """Bytes that are known to be whole as (height, width, 3) BGR of 8 bits; None or cv2.error where they are damaged."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else np.asarray(image, np.uint8)


def _jpeg_is_complete(data: bytes) -> bool:
    """Whether the end-of-image marker of the picture itself is there (ITU-T T.81, annex B).

    Walks the segments, since a thumbnail inside one of them ends with the same two bytes.
    """
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return False
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _START_OF_SCAN:
            found = _MARKER_AFTER_SCAN.search(data, position)
            if found is None:
                return False
            position = found.start()
            if data[position + 1] == _END_OF_IMAGE:
                return True
    return False


def _png_is_complete(data: bytes) -> bool:
    """Whether every chunk up to the closing IEND is there in full (ISO/IEC 15948, section 5.3)."""
    position = len(_PNG_START)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + length
    return False
