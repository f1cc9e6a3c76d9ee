from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.layouts import MAT_JOINTS, write_truth
from trainers.data.formats.mpii_truth import read_mpii_truth

PEOPLE = 3


def fields(**changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    corners = generator.uniform(1, 50, (2, PEOPLE))
    values = {
        "jnt_missing": generator.integers(0, 2, (16, PEOPLE), dtype=np.uint8),
        "pos_gt_src": generator.uniform(1, 200, (16, 2, PEOPLE)),
        "headboxes_src": np.stack([corners, corners + np.array([[3.0], [4.0]])]),
        "dataset_joints": np.array([MAT_JOINTS], dtype=object),
    }
    return values | changes


def test_the_published_layout_is_read(tmp_path: Path) -> None:
    values = fields()
    truth = read_mpii_truth(write_truth(tmp_path / "gt.mat", **values))
    assert len(truth) == PEOPLE
    np.testing.assert_array_equal(truth.present, values["jnt_missing"].T == 0)
    np.testing.assert_allclose(truth.keypoints, values["pos_gt_src"].transpose(2, 0, 1) - 1)
    np.testing.assert_allclose(truth.head_sizes, [0.6 * 5] * PEOPLE)
    chosen = truth.take(np.array([2, 0]))
    np.testing.assert_array_equal(chosen.keypoints, truth.keypoints[[2, 0]])


def test_joints_are_known_by_their_names(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(16)
    values = fields()
    shuffled = {name: values[name][order] for name in ("jnt_missing", "pos_gt_src")}
    shuffled["dataset_joints"] = np.array([[MAT_JOINTS[index] for index in order]], dtype=object)
    plain = read_mpii_truth(write_truth(tmp_path / "plain.mat", **values))
    other = read_mpii_truth(write_truth(tmp_path / "shuffled.mat", **(values | shuffled)))
    np.testing.assert_array_equal(plain.keypoints, other.keypoints)
    np.testing.assert_array_equal(plain.present, other.present)


def test_a_single_person_without_its_axis(tmp_path: Path) -> None:
    """MATLAB drops a last axis of one."""
    values = {name: value[..., 0] if value.ndim > 2 else value[:, :1] for name, value in fields().items()}
    values["dataset_joints"] = fields()["dataset_joints"]
    assert len(read_mpii_truth(write_truth(tmp_path / "gt.mat", **values))) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pos_gt_src": None}, "gt.mat must have the field 'pos_gt_src', got only ['dataset_joints', 'headboxes_src',"),
        ({"jnt_missing": np.zeros((15, 3))}, "'jnt_missing' of gt.mat must be 16 x people numbers, got 15 x 3 of float64"),
        ({"pos_gt_src": np.zeros((16, 3, 3))}, "'pos_gt_src' of gt.mat must be 16 x 2 x people numbers, got 16 x 3 x 3 of"),
        ({"headboxes_src": "none"}, "'headboxes_src' of gt.mat must be 2 x 2 x people numbers, got 1 of <U4"),
        ({"jnt_missing": np.zeros((16, 4))}, "the fields of gt.mat must be of one number of people, got [3, 4]"),
        ({"jnt_missing": np.full((16, 3), 2.0)}, "'jnt_missing' of gt.mat must be 0 or 1 throughout, got 2"),
        (
            {"dataset_joints": np.array([["nose", *MAT_JOINTS[1:]]], dtype=object)},
            "'dataset_joints' of gt.mat must be the names rank, rkne, rhip, lhip, lkne, lank, pelv, thor, neck, head, rwri,"
            " relb, rsho, lsho, lelb, lwri, got nose, rkne",
        ),
        (
            {"pos_gt_src": np.full((16, 2, 3), np.nan), "jnt_missing": np.zeros((16, 3))},
            "'pos_gt_src' of gt.mat must be finite wherever jnt_missing is 0",
        ),
        (
            {"headboxes_src": np.zeros((2, 2, 3)), "jnt_missing": np.array([[1, 0, 0]] * 16)},
            "'headboxes_src' of gt.mat must be boxes with an extent, got none for person 1",
        ),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_mpii_truth(write_truth(tmp_path / "gt.mat", **fields(**changes)))
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(message)


def test_nothing_is_asked_of_joints_that_are_missing(tmp_path: Path) -> None:
    changes = {
        "jnt_missing": np.ones((16, 3)),
        "pos_gt_src": np.full((16, 2, 3), np.nan),
        "headboxes_src": np.zeros((2, 2, 3)),
    }
    truth = read_mpii_truth(write_truth(tmp_path / "gt.mat", **fields(**changes)))
    assert not truth.present.any()


def test_files_that_are_no_matlab_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^ground truth file of PCKh not found: .*/none.mat$"):
        read_mpii_truth(tmp_path / "none.mat")
    whole = write_truth(tmp_path / "gt.mat", **fields()).read_bytes()
    for length in (0, 1, 100, 128, 140, 300, len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.mat").write_bytes(whole[:length])
        with pytest.raises(InvalidInput, match=r"cut.mat must (be a whole MATLAB file|have the field)") as caught:
            read_mpii_truth(tmp_path / "cut.mat")
        assert "\n" not in str(caught.value)
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512))
    with pytest.raises(InvalidInput, match=r"new.mat must be a MATLAB file of version 4 to 7.2, got 7.3, which is HDF5$"):
        read_mpii_truth(tmp_path / "new.mat")
