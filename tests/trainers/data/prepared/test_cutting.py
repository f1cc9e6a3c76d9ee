from __future__ import annotations

import errno
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from search_spaces.common.errors import InvalidInput
from tests.profiles import examples
from tests.trainers.data.oriented import TAGS, stored
from trainers.data.images.images import decode, decode_image
from trainers.data.images.jpeg import is_jpeg
from trainers.data.images.orientation import displayed, orientation_of, with_orientation
from trainers.data.prepared import cutting
from trainers.data.prepared.cutting import Photograph
from trainers.data.prepared.regions import MARGIN

HEIGHT, WIDTH = 149, 203
SAMPLINGS = ("444", "422", "440", "420", "411")


def smooth() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def picture() -> np.ndarray:
    """Smooth shapes and noise, so that blocks differ and colours vary within them."""
    noise = np.random.default_rng(1).integers(-25, 26, (HEIGHT, WIDTH, 3))
    return np.clip(smooth() + noise, 0, 255).astype(np.uint8)


def jpeg(sampling: str = "444", *parameters: int, image: np.ndarray | None = None) -> bytes:
    factor = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"))
    return cv2.imencode(".jpg", picture() if image is None else image, [*factor, *parameters])[1].tobytes()


FILES = {sampling: jpeg(sampling) for sampling in SAMPLINGS} | {
    "progressive": jpeg("420", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": jpeg("420", cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    "grey": cv2.imencode(".jpg", cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY))[1].tobytes(),
}


@pytest.mark.parametrize("name", FILES)
@given(
    left=st.integers(-9, WIDTH - 1),
    top=st.integers(-9, HEIGHT - 1),
    width=st.integers(10, WIDTH + 20),
    height=st.integers(10, HEIGHT + 20),
)
@examples(10)
def test_a_part_of_a_jpeg_has_the_pixels_of_the_whole(name: str, left: int, top: int, width: int, height: int) -> None:
    whole = decode(FILES[name])
    region, encoded = Photograph(FILES[name], Path("a.jpg")).cut((left, top, left + width, top + height))
    assert is_jpeg(encoded)
    assert region.left <= max(left, 0)
    assert region.top <= max(top, 0)
    assert region.left + region.width >= min(left + width, WIDTH)
    assert region.top + region.height >= min(top + height, HEIGHT)
    part, columns, rows = decode(encoded), range(region.width), range(region.height)
    assert part.shape == (len(rows), len(columns), 3)
    used = np.zeros(part.shape[:2], bool)
    for y in rows:
        for x in (columns[0], *columns[1:-1:7], columns[-1]):
            place = (region.left + x, region.top + y, region.left + x + 1, region.top + y + 1)
            used[y, x] = region.covers(place, (HEIGHT, WIDTH))
    original = whole[region.top : region.top + region.height, region.left : region.left + region.width]
    np.testing.assert_array_equal(part[used], original[used])


def test_a_part_is_much_smaller_than_a_lossless_picture() -> None:
    photograph = Photograph(jpeg(image=smooth()), Path("a.jpg"))
    _, encoded = photograph.cut((40, 40, 120, 120))
    lossless = cv2.imencode(".png", photograph.pixels[40:120, 40:120])[1]
    assert len(encoded) < len(lossless) / 2


def test_a_png_is_cut_as_png() -> None:
    data = cv2.imencode(".png", picture())[1].tobytes()
    region, encoded = Photograph(data, Path("a.png")).cut((10, 20, 30, 60))
    assert (region.left, region.top, region.width, region.height) == (10, 20, 20, 40)
    assert not is_jpeg(encoded)
    np.testing.assert_array_equal(decode(encoded), picture()[20:60, 10:30])


def test_a_jpeg_whose_colours_need_a_lost_marker_becomes_png() -> None:
    """Adobe's marker says that the three planes are red, green, blue: without it they would be read as YCbCr."""
    data = FILES["444"]
    app0 = 4 + int.from_bytes(data[4:6], "big")
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    rgb = data[:2] + adobe + data[app0:]
    photograph = Photograph(rgb, Path("a.jpg"))
    assert np.abs(photograph.pixels.astype(int) - decode(data)).max() > 50
    region, encoded = photograph.cut((40, 40, 100, 100))
    part = photograph.pixels[region.top : region.top + region.height, region.left : region.left + region.width]
    inner = slice(MARGIN, -MARGIN)
    np.testing.assert_array_equal(decode(encoded)[inner, inner], part[inner, inner])


@pytest.mark.parametrize("tag", TAGS)
@given(
    name=st.sampled_from(list(FILES)),
    left=st.integers(-9, WIDTH - 1),
    top=st.integers(-9, WIDTH - 1),
    width=st.integers(10, WIDTH + 20),
    height=st.integers(10, WIDTH + 20),
)
@examples(8)
def test_a_part_of_a_turned_jpeg_has_the_displayed_pixels(
    tag: int, name: str, left: int, top: int, width: int, height: int
) -> None:
    tagged = with_orientation(FILES[name], tag)
    whole = displayed(decode(FILES[name]), tag)
    photograph = Photograph(tagged, Path("a.jpg"))
    np.testing.assert_array_equal(photograph.pixels, whole)
    left, top = min(left, whole.shape[1] - 1), min(top, whole.shape[0] - 1)
    region, encoded = photograph.cut((left, top, left + width, top + height))
    assert is_jpeg(encoded)
    part = displayed(decode(encoded), orientation_of(encoded))
    assert part.shape == (region.height, region.width, 3)
    used = np.zeros(part.shape[:2], bool)
    for y in range(region.height):
        for x in {0, region.width - 1, *range(1, region.width, 7)}:
            place = (region.left + x, region.top + y, region.left + x + 1, region.top + y + 1)
            used[y, x] = region.covers(place, whole.shape[:2])
    original = whole[region.top : region.top + region.height, region.left : region.left + region.width]
    np.testing.assert_array_equal(part[used], original[used])


@pytest.mark.parametrize("tag", TAGS)
def test_a_turned_png_and_means_of_it_are_stored_as_displayed(tag: int) -> None:
    photograph = Photograph(stored(picture(), tag), Path("a.png"))
    np.testing.assert_array_equal(photograph.pixels, picture())
    for reduction in (1, 2):
        region, encoded = photograph.cut((10, 20, 30, 60), reduction)
        assert orientation_of(encoded) == 1
        assert decode(encoded).shape == (region.height, region.width, 3)


def test_by_other_rules_the_stored_pixels_are_cut_or_none() -> None:
    tagged = with_orientation(FILES["420"], 6)
    photograph = Photograph(tagged, Path("a.jpg"), on_orientation="ignore")
    np.testing.assert_array_equal(photograph.pixels, decode(FILES["420"]))
    assert orientation_of(photograph.cut((10, 20, 80, 90))[1]) == 1
    with pytest.raises(InvalidInput, match="must be stored upright where on_orientation is stop"):
        Photograph(tagged, Path("a.jpg"), on_orientation="stop")
    with pytest.raises(InvalidInput, match=r"149 x 203 \(height x width\), got 203 x 149 with its EXIF orientation 6"):
        Photograph(tagged, Path("a.jpg"), size=(HEIGHT, WIDTH))


def four_components(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([picture(), picture()[:, :, 0]]), "CMYK").save(buffer, "JPEG", **options)
    return buffer.getvalue()


KINDS = {
    "cmyk": four_components(),
    "cmyk progressive": four_components(progressive=True),
    "cmyk sampled": four_components(subsampling=2),
    "ycck": four_components().replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\x02"),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("tag", [1, 6])
def test_a_jpeg_of_four_components_is_cut_as_png_with_the_pixels_that_are_read(name: str, tag: int) -> None:
    data = KINDS[name]
    if tag != 1:
        data = with_orientation(data, tag)
    photograph = Photograph(data, Path("a.jpg"))
    region, encoded = photograph.cut((40, 30, 100, 90))
    assert not is_jpeg(encoded)
    np.testing.assert_array_equal(
        decode(encoded),
        decode_image(data, Path("a.jpg"))[region.top : region.top + region.height, region.left : region.left + region.width],
    )


def test_a_published_cmyk_photograph(exports: Path) -> None:
    data = (exports / "pillow_pil_sample_cmyk.jpg").read_bytes()
    region, encoded = Photograph(data, Path("a.jpg")).cut((10, 10, 90, 90))
    assert (region.width, region.height, is_jpeg(encoded)) == (80, 80, False)
    np.testing.assert_array_equal(decode(encoded), decode(data)[10:90, 10:90])


def changed(place: int, value: int) -> bytes:
    """Return a JPEG with another byte in its frame header: 1 is that of the coding, 4 of the bits, 9 of the components."""
    data = bytearray(FILES["420"])
    data[data.index(b"\xff\xc0") + place] = value
    return bytes(data)


def test_what_the_coefficient_library_does_not_take_never_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the process: such a file is cut as PNG, or cannot be decoded in the first place."""
    monkeypatch.setattr(Photograph, "_cut_blocks", lambda *arguments: pytest.fail("it was cut between its blocks"))
    _, encoded = Photograph(changed(1, 0xC9), Path("a.jpg")).cut((10, 10, 90, 90))
    assert not is_jpeg(encoded)
    for damaged in (changed(4, 12), changed(9, 2), changed(9, 5), changed(1, 0xC3)):
        with pytest.raises(InvalidInput, match=r"image a.jpg cannot be decoded"):
            Photograph(damaged, Path("a.jpg"))


def test_a_library_that_refuses_leaves_a_png(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> bytes:
        raise OSError("writing DCT to part.jpg failed")

    monkeypatch.setattr(cutting, "_written", refuse)
    _, encoded = Photograph(FILES["420"], Path("a.jpg")).cut((10, 10, 90, 90))
    assert not is_jpeg(encoded)

    def full(*arguments: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cutting, "_written", full)
    with pytest.raises(OSError, match="No space left"):
        Photograph(FILES["420"], Path("a.jpg")).cut((10, 10, 90, 90))


@pytest.mark.parametrize("reduction", [2, 4])
def test_reduced_pixels_are_means(reduction: int) -> None:
    data = jpeg(image=smooth())
    region, encoded = Photograph(data, Path("a.jpg")).cut((50, 60, 110, 100), reduction)
    assert region.reduction == reduction
    assert region.left % reduction == region.top % reduction == 0

    def error(moved: int) -> float:
        """Mean difference from the means of blocks that begin so many pixels further."""
        pixels = decode(data)[region.top + moved :, region.left + moved :].astype(float)
        pixels = pixels[: region.height * reduction, : region.width * reduction]
        means = pixels.reshape(region.height, reduction, region.width, reduction, 3).mean(axis=(1, 3))
        return float(np.abs(decode(encoded) - means).mean())

    assert error(0) < 2.5
    assert min(error(-1), error(1)) > 2 * error(0)


def test_a_reduced_region_goes_to_the_edge_of_the_image() -> None:
    region, encoded = Photograph(FILES["444"], Path("a.jpg")).cut((-5, -5, WIDTH + 5, HEIGHT + 5), 4)
    assert (region.left, region.top, region.width, region.height) == (0, 0, 51, 38)
    assert decode(encoded).shape == (38, 51, 3)
    assert region.covers((-20, -20, 300, 300), (HEIGHT, WIDTH))


def test_a_broken_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"image a.jpg is truncated"):
        Photograph(FILES["444"][:300], Path("a.jpg"))
