"""The structure of JPEG files of several kinds."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trainers.data.images.jpeg import frame_of, is_complete, is_jpeg


def saved(mode: str, **options: object) -> bytes:
    channels = len(mode) if mode != "L" else 0
    shape = (40, 56, channels) if channels else (40, 56)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "marker", "sampling"),
    [
        (saved("L"), 0xC0, ((1, 1),)),
        (saved("RGB", subsampling=0), 0xC0, ((1, 1), (1, 1), (1, 1))),
        (saved("RGB", subsampling=2, progressive=True), 0xC2, ((2, 2), (1, 1), (1, 1))),
        (saved("CMYK"), 0xC0, ((1, 1),) * 4),
    ],
)
def test_the_frame_of_a_file(data: bytes, marker: int, sampling: tuple[tuple[int, int], ...]) -> None:
    frame = frame_of(data)
    assert frame is not None
    assert (frame.marker, frame.precision, frame.sampling) == (marker, 8, sampling)
    assert is_jpeg(data)
    assert is_complete(data)
    assert not is_complete(data[:-1])


def test_a_file_without_a_whole_frame_has_none() -> None:
    data = saved("RGB")
    start = data.index(b"\xff\xc0")
    assert frame_of(data[:start]) is None
    assert frame_of(data[: start + 12]) is None
    assert frame_of(b"\xff\xd8\xff\xd9") is None
    assert not is_complete(b"\xff\xd8\xff\xd9")
