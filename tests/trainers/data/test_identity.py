"""The identity of data is that of its files' contents, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.config import DataConfig
from trainers.data.identity import TRAIN, VAL, data_contents, data_identity, identity_of


def data(root: Path, *, changed: str = "") -> DataConfig:
    for split in ("train", "val"):
        file = root / "annotations" / f"person_keypoints_{split}2017.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        (root / f"{split}2017").mkdir()
        file.write_text(f"{split}{changed if split == 'val' else ''}", encoding="utf-8")
    return DataConfig(root=root)


def test_a_copy_is_the_same_data_and_a_changed_file_is_not(tmp_path: Path) -> None:
    first = data(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert data_identity(first) == data_identity(DataConfig(root=tmp_path / "b"))
    assert data_contents(first).keys() == {TRAIN, VAL}
    assert data_identity(data(tmp_path / "c", changed="!")) != data_identity(first)
    assert identity_of({VAL: "00", TRAIN: "ff"}) == identity_of({TRAIN: "ff", VAL: "00"}), "in the order of the splits"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    config = data(tmp_path)
    config.annotation_file("val").unlink()
    with pytest.raises(InvalidInput, match=r"file not found: .*person_keypoints_val2017\.json"):
        data_identity(config)
