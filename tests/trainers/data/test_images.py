from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from search_spaces.errors import InvalidInput
from trainers.data.images import read_image


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
