"""Checkpoints by the name that a user gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dite_search.single import checkpoint_file
from search_spaces.errors import InvalidInput
from search_spaces.presets import preset
from tests.dite_search.commands import refused
from tests.dite_search.test_folder import trained
from tests.object_store import BUCKET, object_store
from trainers.checkpoint import LAST, load_checkpoint
from trainers.checkpoint_store import CheckpointStore


def test_a_file_is_its_own(tmp_path):
    for text in (str(tmp_path / "x.pt"), f"file://{tmp_path}/x.pt"):
        with checkpoint_file(text) as path:
            assert path == tmp_path / "x.pt"


def test_an_object_is_a_copy_until_the_end(monkeypatch):
    with object_store(monkeypatch):
        CheckpointStore(f"s3://{BUCKET}/kept").save(trained(preset("lite_hrnet_18"), epochs=2))
        with checkpoint_file(f"s3://{BUCKET}/kept/{LAST}") as path:
            assert len(load_checkpoint(path).curve) == 2
        assert not path.exists()
        assert not path.parent.exists()


def test_what_is_no_checkpoint_is_refused(monkeypatch, tmp_path):
    sentence = "Error: a checkpoint must be a file, file:///file or s3://bucket/key, got https://…; download it first"
    for words in ([], ["--split", "test-dev"]):
        assert refused("evaluate", "https://me:secret@models.example/last.pt", "--data", tmp_path, *words) == sentence
    with object_store(monkeypatch):
        message = refused("evaluate", f"s3://{BUCKET}/none.pt", "--data", tmp_path)
        assert message == f"Error: checkpoint s3://{BUCKET}/none.pt does not exist"
    with pytest.raises(InvalidInput, match="must not hold credentials"), checkpoint_file("s3://me:secret@bucket/x.pt"):
        assert Path("nothing").exists()
