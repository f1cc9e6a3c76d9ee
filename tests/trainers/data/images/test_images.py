from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.oriented import TAGS, stored
from trainers.data.images.images import read_image
from trainers.data.images.orientation import DESCRIPTIONS


def picture() -> np.ndarray:
    smooth = cv2.resize(np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))
    return np.asarray(smooth, np.uint8)


def encoded(ending: str, *parameters: int) -> bytes:
    return cv2.imencode(ending, picture(), list(parameters))[1].tobytes()


def with_thumbnail(data: bytes) -> bytes:
    """The JPEG with a whole smaller JPEG, end marker included, in an application segment, as cameras write it."""
    segment = b"Exif\0\0" + data
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


FILES = {
    "a.png": encoded(".png"),
    "a.jpg": encoded(".jpg"),
    "progressive.jpg": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts.jpg": encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    "thumbnail.jpg": with_thumbnail(encoded(".jpg")),
}


@pytest.mark.parametrize("name", FILES)
def test_reads_whole_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    image = read_image(tmp_path / name)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - picture()).mean() < (1 if name == "a.png" else 6)


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_file_cut_anywhere(tmp_path: Path, name: str) -> None:
    whole = FILES[name]
    path = tmp_path / name
    last = len(whole) - (12 if name == "a.png" else 1)
    for length in np.linspace(8, last, 60).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidInput, match=f"image .*{name} is truncated: its {length} bytes stop before the end"):
            read_image(path)


def test_bytes_after_the_end_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(FILES["a.jpg"] + b"\0" * 100)
    assert read_image(tmp_path / "a.jpg").shape == (48, 64, 3)


def test_a_download_padded_with_zeros_is_truncated(tmp_path: Path) -> None:
    whole = FILES["a.jpg"]
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2] + b"\0" * (len(whole) // 2))
    with pytest.raises(InvalidInput, match=r"is truncated"):
        read_image(tmp_path / "a.jpg")


def test_other_failures_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"image file not found: .*none.jpg"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(InvalidInput, match=f"cannot read image {tmp_path}: Is a directory"):
        read_image(tmp_path)
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(InvalidInput, match=r"text.jpg must be a JPEG or PNG file, its 5 bytes begin with b'hell'"):
        read_image(tmp_path / "text.jpg")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IEND" + bytes(4))
    with pytest.raises(InvalidInput, match=r"bad.png cannot be decoded"):
        read_image(tmp_path / "bad.png")


def test_an_image_of_another_size_than_annotated_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(FILES["a.jpg"])
    assert read_image(tmp_path / "a.jpg", size=(48, 64)).shape == (48, 64, 3)
    with pytest.raises(InvalidInput) as refusal:
        read_image(tmp_path / "a.jpg", size=(64, 48))
    assert str(refusal.value) == (
        f"image {tmp_path / 'a.jpg'} must be of the size in its annotation file, 64 x 48 (height x width), got 48 x 64"
    )


@pytest.mark.parametrize("tag", [5, 6, 7, 8])
def test_a_size_that_an_orientation_explains_is_explained(tag: int, tmp_path: Path) -> None:
    """The file stores 48 x 64 pixels and is displayed as 64 x 48."""
    path = tmp_path / "a.png"
    path.write_bytes(stored(picture().swapaxes(0, 1), tag))
    start = f"image {path} must be of the size in its annotation file, "
    tagged = f"EXIF orientation {tag} (stored {DESCRIPTIONS[tag]})"
    applied = f"(height x width), got 64 x 48 with its {tagged} applied"
    seem = ": the annotations seem to be of the image as it is"
    ignored = f"(height x width), got 48 x 64 as stored, its {tagged} ignored"
    for size, rule, message in (
        ((48, 64), "apply", f"48 x 64 {applied}{seem} stored, which on_orientation ignore reads"),
        ((64, 48), "ignore", f"64 x 48 {ignored}{seem} displayed, which on_orientation apply reads"),
        ((10, 20), "apply", f"10 x 20 {applied}"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            read_image(path, size=size, on_orientation=rule)
        assert str(refusal.value) == start + message
    assert read_image(path, size=(64, 48)).shape == (64, 48, 3)
    assert read_image(path, size=(48, 64), on_orientation="ignore").shape == (48, 64, 3)


@pytest.mark.parametrize("tag", TAGS)
def test_each_rule_for_an_image_that_is_not_stored_upright(tag: int, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(stored(picture(), tag))
    np.testing.assert_array_equal(read_image(path), picture())
    plain = np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1]
    np.testing.assert_array_equal(read_image(path, on_orientation="ignore"), plain)
    if tag == 1:
        np.testing.assert_array_equal(read_image(path, on_orientation="stop"), picture())
        return
    with pytest.raises(InvalidInput) as refusal:
        read_image(path, on_orientation="stop")
    assert str(refusal.value) == (
        f"image {path} must be stored upright where on_orientation is stop, but is stored {DESCRIPTIONS[tag]} (EXIF"
        f" orientation {tag}): write it upright, or choose apply, for annotations of the image as it is displayed, or"
        " ignore, for annotations of the stored pixels"
    )


def test_published_files_of_other_kinds(exports: Path) -> None:
    assert read_image(exports / "pillow_pil_sample_cmyk.jpg").shape == (100, 100, 3)
    with pytest.raises(InvalidInput, match=r"pillow_truncated_jpeg.jpg is truncated: its 6698 bytes stop before the end"):
        read_image(exports / "pillow_truncated_jpeg.jpg")
    with pytest.raises(InvalidInput, match=r"hopper.webp must be a JPEG or PNG file, its 3282 bytes begin with b'RIFF'"):
        read_image(exports / "pillow_hopper.webp")
