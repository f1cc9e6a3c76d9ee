"""The segments of a JPEG file (ITU-T T.81, annex B), for whoever looks at its structure and not at its pixels."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

JPEG_START = b"\xff\xd8\xff"
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
# Inside compressed data FF 00 is an escaped byte, FF D0..D7 a restart and FF FF padding: any other FF xx is a marker.
_MARKER_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# C4, C8 and CC are the other markers of this range: Huffman tables, a reserved one and arithmetic conditioning.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A marker segment: its marker's second byte, and where its contents (without the length) begin and end."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame header: the marker of its coding, the bits of a sample, and the (h, v) sampling of each component."""

    marker: int
    precision: int
    sampling: tuple[tuple[int, int], ...]


def is_jpeg(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG file does."""
    return data.startswith(JPEG_START)


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments in their order, and last the end-of-image marker of the picture itself where it is there.

    A thumbnail inside a segment ends with the same two bytes, so that only a walk tells. A file that is cut short or damaged
    has fewer segments.
    """
    position = 2
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF or marker == END_OF_IMAGE:
            return
        if marker == 0xFF:  # padding
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield Segment(marker=marker, start=position + 4, end=end)
        position = end
        if marker == START_OF_SCAN:
            found = _MARKER_AFTER_SCAN.search(data, position)
            if found is None:
                return
            position = found.start()
            if data[position + 1] == END_OF_IMAGE:
                yield Segment(marker=END_OF_IMAGE, start=position + 2, end=position + 2)
                return


def header_segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments before the first scan."""
    return itertools.takewhile(lambda segment: segment.marker != START_OF_SCAN, segments(data))


def is_complete(data: bytes) -> bool:
    """Whether the end-of-image marker of the picture itself is there."""
    return any(segment.marker == END_OF_IMAGE for segment in segments(data))


def frame_of(data: bytes) -> Frame | None:
    """Return the frame header, or None where there is none in full."""
    for segment in header_segments(data):
        if segment.marker not in _FRAMES:
            continue
        content = data[segment.start : segment.end]
        if len(content) < 6 or len(content) < 6 + 3 * content[5]:
            return None
        factors = content[7 : 6 + 3 * content[5] : 3]
        sampling = tuple((factor >> 4, factor & 15) for factor in factors)
        return Frame(marker=segment.marker, precision=content[0], sampling=sampling)
    return None
