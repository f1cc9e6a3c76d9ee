"""Folders of trainings that number themselves, and trainings that go on for more epochs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dite_search.tasks.training_folder import FIRST, claimed, numbered_folders
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.space.space_file import named_space
from tests.dite_search.commands import run
from trainers.checkpoints.checkpoint import LAST, load_checkpoint
from trainers.data.synthetic.dataset import draw_dataset

RECIPE = ("--batch-size", 8, "--set", "warmup_iterations=2", "--set", "milestones=[]", "--threads", 1)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """`dite-search train` of a small network on a few drawn people; returns the result and the output."""
    monkeypatch.chdir(tmp_path)
    draw_dataset(tmp_path / "few", train_images=8, val_images=2, seed=5)
    write_mapping(tmp_path / "tiny.yaml", named_space("tiny").base.to_dict())

    def command(*words):
        found = run("train", "tiny.yaml", "--data", "few", *RECIPE, "--json", *words)
        return json.loads(found.stdout) if found.exit_code == 0 else {}, found.output

    return command


def test_a_row_of_folders_is_found_by_its_numbers(tmp_path):
    for name in ("train", "train-10", "train-2", "train-1", "train-02", "train-x", "training", "other-3"):
        (tmp_path / name).mkdir()
    (tmp_path / "train-11").write_text("")
    assert [path.name for path in numbered_folders(tmp_path / "train")] == ["train", "train-2", "train-10"]
    with pytest.raises(InvalidInput, match="train-11 must be a folder or free for a training, but it is a file"):
        claimed(tmp_path / "train")
    assert numbered_folders(tmp_path / "none" / "train") == []
    assert [claimed(tmp_path / "none" / "train").name for _ in range(3)] == ["train", "train-2", "train-3"]


@pytest.mark.slow
def test_another_training_has_a_folder_of_its_own_and_the_same_one_goes_on(train, tmp_path):
    first, _ = train("--epochs", 1)
    assert first["output"] == "runs/train"
    second, said = train("--epochs", 1, "--set", "seed=1")
    assert second["output"] == "runs/train-2"
    assert "Training in runs/train-2: checkpoint runs/train/last.pt must have seed 1 to go on from it, got 0" in said
    again, said = train("--epochs", 1)
    assert again["output"] == "runs/train"
    assert "Going on from epoch 1" in said
    _, said = train("--epochs", 1, "--set", "seed=2", "--output", "runs/train")
    assert "got 0; --output names another folder, and --restart begins anew" in said
    # What ends before its first epoch leaves no folder.
    _, said = train("--epochs", 1, "--batch-size", 1)
    assert "batch_size must be at least 2" in said
    assert numbered_folders(FIRST) == [Path("runs/train"), Path("runs/train-2")]


@pytest.mark.slow
def test_more_epochs_are_those_that_a_longer_training_has_where_the_schedule_is_flat(train, tmp_path):
    short, _ = train("--epochs", 1)
    longer, said = train("--resume", "--epochs", 3)
    assert "From epoch 2 on the schedule of 3 epochs holds; so far that of 1 did." in said
    assert longer["epoch"] == 3
    assert longer["output"] == short["output"] == "runs/train"
    assert longer["schedule"] == "epochs 1 to 1 by the schedule of 1, epochs 2 to 3 by that of 3"
    straight, _ = train("--epochs", 3, "--output", "straight")
    assert "schedule" not in straight
    weights = [load_checkpoint(tmp_path / place / LAST).weights for place in ("runs/train", "straight")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    # The command that lengthened it goes on with it, as does --resume alone; neither learns more.
    for words in (("--resume", "--epochs", 3), ("--resume",)):
        again, said = train(*words)
        assert again["epoch"] == 3
        assert again["schedule"] == longer["schedule"]
        assert "so far that of" not in said
    assert "--epochs must be above the 3 that the training in" in train("--resume", "--epochs", 2)[1]
    said = train("--epochs", 5, "--output", "runs/train")[1]
    assert "must have epochs 5 to go on from it, got 3; --resume goes on to epoch 5, --output names another" in said
