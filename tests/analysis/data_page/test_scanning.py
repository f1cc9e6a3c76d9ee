"""Images decoded once: what is found, and what cannot be used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from analysis.data_page.reading import ListedImage
from analysis.data_page.scanning import scan_image, scan_images
from tests.trainers.data.builders import SIZE, write_image


def test_a_good_image_has_marks(tmp_path: Path) -> None:
    found = scan_image(ListedImage(path=write_image(tmp_path / "one.jpg"), size=SIZE))
    assert (found.problem, found.size) == (None, SIZE)
    assert found.look is not None
    assert found.look.shape == (16, 16)


def test_the_same_pixels_in_another_file_have_the_same_digest(tmp_path: Path) -> None:
    first = write_image(tmp_path / "one.jpg")
    cv2.imwrite(str(tmp_path / "one.png"), cv2.imread(str(first)))
    images = [ListedImage(path=path, size=None) for path in (first, tmp_path / "one.png", write_image(tmp_path / "two.jpg"))]
    jpg, png, again = scan_images(images)
    assert jpg.pixel_digest == png.pixel_digest == again.pixel_digest
    assert jpg.file_digest == again.file_digest != png.file_digest


def test_pixels_in_another_shape_are_others(tmp_path: Path) -> None:
    for name, shape in (("wide", (8, 32, 3)), ("tall", (32, 8, 3))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full(shape, 7, np.uint8))
    wide, tall = scan_images([ListedImage(path=tmp_path / f"{name}.png", size=None) for name in ("wide", "tall")])
    assert wide.pixel_digest != tall.pixel_digest


def test_what_cannot_be_used_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    good = write_image(tmp_path / "good.jpg")
    (tmp_path / "cut.jpg").write_bytes(good.read_bytes()[:300])
    (tmp_path / "text.jpg").write_text("no picture")
    images = [
        ListedImage(path=good, size=SIZE),
        ListedImage(path=good, size=(SIZE[1], SIZE[0])),
        *(ListedImage(path=tmp_path / name, size=SIZE) for name in ("cut.jpg", "text.jpg", "none.jpg")),
    ]
    told: list[tuple[int, int]] = []
    problems = [image.problem or "" for image in scan_images(images, lambda done, total: told.append((done, total)))]
    assert problems[0] == ""
    assert "good.jpg" in problems[1]
    assert "80 x 60" in problems[1]
    assert "is truncated" in problems[2]
    assert "must be a JPEG or PNG file" in problems[3]
    assert "image file not found" in problems[4]
    assert told == [(number, 5) for number in range(1, 6)]
