"""Photographs that a camera wants to be turned: the pixels as displayed, and files that store them some other way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TAGS = range(1, 9)
TAG = 0x0112
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""The turn by which a camera stores the displayed image, by the tag that it writes: the inverse of a viewer's turn."""
FORMATS: Mapping[str, Mapping[str, object]] = {
    "jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    "progressive": {"format": "JPEG", "quality": 95, "subsampling": 0, "progressive": True},
    "mpo": {"format": "MPO", "quality": 95, "subsampling": 0, "save_all": True},
    "png": {"format": "PNG"},
}
"""Files that are read here, by the arguments of Pillow that write them."""


def stored(image: NDArray[np.uint8], tag: int, name: str = "png", *, order: str = "big") -> bytes:
    """Return a file whose pixels are stored as ``tag`` says, of a BGR image as displayed."""
    picture = Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    turn = STORED[tag]
    turned = picture if turn is None else picture.transpose(turn)
    exif = Image.Exif()
    exif.endian = "<" if order == "little" else ">"
    exif[TAG] = tag
    options = dict(FORMATS[name])
    if options["format"] == "MPO":
        options["append_images"] = [turned.resize((8, 8))]
    buffer = io.BytesIO()
    turned.save(buffer, exif=exif.tobytes(), **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def store(path: Path, tag: int) -> None:
    """Store a PNG or JPEG file again, as a PNG that displays the same pixels, in the same place."""
    picture = np.asarray(Image.open(path).convert("RGB"))
    path.write_bytes(stored(np.ascontiguousarray(picture[:, :, ::-1]), tag))
