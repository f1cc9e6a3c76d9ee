"""Trainings and scores of one network."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

import pytest

from dite_search.tasks.train_and_evaluate import set_aside
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.families.architecture import resized
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TrainConfig
from tests.dite_search.commands import refused, run
from tests.dite_search.study.test_directory import trained
from tests.trainers.data.drawn_points import draw_points, face_names
from trainers.checkpoints.checkpoint import BEST, LAST, PREVIOUS, load_checkpoint, save_checkpoint
from trainers.data.config import DataConfig
from trainers.data.keypoint_sets.metric import Metric
from trainers.data.synthetic.dataset import draw_dataset


def test_a_figure_has_its_interval_and_another_metric_may_be_asked_for(tmp_path):
    root = draw_points(tmp_path / "faces", face_names(6), train=2, val=6)
    data = DataConfig(root=root, metric=Metric.of({"name": "nme", "points": ["left_0", "right_0"]}))
    arch = resized(named_space("tiny").base, keypoints=6)
    checkpoint = dataclasses.replace(trained(arch, epochs=1), data=data.to_dict(), train=TrainConfig(flip_test=False))
    save_checkpoint(tmp_path / "net.pt", checkpoint)
    words = ("evaluate", tmp_path / "net.pt", "--data", root, "--json", "--no-flip-test", "--intervals")
    for metric, name in (((), "nme"), (("--metric", "pck"), "pck"), (("--metric", "oks"), "ap_gt")):
        found = json.loads(run(*words, *metric).stdout)
        assert found[f"{name}_low95"] <= found[name] <= found[f"{name}_high95"]
        if name == "nme":
            assert found["nme_low95"] < found["nme_high95"]
            assert found == json.loads(run(*words).stdout), "the images are drawn by a fixed seed"
    sentence = refused("evaluate", tmp_path / "net.pt", "--data", root, "--intervals", "--split", "test-dev")
    assert sentence == "Error: --intervals must be left out for --split test-dev, whose truth is not public"


RECIPE = ("--epochs", 1, "--batch-size", 8, "--set", "warmup_iterations=2", "--set", "validate_every=1", "--threads", 1)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Two data sets, a small network, and a folder to train in; `train` with these words."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("few", 5), ("other", 9)):
        draw_dataset(tmp_path / name, train_images=8, val_images=2, seed=seed)
    write_mapping(tmp_path / "tiny.yaml", named_space("tiny").base.to_dict())

    def train(data, *words, output=None):
        return run("train", "tiny.yaml", "--data", data, *RECIPE, *words, *(("--output", output) if output else ()))

    return train


@pytest.mark.slow
def test_a_folder_that_holds_another_training_is_refused(small, tmp_path):
    small = functools.partial(small, output="runs/train")
    first = small("few")
    assert first.exit_code == 0, first.output
    place, before = tmp_path / "runs" / "train", (tmp_path / "runs" / "train" / LAST).read_bytes()
    instead = "; --output names another folder, and --restart begins anew and keeps what is there"
    for words, differs in (
        (("other",), "must be of the same data to go on from it, but its annotations to learn from"),
        (("few", "--val-split", "train"), "must be of data with val_split 'train' to go on from it, got 'val'"),
        (("few", "--learning-rate", 0.1), "must have learning_rate 0.1 to go on from it, got 0.002"),
        (("few", "--input-size", "64x64"), "must be of network "),
        (("other", "--resume"), "must be of the same data to go on from it, but its annotations to learn from"),
    ):
        found = small(*words)
        assert found.exit_code == 2
        assert "Going on" not in found.output
        sentence = found.output.strip().splitlines()[-1]
        assert sentence.startswith(f"Error: checkpoint {place / LAST} {differs}")
        assert sentence.endswith(instead)
    assert (place / LAST).read_bytes() == before
    (tmp_path / "few").rename(tmp_path / "moved")
    again = small("moved")
    assert again.exit_code == 0, again.output
    assert f"Going on from epoch 1 of {place / LAST}" in again.output
    assert small("moved", "--resume").exit_code == 0


def test_a_restart_keeps_what_was_there(small, tmp_path):
    assert small("few").exit_code == 0
    place = tmp_path / "runs" / "train"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    # What cannot begin moves nothing.
    for words in (("gone",), ("other", "--batch-size", 1)):
        assert small(*words, "--restart", output="runs/train").exit_code == 2
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    found = small("other", "--restart", output="runs/train")
    assert found.exit_code == 0, found.output
    assert f"The training that {place} held is kept in {place}/earlier-1" in found.output
    assert {path.name: path.read_bytes() for path in (place / "earlier-1").iterdir()} == before
    assert load_checkpoint(place / LAST).data["root"] == str(tmp_path / "other")
    assert small("few", "--restart", output="runs/train").exit_code == 0
    assert (place / "earlier-2" / LAST).is_file()


@pytest.mark.slow
def test_a_training_begins_from_the_checkpoint_of_another(small, tmp_path):
    assert small("few").exit_code == 0
    start = tmp_path / "runs" / "train" / LAST
    words = ("--start-from", start, "--set", "freeze=[stem]", "--output", "runs/second")
    for wrong, sentence in (
        (("--set", "freeze=[neck]"), "freeze must name parts of the network (stem, stage2, stage3, stage4, head)"),
        (("--set", "distill={teacher: gone.pt}"), "distill.teacher must be a file of weights, but "),
    ):
        found = small("other", *words, *wrong)
        assert found.exit_code == 2
        assert sentence in found.output
    assert not (tmp_path / "runs" / "second").exists()
    found = small("other", *words)
    assert found.exit_code == 0, found.output
    assert f"100.0% of the parameters are taken from {start}" in found.output
    start.unlink()
    again = small("other", *words)
    assert again.exit_code == 0, again.output
    assert "Going on from epoch 1" in again.output
    scratch = small("other", "--output", "runs/second")
    assert scratch.exit_code == 2
    assert "must have start_from None to go on from it, got 'sha256 " in scratch.output


def test_resume_needs_a_training_and_restart_none(small, tmp_path):
    place = tmp_path / "runs" / "train"
    assert small("few", "--resume").output.strip().splitlines()[-1] == (
        "Error: --resume must be given for a training to go on with, but runs/train holds none; --output names its folder"
    )
    assert small("few", "--resume", output="runs/train").output.strip().splitlines()[-1] == (
        f"Error: --resume must be given for a folder with a training to go on with, but {place} holds none"
    )
    assert "must not be given together" in small("few", "--resume", "--restart").output
    assert not place.exists()
    found = small("few", "--restart")
    assert found.exit_code == 0, found.output
    assert "is kept in" not in found.output


@pytest.mark.parametrize("moved", range(3))
def test_a_training_that_is_moved_half_way_goes_on(tmp_path, monkeypatch, moved):
    for name in (BEST, PREVIOUS, LAST):
        (tmp_path / name).write_text(name)
    replace, done = Path.replace, []

    def cut_off(path, target):
        if len(done) == moved:
            raise OSError(28, "No space left on device")
        done.append(path)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(InvalidInput, match=f"{tmp_path} must be writable to keep its training in .*: No space left"):
        set_aside(tmp_path)
    assert (tmp_path / LAST).read_text() == LAST, "the last one goes last"
    held = {path.name for folder in (tmp_path, tmp_path / "earlier-1") for path in folder.iterdir() if path.is_file()}
    assert held == {BEST, PREVIOUS, LAST}


def test_a_checkpoint_of_an_earlier_version_whose_data_are_gone_goes_on_where_that_is_said(small, tmp_path):
    assert small("few").exit_code == 0
    place = tmp_path / "runs" / "train"
    for name in (LAST, BEST):
        save_checkpoint(place / name, dataclasses.replace(load_checkpoint(place / name), contents={}))
    assert small("few").exit_code == 0
    small = functools.partial(small, output="runs/train")
    assert "held something else than" in small("other").output
    (tmp_path / "few").rename(tmp_path / "moved")
    sentence = small("moved").output.strip().splitlines()[-1]
    assert sentence.startswith(f"Error: checkpoint {place / LAST} does not say what its annotations held, and they are not")
    assert "--resume goes on" in sentence
    found = small("moved", "--resume")
    assert found.exit_code == 0, found.output
    assert f"it goes on with those in {tmp_path / 'moved'}" in found.output
