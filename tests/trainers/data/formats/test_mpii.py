from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import write_image
from trainers.data.annotations.keypoints import MPII16
from trainers.data.formats.mpii import load_mpii_people, mpii_split, mpii_truth_file
from trainers.data.geometry.transforms import crop_of_box


def entry(**changes: Any) -> dict[str, Any]:
    joints = [[10.0 + index, 20.0 + 2 * index] for index in range(16)]
    values = {"image": "one.jpg", "center": [41.0, 31.0], "scale": 0.25, "joints": joints, "joints_vis": [1] * 16}
    return values | changes


def write(folder: Path, entries: Any) -> tuple[Path, Path]:
    (folder / "images").mkdir(exist_ok=True)
    write_image(folder / "images" / "one.jpg")
    file = folder / "mpii_val.json"
    file.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return file, folder / "images"


def test_a_person_is_read_by_the_published_conventions(tmp_path: Path) -> None:
    hidden = [0, *[1] * 15]
    first, second = load_mpii_people(*write(tmp_path, [entry(joints_vis=hidden), entry()]))
    assert first.keypoints is not None
    np.testing.assert_array_equal(first.keypoints[3], [12, 25, 2])
    assert first.keypoints[0, 2] == 0
    assert (first.annotation_id, second.annotation_id, first.image_size) == (0, 1, None)
    assert first.image_id == second.image_id
    # The published crop: the centre 15 pixels a unit of scale lower and counted from 0, the side 1.25 times 200 a unit.
    crop = crop_of_box(first.box, (256, 256))
    assert crop.center == pytest.approx((40.0, 30.0 + 15 * 0.25))
    assert crop.size == pytest.approx((62.5, 62.5))


def test_nobody_is_left_aside(tmp_path: Path) -> None:
    """The ground truth file has a column for everybody, whoever has labelled joints."""
    assert len(load_mpii_people(*write(tmp_path, [entry(joints_vis=[0] * 16), entry()]))) == 2
    with pytest.raises(InvalidInput, match=r"must hold at least one person with labelled joints, got 1 without$"):
        load_mpii_people(*write(tmp_path, [entry(joints_vis=[0] * 16)]))


def test_the_keypoints_of_mpii() -> None:
    for index, source in enumerate(MPII16.flip_permutation):
        mirrored = {"left": "right", "right": "left"}
        side, _, rest = MPII16.names[index].partition("_")
        assert MPII16.names[source] == (f"{mirrored[side]}_{rest}" if side in mirrored else MPII16.names[index])
    assert {MPII16.names[index].rpartition("_")[2] for index in MPII16.lower_body} == {"ankle", "knee", "hip", "pelvis"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "mpii_val.json must hold a list of people, as MPII's does, got dict"),
        ([], "mpii_val.json must hold at least one person with labelled joints, got 0 without"),
        ([3], "entry 0 of mpii_val.json must be an object, got 3"),
        (
            [entry(joints=[[1, 2]] * 17)],
            "'joints' of entry 0 of mpii_val.json must be 16 pairs of finite numbers, got 17 entries: "
            "[[1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], ...",
        ),
        (
            [entry(joints=[[1]] * 16)],
            "'joints' of entry 0 of mpii_val.json must be 16 pairs of finite numbers, got 16 entries: "
            "[[1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [...",
        ),
        (
            [entry(joints=[[1, "2"]] * 16)],
            "'joints' of entry 0 of mpii_val.json must be finite numbers, got '2'",
        ),
        (
            [entry(), entry(joints_vis=[1] * 15)],
            "'joints_vis' of entry 1 of mpii_val.json must be 16 finite numbers, got 15 entries: "
            "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
        ),
        ([entry(joints_vis=[2] * 16)], "'joints_vis' of entry 0 of mpii_val.json must be 0 or 1, got 2"),
        ([entry(center=[1])], "'center' of entry 0 of mpii_val.json must be 2 finite numbers, got 1 entries: [1]"),
        ([entry(scale=0)], "'scale' of entry 0 of mpii_val.json must be positive, got 0.0"),
        ([entry(scale=None)], "'scale' of entry 0 of mpii_val.json must be a finite number, got None"),
        ([entry(image="two.jpg")], "image file not found: images/two.jpg, named by mpii_val.json"),
        ('[{"image": "one', "mpii_val.json is not complete JSON: Unterminated string starting at at line 1 column 12"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_mpii_people(*write(tmp_path, value))
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(message)


@pytest.mark.parametrize("name", ["../one.jpg", "/etc/passwd", "a/../../one.jpg", "..\\one.jpg", "C:one.jpg", "", "a\0b"])
def test_file_names_may_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.jpg").write_bytes(b"")
    with pytest.raises(InvalidInput) as caught:
        load_mpii_people(*write(tmp_path, [entry(image=name)]))
    message = f"'image' of entry 0 of mpii_val.json must stay inside the image folder, got {name!r}"
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_both_published_names_of_a_file_are_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^data folder not found: .*/none$"):
        mpii_split(tmp_path / "none", "val")
    folder = tmp_path / "annotations"
    message = f"^annotation file not found: {folder}/mpii_val.json, nor valid.json beside it$"
    with pytest.raises(InvalidInput, match=message):
        mpii_split(tmp_path, "val")
    folder.mkdir()
    (folder / "valid.json").write_text("[]")
    with pytest.raises(InvalidInput, match=r"^image folder not found: .*/images$"):
        mpii_split(tmp_path, "val")
    (tmp_path / "images").mkdir()
    assert mpii_split(tmp_path, "val").annotation_file == folder / "valid.json"
    (folder / "mpii_val.json").write_text("[]")
    assert mpii_split(tmp_path, "val").annotation_file == folder / "mpii_val.json"
    message = f"^ground truth file of PCKh not found: {folder}/mpii_gt_val.mat, nor gt_valid.mat beside it$"
    with pytest.raises(InvalidInput, match=message):
        mpii_truth_file(tmp_path, "val")
    with pytest.raises(InvalidInput, match=f"^ground truth file of PCKh not found: {folder}/mpii_gt_train.mat$"):
        mpii_truth_file(tmp_path, "train")
    (folder / "gt_valid.mat").write_bytes(b"")
    assert mpii_truth_file(tmp_path, "val") == folder / "gt_valid.mat"
