"""The EXIF orientation of an image file, and its pixels as a viewer shows them.

An export writes it into ``infer.py``, which stands alone there.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def orientation(data: bytes) -> int:
    """How a camera noted that the image has to be turned: the EXIF orientation, 1 to 8; 1 is upright."""
    exif = exif_of(data)
    order: Any = {b"II*\0": "little", b"MM\0*": "big"}.get(exif[:4])
    if order is None:
        return 1

    def number(start: int, width: int) -> int:
        return int.from_bytes(exif[start : start + width], order)

    first = number(4, 4) + 2
    for entry in range(first, min(first + 12 * number(first - 2, 2), len(exif) - 11), 12):
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, {1: 1, 3: 2, 4: 4}.get(number(entry + 2, 2), 0))
            return value if 1 <= value <= 8 else 1
    return 1


def exif_of(data: bytes) -> bytes:
    """The EXIF data of a JPEG, PNG, WebP or TIFF file; empty without any."""
    if is_tiff(data):
        return data
    prefix, at = b"Exif\0\0", 2
    if data.startswith(b"\xff\xd8\xff"):
        while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if data[at + 1] == 0xE1 and data.startswith(prefix, at + 4):
                return data[at + 4 + len(prefix) : end]
            at = at + 1 if data[at + 1] == 0xFF else end
        return b""
    is_png, is_webp = data.startswith(b"\x89PNG\r\n\x1a\n"), data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    at = 8 if is_png else 12
    while (is_png or is_webp) and at + 8 <= len(data):
        one, other = data[at : at + 4], data[at + 4 : at + 8]
        kind, length = (other, int.from_bytes(one, "big")) if is_png else (one, int.from_bytes(other, "little"))
        if kind in (b"eXIf", b"EXIF"):
            return data[at + 8 : at + 8 + length].removeprefix(prefix)
        at += 12 + length if is_png else 8 + length + length % 2
    return b""


def is_tiff(data: bytes) -> bool:
    """Whether the bytes begin as a TIFF file does."""
    return data[:4] in (b"II*\0", b"MM\0*")


def displayed(image: Any, tag: int) -> Any:
    """Stored pixels as a viewer shows them by the EXIF orientation: from 5 on rows are columns, then either may run back."""
    turned = image.swapaxes(0, 1) if tag >= 5 else image
    columns, rows = -1 if tag in (2, 3, 6, 7) else 1, -1 if tag in (3, 4, 7, 8) else 1
    return np.ascontiguousarray(turned[::rows, ::columns])
