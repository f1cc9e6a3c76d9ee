"""The chunks of a PNG file."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainers.data.images.png import chunks, is_complete, is_png


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_chunks_of_a_written_file() -> None:
    data = encoded()
    found = list(chunks(data))
    assert (found[0].kind, found[-1].kind) == (b"IHDR", b"IEND")
    assert data[found[0].start : found[0].end][:8] == (4).to_bytes(4, "big") * 2
    assert is_png(data)
    assert not is_png(b"\xff\xd8\xff")


@given(st.integers(0, len(encoded()) - 1))
def test_a_file_that_was_cut_off_is_not_complete(length: int) -> None:
    assert is_complete(encoded())
    assert not is_complete(encoded()[:length])
