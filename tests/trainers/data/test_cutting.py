from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.errors import InvalidInput
from tests.profiles import examples
from trainers.data.cutting import Photograph
from trainers.data.images import decode, is_jpeg
from trainers.data.regions import MARGIN

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
