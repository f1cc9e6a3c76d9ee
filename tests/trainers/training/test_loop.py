"""The training loop: what it reports, how it goes on, how it fails, and that it learns."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from search_spaces.common.errors import InvalidInput, StorageFull
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.profiles import by_profile, first_at_a_commit
from trainers.checkpoints.checkpoint import BEST, LAST, load_checkpoint
from trainers.checkpoints.retry import STORAGE_RETRY
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.load import load_network
from trainers.processes.distributed import Worker
from trainers.training import loop
from trainers.training.loop import NonFiniteLossError, train
from trainers.training.train_step import Learner


@pytest.fixture(scope="module")
def whole(few_people, small_arch, short_training, tmp_path_factory):
    """A short training that nothing disturbed, and its folder."""
    directory = tmp_path_factory.mktemp("whole")
    return train(small_arch, short_training, few_people, directory=directory, report=lambda *_: None), directory


def losses_of(done):
    return [metrics["loss"] for metrics in done.curve]


def test_every_epoch_is_reported_and_the_last_is_validated(few_people, small_arch, short_training, tmp_path):
    reported = []
    config = dataclasses.replace(short_training, epochs=3, validate_every=2)
    result = train(small_arch, config, few_people, directory=tmp_path, report=lambda m, path: reported.append((m, path)))
    assert [metrics["epoch"] for metrics, _ in reported] == [1, 2, 3]
    assert ["ap_gt" in metrics for metrics, _ in reported] == [False, True, True]
    assert all(path == tmp_path for _, path in reported)
    assert result.metrics == reported[-1][0]
    assert result.metrics["seconds"] >= reported[0][0]["seconds"] > 0
    assert (tmp_path / BEST).is_file()


@pytest.mark.slow
def test_the_same_seed_trains_the_same_network(few_people, small_arch, short_training, whole):
    first, _ = whole
    again = train(small_arch, short_training, few_people, directory=None, report=lambda *_: None)
    assert losses_of(again) == losses_of(first)
    other = dataclasses.replace(short_training, seed=8, epochs=1)
    assert losses_of(train(small_arch, other, few_people, directory=None, report=lambda *_: None))[0] != losses_of(first)[0]


class Interrupted(Exception):
    """Stands for a process that dies."""


@pytest.mark.slow
def test_a_training_cut_off_goes_on_to_the_same_end(few_people, small_arch, short_training, whole, tmp_path):
    def die_after_first(metrics, _):
        if metrics["epoch"] == 1:
            raise Interrupted

    done, directory = whole
    with pytest.raises(Interrupted):
        train(small_arch, short_training, few_people, directory=tmp_path, report=die_after_first)
    reported = []
    resumed = train(
        small_arch, short_training, few_people, directory=tmp_path, report=lambda m, _: reported.append(m["epoch"])
    )
    assert reported == [1, 2], "the report that died with the process is made up for"
    assert losses_of(resumed) == losses_of(done)
    assert resumed.metrics["ap_gt"] == done.metrics["ap_gt"]
    weights = [load_checkpoint(folder / LAST).weights for folder in (directory, tmp_path)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", first_at_a_commit(["everything", "plain"]))
def test_a_training_cut_off_within_an_epoch_goes_on_to_the_last_bit(
    few_people, small_arch, short_training, tmp_path, monkeypatch, recipe
):
    """Model, optimiser, averages, schedule, order and position: nothing is lost but the steps since the checkpoint."""
    config = dataclasses.replace(short_training, checkpoint_iterations=1, validate_every=1)
    if recipe == "everything":
        config = dataclasses.replace(
            config, precision="float16", ema_decay=0.9, clip_norm=0.01, micro_batch=5, optimizer="adamw", weight_decay=0.01
        )
    whole = train(small_arch, config, few_people, directory=tmp_path / "whole", report=lambda *_: None)
    steps = 0

    def die_in_second_epoch(learner, batch, rate):
        nonlocal steps
        steps += 1
        if steps == 4:
            raise Interrupted
        return step(learner, batch, rate)

    step = Learner.step
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", die_in_second_epoch)
        with pytest.raises(Interrupted):
            train(small_arch, config, few_people, directory=tmp_path / "cut", report=lambda *_: None)
    left = load_checkpoint(tmp_path / "cut" / LAST)
    assert (len(left.curve), left.position) == (1, 1)
    resumed = train(small_arch, config, few_people, directory=tmp_path / "cut", report=lambda *_: None)
    timed = ("seconds", "samples_per_second")
    assert [{k: v for k, v in m.items() if k not in timed} for m in resumed.curve] == [
        {k: v for k, v in m.items() if k not in timed} for m in whole.curve
    ]
    states = [flat(load_checkpoint(tmp_path / name / LAST).state) for name in ("whole", "cut")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(torch.as_tensor(states[0][key]), torch.as_tensor(states[1][key])) for key in states[0])


def flat(value, name=""):
    """Every tensor and number of a nested state by its path."""
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in flat(part, f"{name}.{key}").items()}
    if isinstance(value, list | tuple):
        return flat(dict(enumerate(value)), name)
    return {} if value is None else {name: value}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"micro_batch": 4, "recompute_activations": True}),
        ({}, {"precision": "float16"}),
        ({"precision": "float16"}, {"precision": "bfloat16"}),
    ],
    ids=["pieces", "with loss scaling", "without loss scaling"],
)
def test_how_steps_are_computed_may_change_on_the_way(few_people, small_arch, short_training, whole, tmp_path, first, then):
    def die_after_first(metrics, _):
        raise Interrupted

    with pytest.raises(Interrupted):
        train(
            small_arch,
            dataclasses.replace(short_training, **first),
            few_people,
            directory=tmp_path,
            report=die_after_first,
        )
    config = dataclasses.replace(short_training, **then)
    done = train(small_arch, config, few_people, directory=tmp_path, report=lambda *_: None)
    assert [metrics["epoch"] for metrics in done.curve] == [1, 2]
    assert losses_of(done) == pytest.approx(losses_of(whole[0]), rel=0.05)


def test_a_checkpoint_of_another_training_is_refused(few_people, small_arch, short_training, whole):
    _, directory = whole
    with pytest.raises(InvalidInput, match=r"last\.pt must have learning_rate 0\.1 to go on from it, got 0\.002"):
        train(
            small_arch,
            dataclasses.replace(short_training, learning_rate=0.1),
            few_people,
            directory=directory,
            report=lambda *_: None,
        )
    wider = dataclasses.replace(small_arch, widths=(32, 48, 64, 96))
    with pytest.raises(InvalidInput, match=f"must be of network {wider.arch_id} to go on from it, got {small_arch.arch_id}"):
        train(wider, short_training, few_people, directory=directory, report=lambda *_: None)


def test_a_loss_that_is_not_finite_ends_the_training_with_the_reason(few_people, small_arch, tmp_path):
    # AdamW multiplies the weights by 1 - 10·10 at each step: they overflow within the second epoch.
    exploding = TrainConfig(
        epochs=30,
        batch_size=8,
        optimizer="adamw",
        learning_rate=10.0,
        weight_decay=10.0,
        warmup_iterations=0,
        validate_every=30,
    )
    with pytest.raises(NonFiniteLossError, match=r"loss is not finite \((nan|inf)\) in epoch \d+, iteration \d+"):
        train(small_arch, exploding, few_people, directory=tmp_path, report=lambda *_: None)
    last = tmp_path / LAST
    assert not last.exists() or all(m["loss"] < float("inf") for m in load_checkpoint(last).curve)


def test_a_batch_too_small_for_the_workers_is_refused(few_people, small_arch, short_training):
    worker = Worker(rank=0, count=9, device=torch.device("cpu"))
    message = "batch_size must be at least 18, 2 samples for each of the 9 workers of a training, got 8"
    with pytest.raises(InvalidInput, match=message):
        train(small_arch, short_training, few_people, directory=None, report=lambda *_: None, worker=worker)


@pytest.mark.slow
@pytest.mark.longer
def test_it_learns_drawn_people(small_arch, tmp_path):
    images, epochs, batch, rate = by_profile((24, 26, 8, 0.012), (40, 40, 16, 0.008))
    draw_dataset(tmp_path / "people", train_images=images, val_images=2, seed=3)
    config = TrainConfig(
        epochs=epochs,
        batch_size=batch,
        learning_rate=rate,
        warmup_iterations=10,
        milestones=(0.8,),
        validate_every=epochs,
        half_body_probability=0.0,
        rotation_degrees=0.0,
        scale_range=0.0,
    )
    fitted = DataConfig(root=tmp_path / "people", name="synthetic", val_split="train")
    curve = train(small_arch, config, fitted, directory=None, report=lambda *_: None).curve
    assert curve[-1]["loss"] < curve[0]["loss"] / 2
    assert curve[-1]["ap50_gt"] > 0.3


SHALLOW = ArchConfig(input_size=(64, 32), modules=(1, 1, 1), blocks_per_module=1)
"""A network with the widths, stem and kernels of DITE-HRNet-18."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "epochs", "loss", "ap"),
    first_at_a_commit([(SHALLOW, 4, 0.9, None), (ArchConfig(input_size=(128, 96)), 40, 1 / 3, 0.3)]),
    ids=["shallow", "dite_hrnet_18"],
)
def test_dite_hrnet_learns_real_photographs(coco_mini: Path, tmp_path, arch, epochs, loss, ap):
    """So many epochs leave at most this part of the loss and reach this AP; the long form learns people by heart.

    The short form has no AP: after a few epochs it is 0 on some processors and just above 0 on others.
    """
    config = TrainConfig(
        epochs=epochs,
        batch_size=16,
        learning_rate=0.002,
        warmup_iterations=20,
        milestones=(0.7, 0.9),
        validate_every=epochs,
        half_body_probability=0.0,
        rotation_degrees=0.0,
        scale_range=0.0,
    )
    data = DataConfig(root=coco_mini, name="coco_mini", val_split="train")
    curve = loop.train(arch, config, data, directory=tmp_path, report=lambda *_: None).curve
    assert curve[-1]["loss"] < curve[0]["loss"] * loss
    assert ap is None or curve[-1]["ap_gt"] > ap
    rebuilt, network = load_network(tmp_path / LAST)
    assert rebuilt.arch_id == arch.arch_id
    assert not network.training


@pytest.mark.slow
def test_a_training_waits_for_room_on_the_disk(few_people, small_arch, short_training, whole, tmp_path, monkeypatch):
    now, notes, pauses, reported = 0.0, [], [], []

    def sleep(seconds):
        nonlocal now
        pauses.append(seconds)
        now += seconds

    def full_for_ten_seconds(handle):
        if reported and now < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    sync = os.fsync
    retry = dataclasses.replace(STORAGE_RETRY, clock=lambda: now, sleep=sleep)
    monkeypatch.setattr(os, "fsync", full_for_ten_seconds)
    result = train(
        small_arch,
        short_training,
        few_people,
        directory=tmp_path,
        report=lambda m, _: reported.append(m["epoch"]),
        note=notes.append,
        retry=retry,
    )
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert len(notes) == 2
    assert re.fullmatch(r"checkpoint .* cannot be written: no space left in .*; goes on once there is", notes[0])
    assert losses_of(result) == losses_of(whole[0])
    assert len(load_checkpoint(tmp_path / LAST).curve) == 2


def test_a_training_does_not_wait_for_ever(few_people, small_arch, short_training, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    retry = dataclasses.replace(STORAGE_RETRY, total_seconds=0.0)
    with pytest.raises(StorageFull, match=r"checkpoint .*\.pt cannot be written: no space left in"):
        train(small_arch, short_training, few_people, directory=tmp_path, report=lambda *_: None, retry=retry)


def test_a_training_goes_on_from_the_checkpoint_before_a_broken_one(few_people, small_arch, short_training, whole, tmp_path):
    done, directory = whole
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    (tmp_path / LAST).write_bytes((tmp_path / LAST).read_bytes()[:-1000])
    reported, notes = [], []
    again = train(
        small_arch,
        short_training,
        few_people,
        directory=tmp_path,
        report=lambda m, _: reported.append(m["epoch"]),
        note=notes.append,
    )
    assert reported == [1, 2]
    assert losses_of(again) == losses_of(done)
    assert re.fullmatch(r"checkpoint .*last\.pt must be a whole .*; going on from previous\.pt, after epoch 1", notes[0])
