"""Which training may go on from a checkpoint."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint, checkpoint_bytes, parse_checkpoint
from trainers.checkpoints.torch_file import parse_torch_file, torch_file_bytes
from trainers.data.config import DataConfig
from trainers.data.identity import data_contents, files_of, identity_of
from trainers.training.same_training import check_same_training

STATE = {"network": {}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}


def written(folder, text="people"):
    """A data set of two annotation files and one of detections."""
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir(parents=True)
        file = folder / "annotations" / f"person_keypoints_{split}2017.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({split: text}))
    (folder / "boxes.json").write_text(f'["{text}"]')
    return DataConfig(root=folder, boxes="det", detections=folder / "boxes.json")


def checkpoint_of(data, **changes):
    fields = {"arch": ArchConfig(), "train": TrainConfig(), "data": data.to_dict(), "contents": data_contents(data)}
    return dataclasses.replace(Checkpoint(state=STATE, **fields), **changes)


def check(checkpoint, data, **changes):
    fields = {"arch": ArchConfig(), "config": TrainConfig()} | changes
    return check_same_training(checkpoint, data=data, contents=data_contents(data), name="last.pt", **fields)


def test_data_that_were_moved_or_copied_are_the_same(tmp_path):
    data = written(tmp_path / "data")
    checkpoint = checkpoint_of(data)
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    other = DataConfig(root=tmp_path / "copy", boxes="det", detections=tmp_path / "copy" / "boxes.json", workers=3, name="x")
    assert check(checkpoint, other)
    assert check(checkpoint, other, config=TrainConfig(precision="bfloat16"))


@pytest.mark.parametrize(
    ("part", "words"),
    [("train", "annotations to learn from"), ("val", "annotations to be scored on"), ("detections", "detections")],
)
def test_other_contents_are_refused_with_the_file(tmp_path, part, words):
    data = written(tmp_path / "data")
    checkpoint = checkpoint_of(data)
    file = files_of(data)[part]
    file.write_text('["somebody else"]')
    with pytest.raises(InvalidInput) as caught:
        check(checkpoint, data)
    assert str(caught.value) == (
        f"checkpoint last.pt must be of the same data to go on from it, but its {words} ({tmp_path / 'data'}) held something"
        f" else than {file}"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"val_split": "train"}, "must be of data with val_split 'train' to go on from it, got 'val'"),
        ({"train_split": "val"}, "must be of data with train_split 'val' to go on from it, got 'train'"),
        ({"boxes": "gt", "detections": None}, "must be of data with boxes 'gt' to go on from it, got 'det'"),
    ],
)
def test_another_use_of_the_data_is_refused_with_both_values(tmp_path, changes, sentence):
    data = written(tmp_path / "data")
    with pytest.raises(InvalidInput, match=f"checkpoint last.pt {sentence}"):
        check(checkpoint_of(data), dataclasses.replace(data, **changes))


def test_a_checkpoint_without_digests_is_known_by_its_files(tmp_path):
    data, other = written(tmp_path / "data"), written(tmp_path / "other", "others")
    same = written(tmp_path / "same")
    old = checkpoint_of(data, contents={})
    assert check(old, data)
    assert check(old, same)
    with pytest.raises(InvalidInput, match=r"but its annotations to learn from .* held something else than"):
        check(old, other)
    shutil.rmtree(tmp_path / "data")
    assert not check(old, same)
    assert not check(dataclasses.replace(old, data={}), DataConfig(root=same.root))


def test_a_checkpoint_keeps_the_digests_and_reads_those_without(tmp_path):
    checkpoint = checkpoint_of(written(tmp_path / "data"))
    content = checkpoint_bytes(checkpoint)
    assert parse_checkpoint(content, "x").contents == checkpoint.contents
    older = {name: value for name, value in parse_torch_file(content, "x").items() if name != "contents"}
    assert older["format"] == 2
    assert parse_checkpoint(torch_file_bytes(older), "x").contents == {}
    for field, value, words in (
        ("contents", {"train": 3}, "digests in the field 'contents'"),
        ("data", 3, "the field 'data'"),
    ):
        with pytest.raises(InvalidInput, match=f"checkpoint x must hold .*{words}"):
            parse_checkpoint(torch_file_bytes(older | {field: value}), "x")


def test_the_identity_is_that_of_earlier_versions(tmp_path):
    """SHA-256 over the digests of the files, in the order of training, validation and detections."""
    assert (
        identity_of({"detections": "22" * 32, "val": "11" * 32, "train": "00" * 32})
        == "sha256 " + (hashlib.sha256(b"\x00" * 32 + b"\x11" * 32 + b"\x22" * 32).hexdigest()[:16])
    )
    data = written(tmp_path / "data")
    (tmp_path / "data" / "boxes.json").unlink()
    with pytest.raises(InvalidInput, match=f"file not found: {tmp_path}/data/boxes.json"):
        data_contents(data)
