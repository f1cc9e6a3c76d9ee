"""Cutting regions out of photographs without changing their pixels.

A JPEG file is cut between its blocks, and the coefficients inside are written again as they are (ITU-T T.81). Decoding the
part therefore gives the pixels of the whole, at the size of a JPEG and not of a lossless format. A part of an image that is
turned by its orientation tag keeps its blocks as they are stored, and gets the tag. Every part is decoded again and
compared, and what does not agree, or cannot be cut so, is stored as PNG.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainers.data.images.images import decode, decode_stored, orientation_to_apply, require_size
from trainers.data.images.jpeg import frame_of, is_jpeg
from trainers.data.images.orientation import (
    APPLY,
    UPRIGHT,
    displayed,
    displayed_rectangle,
    orientation_of,
    stored_rectangle,
    with_orientation,
)
from trainers.data.prepared.regions import MARGIN, Rectangle, Region, clipped

BLOCK = 8
"""Pixels along a side of a JPEG block, times the sampling factors in a unit of several components."""

_REDUCED_QUALITY = 95
# What the coefficient library reads and writes. It ends the whole process at a file that it does not take: baseline,
# extended and progressive frames, all with Huffman codes (T.81, table B.1), of 8 bits, grey or in three components.
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
_PRECISION, _COMPONENTS = 8, (1, 3)


class Photograph:
    """A decoded image file from which regions are cut.

    Arguments as of `decode_image`, which says what raises InvalidInput.
    """

    def __init__(self, data: bytes, path: Path, *, size: tuple[int, int] | None = None, on_orientation: str = APPLY) -> None:
        stored = decode_stored(data, path)
        self._stored_size = stored.shape[0], stored.shape[1]
        self._orientation = orientation_to_apply(data, path, on_orientation)
        require_size(data, path, size, stored=self._stored_size, on_orientation=on_orientation)
        self.pixels = displayed(stored, self._orientation)
        self._data = data
        self._coefficients: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, as displayed."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def cut(self, rectangle: Rectangle, reduction: int = 1) -> tuple[Region, bytes]:
        """The region that holds what lies in the image of a rectangle, and its pixels as JPEG or PNG.

        With a ``reduction`` above 1 its pixels are means, in a JPEG of high quality; else they are those of the image.
        """
        if reduction > 1:
            further = MARGIN * reduction
            left, top, right, bottom = rectangle
            return self._reduced(
                *clipped((left - further, top - further, right + further, bottom + further), self.size), reduction
            )
        left, top, right, bottom = clipped(rectangle, self.size)
        part = self._part((left, top, right, bottom))
        if part is not None:
            return part
        region = Region(left=left, top=top, width=right - left, height=bottom - top)
        return region, _encoded(".png", self._pixels_of(region), cv2.IMWRITE_PNG_COMPRESSION, 1)

    def _pixels_of(self, region: Region) -> NDArray[np.uint8]:
        return self.pixels[region.top : region.top + region.height, region.left : region.left + region.width]

    def _agrees(self, region: Region, encoded: bytes) -> bool:
        """Whether a part decodes to the image's pixels, apart from the edges that `Region.covers` does not use."""
        try:
            found = decode(encoded)
        except cv2.error:
            return False
        if found is None:
            return False
        found = displayed(found, orientation_of(encoded))
        if found.shape[:2] != (region.height, region.width):
            return False
        inset = MARGIN - 1
        left, top = inset * (region.left > 0), inset * (region.top > 0)
        right = region.width - inset * (region.left + region.width < self.size[1])
        bottom = region.height - inset * (region.top + region.height < self.size[0])
        return bool(np.array_equal(found[top:bottom, left:right], self._pixels_of(region)[top:bottom, left:right]))

    def _part(self, rectangle: Rectangle) -> tuple[Region, bytes] | None:
        """Return the region around a rectangle and a JPEG of it, or None where it cannot be cut between blocks."""
        if not self._can_cut_blocks():
            return None
        try:
            part = self._cut_blocks(*stored_rectangle(rectangle, self._orientation, self.size))
        except OSError as error:
            if error.errno is not None:  # the disk's, not the coefficient library's
                raise
            return None
        return part if self._agrees(*part) else None

    def _can_cut_blocks(self) -> bool:
        frame = frame_of(self._data) if is_jpeg(self._data) else None
        return (
            frame is not None
            and frame.marker in _HUFFMAN_FRAMES
            and frame.precision == _PRECISION
            and len(frame.sampling) in _COMPONENTS
        )

    def _cut_blocks(self, left: int, top: int, right: int, bottom: int) -> tuple[Region, bytes]:
        """Cut a rectangle of stored pixels, grown to whole units of blocks, as a JPEG of the same coefficients.

        Returns the region of the displayed image that the part shows, and the part.
        """
        import jpeglib  # Only preparing needs it, not every process that trains.

        with tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
            if self._coefficients is None:
                file = Path(folder) / "whole.jpg"
                file.write_bytes(self._data)
                whole = jpeglib.read_dct(str(file))
                self._coefficients = [whole, [part for part in (whole.Y, whole.Cb, whole.Cr) if part is not None]]
            whole, planes = self._coefficients
            factors = [tuple(int(factor) for factor in pair) for pair in np.reshape(whole.samp_factor, (-1, 2))]
            unit = tuple(BLOCK * max(pair[axis] for pair in factors) for axis in (0, 1))
            top, left = top // unit[0] * unit[0], left // unit[1] * unit[1]
            bottom = min(self._stored_size[0], -(-bottom // unit[0]) * unit[0])
            right = min(self._stored_size[1], -(-right // unit[1]) * unit[1])
            parts = []
            for plane, (vertical, horizontal) in zip(planes, factors, strict=False):
                first = top // unit[0] * vertical, left // unit[1] * horizontal
                rows, columns = -(-(bottom - top) * vertical // unit[0]), -(-(right - left) * horizontal // unit[1])
                parts.append(np.ascontiguousarray(plane[first[0] : first[0] + rows, first[1] : first[1] + columns]))
            encoded = _written(whole, parts, (bottom - top, right - left), Path(folder) / "part.jpg")
        if self._orientation != UPRIGHT:
            encoded = with_orientation(encoded, self._orientation)
        left, top, right, bottom = displayed_rectangle((left, top, right, bottom), self._orientation, self.size)
        return Region(left=left, top=top, width=right - left, height=bottom - top), encoded

    def _reduced(self, left: int, top: int, right: int, bottom: int, reduction: int) -> tuple[Region, bytes]:
        left, top = left // reduction * reduction, top // reduction * reduction
        width, height = -(-(right - left) // reduction), -(-(bottom - top) // reduction)
        pixels = self.pixels[top : top + height * reduction, left : left + width * reduction]
        short = height * reduction - pixels.shape[0], width * reduction - pixels.shape[1]
        # The image may end inside the last mean: its edge is repeated up to there.
        whole = cv2.copyMakeBorder(pixels, 0, short[0], 0, short[1], cv2.BORDER_REPLICATE)
        small = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        full_colour = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
        encoded = _encoded(".jpg", small, cv2.IMWRITE_JPEG_QUALITY, _REDUCED_QUALITY, *full_colour)
        return Region(left=left, top=top, width=width, height=height, reduction=reduction), encoded


def _written(whole: Any, parts: list[NDArray[np.int16]], size: tuple[int, int], file: Path) -> bytes:
    """A JPEG of ``size`` with the tables of ``whole`` and the coefficients of ``parts``."""
    import jpeglib

    jpeglib.DCTJPEG(
        path=str(file),
        content=None,
        height=size[0],
        width=size[1],
        block_dims=np.array([part.shape[:2] for part in parts]),
        samp_factor=whole.samp_factor,
        markers=[],
        huffmans=whole.huffmans,
        jpeg_color_space=whole.jpeg_color_space,
        progressive_mode=False,
        num_scans=1,
        Y=parts[0],
        Cb=parts[1] if len(parts) > 1 else None,
        Cr=parts[2] if len(parts) > 2 else None,
        K=None,
        qt=whole.qt,
        quant_tbl_no=whole.quant_tbl_no,
    ).write_dct(str(file))
    return file.read_bytes()


def _encoded(ending: str, pixels: NDArray[np.uint8], *parameters: int) -> bytes:
    done, data = cv2.imencode(ending, pixels, list(parameters))
    assert done, (ending, pixels.shape)
    return bytes(data.tobytes())
