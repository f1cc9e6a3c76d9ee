"""The orientation tag of a photograph: where a camera notes how it was held, and the one rule for what is done about it.

Cameras store pixels as the sensor gives them and note in the file's Exif data (tag 0x0112) how a viewer has to turn them.
Annotation tools show, and annotate, the turned picture. Every reader of images here goes by one of these rules.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainers.data.images.jpeg import Segment, header_segments, is_jpeg
from trainers.data.images.png import Chunk, chunks, is_png

APPLY: Literal["apply"] = "apply"
IGNORE: Literal["ignore"] = "ignore"
STOP: Literal["stop"] = "stop"
ON_ORIENTATION = (APPLY, IGNORE, STOP)
"""Turn the pixels as a viewer does; read them as stored; or refuse an image that is not stored upright."""

UPRIGHT = 1
TURNED_FROM = 5
"""Orientations from here on exchange width and height."""
DESCRIPTIONS = {
    2: "mirrored",
    3: "upside down",
    4: "upside down and mirrored",
    5: "on its side and mirrored",
    6: "on its side",
    7: "on its side and mirrored",
    8: "on its side",
}
"""How the stored pixels look, by the value of the tag."""

_APP1, _EXIF = 0xE1, b"Exif\0\0"
_TAG = 0x0112
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_WIDTHS = {1: 1, 3: 2, 4: 4}
"""Bytes of the whole-number types of a tag: BYTE, SHORT (which the standard asks for) and LONG."""
# Whether columns and rows run backwards, once rows and columns are exchanged where the orientation turns.
_BACKWARDS = {
    1: (False, False),
    2: (True, False),
    3: (True, True),
    4: (False, True),
    5: (False, False),
    6: (True, False),
    7: (True, True),
    8: (False, True),
}


def orientation_of(data: bytes) -> int:
    """Return the orientation tag of a JPEG or PNG file, 1 to 8; 1, upright, without a tag that a viewer would go by."""
    found = (data[part.start : part.end] for part in _exif_parts(data))
    return _tag_of(next(found, b"").removeprefix(_EXIF))


def with_orientation(data: bytes, orientation: int) -> bytes:
    """Return a JPEG file that has no Exif data with an orientation tag in front."""
    entry = struct.pack("<HHIHH", _TAG, 3, 1, orientation, 0)
    exif = _EXIF + struct.pack("<4sIH", b"II*\0", 8, 1) + entry + bytes(4)
    return data[:2] + struct.pack(">BBH", 0xFF, _APP1, len(exif) + 2) + exif + data[2:]


def displayed(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return stored pixels (h, w, 3) as a viewer shows them: (w, h, 3) from orientation 5 on."""
    if orientation == UPRIGHT:
        return pixels
    turned = pixels.swapaxes(0, 1) if orientation >= TURNED_FROM else pixels
    columns, rows = (-1 if backwards else 1 for backwards in _BACKWARDS[orientation])
    return np.ascontiguousarray(turned[::rows, ::columns])


def displayed_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return (height, width) as displayed of a stored (height, width), or the other way round."""
    return (size[1], size[0]) if orientation >= TURNED_FROM else size


def displayed_rectangle(
    rectangle: tuple[int, int, int, int], orientation: int, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return where stored pixels lie in the displayed image of (height, width) ``size``: left, top, right, bottom."""
    left, top, right, bottom = rectangle
    if orientation >= TURNED_FROM:
        left, top, right, bottom = top, left, bottom, right
    return _reflected((left, top, right, bottom), orientation, size)


def stored_rectangle(
    rectangle: tuple[int, int, int, int], orientation: int, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return where pixels of the displayed image of (height, width) ``size`` are stored: the inverse of the above."""
    left, top, right, bottom = _reflected(rectangle, orientation, size)
    return (top, left, bottom, right) if orientation >= TURNED_FROM else (left, top, right, bottom)


def _reflected(rectangle: tuple[int, int, int, int], orientation: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = rectangle
    columns, rows = _BACKWARDS[orientation]
    if columns:
        left, right = size[1] - right, size[1] - left
    if rows:
        top, bottom = size[0] - bottom, size[0] - top
    return left, top, right, bottom


def _exif_parts(data: bytes) -> Iterator[Segment | Chunk]:
    """Yield the parts of a JPEG or PNG file that hold Exif data."""
    if is_jpeg(data):
        return (one for one in header_segments(data) if one.marker == _APP1 and data.startswith(_EXIF, one.start))
    return (chunk for chunk in chunks(data) if chunk.kind == b"eXIf") if is_png(data) else iter(())


def _tag_of(block: bytes) -> int:
    """Return the orientation in a TIFF structure, which Exif data are, from its first directory."""
    order = _ORDERS.get(block[:4])
    if order is None:
        return UPRIGHT
    directory = int.from_bytes(block[4:8], order)
    entries = int.from_bytes(block[directory : directory + 2], order)
    for start in range(directory + 2, min(directory + 2 + 12 * entries, len(block) - 11), 12):
        if int.from_bytes(block[start : start + 2], order) == _TAG:
            width = _WIDTHS.get(int.from_bytes(block[start + 2 : start + 4], order), 0)
            value = int.from_bytes(block[start + 8 : start + 8 + width], order)
            return value if value in _BACKWARDS else UPRIGHT
    return UPRIGHT
