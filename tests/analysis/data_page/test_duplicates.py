"""Images that two splits share: the same file, the same pixels, or nearly the same picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from analysis.data_page.duplicates import Copy, repeated_images, shared_images
from analysis.data_page.reading import ListedImage
from analysis.data_page.scanning import ScannedImage, scan_images


def scanned(folder: Path) -> list[ScannedImage]:
    return scan_images([ListedImage(path=path, size=None) for path in sorted(folder.iterdir())])


@pytest.fixture
def splits(people: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Ten photographs of one split, and none of them in the other."""
    folders = tmp_path / "first", tmp_path / "second"
    for folder, split in zip(folders, ("train2017", "val2017"), strict=True):
        folder.mkdir()
        for path in sorted((people / split).iterdir())[:10]:
            (folder / path.name).write_bytes(path.read_bytes())
    return folders


def test_different_photographs_are_no_copies(splits: tuple[Path, Path]) -> None:
    first, second = map(scanned, splits)
    assert shared_images(first, second) == []


def test_photographs_of_real_people_are_no_copies(coco_mini: Path) -> None:
    assert shared_images(scanned(coco_mini / "train2017"), scanned(coco_mini / "val2017")) == []


def test_every_kind_of_copy_is_found(splits: tuple[Path, Path]) -> None:
    files = sorted(splits[0].iterdir())[:5]
    pictures = [cv2.imread(str(path)) for path in files]
    (splits[1] / "a_file.jpg").write_bytes(files[0].read_bytes())
    cv2.imwrite(str(splits[1] / "b_pixels.png"), pictures[1])
    cv2.imwrite(str(splits[1] / "c_stored_again.jpg"), pictures[2], [cv2.IMWRITE_JPEG_QUALITY, 40])
    cv2.imwrite(
        str(splits[1] / "d_smaller.jpg"), cv2.resize(pictures[3], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    )
    (splits[1] / "e_broken.jpg").write_bytes(files[4].read_bytes()[:200])
    found = {pair.second.name: (pair.kind, pair.first.name) for pair in shared_images(*map(scanned, splits))}
    assert found == {
        "a_file.jpg": (Copy.FILE, files[0].name),
        "b_pixels.png": (Copy.PIXELS, files[1].name),
        "c_stored_again.jpg": (Copy.LOOK, files[2].name),
        "d_smaller.jpg": (Copy.LOOK, files[3].name),
    }


def test_blank_pictures_do_not_look_alike(tmp_path: Path) -> None:
    folders = tmp_path / "first", tmp_path / "second"
    for folder, value in zip(folders, (120, 121), strict=True):
        folder.mkdir()
        cv2.imwrite(str(folder / "blank.png"), np.full((40, 40, 3), value, np.uint8))
    assert shared_images(*map(scanned, folders)) == []


def test_repeats_within_a_split_are_counted(splits: tuple[Path, Path]) -> None:
    assert repeated_images(scanned(splits[0])) == 0
    first = min(splits[0].iterdir())
    (splits[0] / "again.jpg").write_bytes(first.read_bytes())
    cv2.imwrite(str(splits[0] / "again.png"), cv2.imread(str(first)))
    assert repeated_images(scanned(splits[0])) == 2
