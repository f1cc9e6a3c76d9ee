"""The chunks of a PNG file (ISO/IEC 15948, section 5.3), for whoever looks at its structure and not at its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk: the four letters of its kind, and where its contents begin and end."""

    kind: bytes
    start: int
    end: int


def is_png(data: bytes) -> bool:
    """Whether the bytes begin as a PNG file does."""
    return data.startswith(PNG_START)


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to the closing IEND, as far as their headers and checksums are there."""
    position = len(PNG_START)
    while position + 12 <= len(data):
        start = position + 8
        chunk = Chunk(
            kind=data[position + 4 : start], start=start, end=start + int.from_bytes(data[position : position + 4], "big")
        )
        yield chunk
        if chunk.kind == b"IEND":
            return
        position = chunk.end + 4


def is_complete(data: bytes) -> bool:
    """Whether every chunk up to the closing IEND is there in full."""
    return any(chunk.kind == b"IEND" for chunk in chunks(data))
