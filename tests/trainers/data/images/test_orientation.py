"""The orientation that a camera noted is found and applied as viewers do."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.trainers.data.oriented import FORMATS, TAGS, stored
from trainers.data.images.images import decode, read_image
from trainers.data.images.orientation import (
    DESCRIPTIONS,
    displayed,
    displayed_rectangle,
    displayed_size,
    orientation_of,
    stored_rectangle,
    with_orientation,
)

HEIGHT, WIDTH = 24, 40


def picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def jpeg() -> bytes:
    return cv2.imencode(".jpg", picture())[1].tobytes()


def exif(value: int, *, order: str = "<", kind: int = 3, tag: int = 0x0112) -> bytes:
    """Return Exif data with one other tag before that of the orientation."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    packed = struct.pack(order + {1: "Bxxx", 3: "Hxx", 4: "I"}.get(kind, "I"), value)
    entries = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0") + struct.pack(order + "HHI4s", tag, kind, 1, packed)
    return b"Exif\0\0" + magic + struct.pack(order + "IH", 8, 2) + entries + bytes(4)


def in_jpeg(block: bytes) -> bytes:
    data = jpeg()
    return data[:2] + struct.pack(">BBH", 0xFF, 0xE1, len(block) + 2) + block + data[2:]


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("tag", TAGS)
def test_every_kind_of_file_is_shown_as_viewers_show_it(name: str, tag: int, order: str, tmp_path: Path) -> None:
    data = stored(picture(), tag, name, order=order)
    assert orientation_of(data) == tag
    path = tmp_path / "a"
    path.write_bytes(data)
    found = read_image(path, size=(HEIGHT, WIDTH))
    assert np.abs(found.astype(int) - picture()).mean() < (1 if name == "png" else 6)
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(found, opencv)
    pillow = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    np.testing.assert_allclose(found[:, :, ::-1], np.asarray(pillow), atol=0 if name == "png" else 4)


@pytest.mark.parametrize("tag", [3, 6])
def test_published_photographs(tag: int, exports: Path) -> None:
    path = exports / f"exif_Landscape_{tag}.jpg"
    assert orientation_of(path.read_bytes()) == tag
    found = read_image(path)
    assert found.shape == (1200, 1800, 3)
    pillow = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    assert np.abs(found[:, :, ::-1].astype(int) - pillow).mean() < 1


@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_whole_number_type_is_read(order: str, kind: int) -> None:
    assert orientation_of(in_jpeg(exif(6, order=order, kind=kind))) == 6


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        cv2.imencode(".png", picture())[1].tobytes(),
        in_jpeg(exif(0)),
        in_jpeg(exif(9)),
        in_jpeg(exif(6, kind=2)),
        in_jpeg(exif(6, tag=0x0113)),
        in_jpeg(b"Exif\0\0"),
        in_jpeg(b"http://ns.adobe.com/xap/1.0/\0 tiff:Orientation=6"),
        b"",
        b"hello",
    ],
)
def test_without_a_tag_that_viewers_go_by_an_image_is_upright(data: bytes) -> None:
    assert orientation_of(data) == 1


@given(place=st.integers(0, 160), value=st.integers(0, 255), length=st.integers(0, 400))
def test_damaged_exif_data_are_no_error(place: int, value: int, length: int) -> None:
    data = bytearray(in_jpeg(exif(6)))
    data[place] = value
    assert orientation_of(bytes(data)) in TAGS
    assert orientation_of(bytes(data[:length])) in TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_is_written_is_read_by_others(tag: int) -> None:
    tagged = with_orientation(jpeg(), tag)
    assert orientation_of(tagged) == tag
    assert Image.open(io.BytesIO(tagged)).getexif()[0x0112] == tag
    np.testing.assert_array_equal(decode(tagged), decode(jpeg()))


@given(
    tag=st.sampled_from(TAGS),
    left=st.integers(0, WIDTH - 2),
    top=st.integers(0, HEIGHT - 2),
    width=st.integers(1, WIDTH),
    height=st.integers(1, HEIGHT),
)
def test_a_rectangle_holds_the_same_pixels_stored_and_displayed(
    tag: int, left: int, top: int, width: int, height: int
) -> None:
    raw = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint32).reshape(HEIGHT, WIDTH, 3).astype(np.uint8)
    shown = displayed(raw, tag)
    size = displayed_size((HEIGHT, WIDTH), tag)
    assert shown.shape[:2] == size
    rectangle = (left, top, min(WIDTH, left + width), min(HEIGHT, top + height))
    there = displayed_rectangle(rectangle, tag, size)
    assert stored_rectangle(there, tag, size) == rectangle
    part = displayed(raw[rectangle[1] : rectangle[3], rectangle[0] : rectangle[2]], tag)
    np.testing.assert_array_equal(shown[there[1] : there[3], there[0] : there[2]], part)


def test_every_tag_but_upright_is_described() -> None:
    assert set(DESCRIPTIONS) == set(TAGS) - {1}
