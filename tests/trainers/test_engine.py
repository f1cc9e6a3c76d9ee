"""The training loop: what it reports, how it goes on, how it fails, and that it learns."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import torch

from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput
from search_spaces.hyperparameters import TrainConfig
from trainers import engine
from trainers.checkpoint import BEST, LAST, load_checkpoint, load_network
from trainers.data.source import DataConfig
from trainers.engine import NonFiniteLossError, ShardSampler, Worker, heatmap_loss, train


def test_every_epoch_is_reported_and_the_last_is_validated(people, small_arch, short_training, tmp_path):
    reported = []
    config = dataclasses.replace(short_training, epochs=3, validate_every=2)
    result = train(small_arch, config, people, directory=tmp_path, report=lambda m, path: reported.append((m, path)))
    assert [metrics["epoch"] for metrics, _ in reported] == [1, 2, 3]
    assert ["ap_gt" in metrics for metrics, _ in reported] == [False, True, True]
    assert all(path == tmp_path for _, path in reported)
    assert result.metrics == reported[-1][0]
    assert result.metrics["seconds"] >= reported[0][0]["seconds"] > 0
    assert (tmp_path / BEST).is_file()


def test_the_same_seed_trains_the_same_network(people, small_arch, short_training):
    curves = [train(small_arch, short_training, people, directory=None, report=lambda *_: None).curve for _ in range(2)]
    assert [m["loss"] for m in curves[0]] == [m["loss"] for m in curves[1]]
    other = dataclasses.replace(short_training, seed=8)
    assert train(small_arch, other, people, directory=None, report=lambda *_: None).curve[0]["loss"] != curves[0][0]["loss"]


class Interrupted(Exception):
    """Stands for a process that dies."""


def test_a_training_cut_off_goes_on_to_the_same_end(people, small_arch, short_training, tmp_path):
    def die_after_first(metrics, _):
        if metrics["epoch"] == 1:
            raise Interrupted

    whole = train(small_arch, short_training, people, directory=tmp_path / "whole", report=lambda *_: None)
    with pytest.raises(Interrupted):
        train(small_arch, short_training, people, directory=tmp_path / "cut", report=die_after_first)
    reported = []
    resumed = train(
        small_arch, short_training, people, directory=tmp_path / "cut", report=lambda m, _: reported.append(m["epoch"])
    )
    assert reported == [1, 2], "the report that died with the process is made up for"
    assert [m["loss"] for m in resumed.curve] == [m["loss"] for m in whole.curve]
    assert resumed.metrics["ap_gt"] == whole.metrics["ap_gt"]
    weights = [load_checkpoint(tmp_path / name / LAST).network for name in ("whole", "cut")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_checkpoint_of_another_training_is_refused(people, small_arch, short_training, tmp_path):
    train(small_arch, short_training, people, directory=tmp_path, report=lambda *_: None)
    with pytest.raises(InvalidInput, match=r"last\.pt must have learning_rate 0\.1 to go on from it, got 0\.002"):
        train(
            small_arch,
            dataclasses.replace(short_training, learning_rate=0.1),
            people,
            directory=tmp_path,
            report=lambda *_: None,
        )
    wider = dataclasses.replace(small_arch, widths=(32, 48, 64, 96))
    with pytest.raises(InvalidInput, match=f"must be of network {wider.arch_id} to go on from it, got {small_arch.arch_id}"):
        train(wider, short_training, people, directory=tmp_path, report=lambda *_: None)


def test_a_loss_that_is_not_finite_ends_the_training_with_the_reason(people, small_arch, tmp_path):
    # AdamW multiplies the weights by 1 - 10·10 at each step: they overflow within the second epoch.
    exploding = TrainConfig(
        epochs=30,
        batch_size=16,
        optimizer="adamw",
        learning_rate=10.0,
        weight_decay=10.0,
        warmup_iterations=0,
        validate_every=30,
    )
    with pytest.raises(NonFiniteLossError, match=r"loss is not finite \((nan|inf)\) in epoch \d+, iteration \d+"):
        train(small_arch, exploding, people, directory=tmp_path, report=lambda *_: None)
    last = tmp_path / LAST
    assert not last.exists() or all(m["loss"] < float("inf") for m in load_checkpoint(last).curve)


def test_a_batch_the_workers_cannot_share_is_refused(people, small_arch, short_training):
    worker = Worker(rank=0, count=3, device=torch.device("cpu"))
    with pytest.raises(InvalidInput, match="batch_size must be a multiple of the 3 workers of a training, got 16"):
        train(small_arch, short_training, people, directory=None, report=lambda *_: None, worker=worker)


def test_loss_is_the_mean_square_weighted_by_visibility():
    heatmaps, target = torch.tensor([[[[1.0, 2.0]], [[5.0, 5.0]]]]), torch.zeros(1, 2, 1, 2)
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 0.0]])).item() == pytest.approx((1 + 4 + 0 + 0) / 4)


@pytest.mark.parametrize("samples", [5, 16, 37, 64])
def test_shards_partition_the_global_batches_of_one_process(samples):
    def shard(rank: int, count: int, epoch: int = 0) -> list[int]:
        worker = Worker(rank=rank, count=count, device=torch.device("cpu"))
        sampler = ShardSampler(samples, batch_size=8, worker=worker, seed=1)
        sampler.set_epoch(epoch)
        return list(sampler)

    alone = shard(0, 1)
    together = [shard(rank, 4) for rank in range(4)]
    assert len({len(part) for part in together}) == 1
    for start in range(0, len(alone), 8):
        own = slice(start // 4, start // 4 + 2)
        assert Counter(alone[start : start + 8]) == Counter(i for part in together for i in part[own])
    assert len(alone) == max(8, samples // 8 * 8)
    assert samples < 8 or len(set(alone)) == len(alone)
    assert shard(0, 1, epoch=1) != alone


def test_it_learns_drawn_people(people, small_arch):
    config = TrainConfig(
        epochs=40,
        batch_size=16,
        learning_rate=0.008,
        warmup_iterations=10,
        milestones=(0.8,),
        validate_every=40,
        half_body_probability=0.0,
        rotation_degrees=0.0,
        scale_range=0.0,
    )
    fitted = dataclasses.replace(people, val_split="train")
    curve = train(small_arch, config, fitted, directory=None, report=lambda *_: None).curve
    assert curve[-1]["loss"] < curve[0]["loss"] / 2
    assert curve[-1]["ap50_gt"] > 0.3


@pytest.mark.slow
def test_dite_hrnet_18_learns_real_photographs(coco_mini: Path, tmp_path):
    arch = ArchConfig(input_size=(128, 96))
    config = TrainConfig(
        epochs=40,
        batch_size=16,
        learning_rate=0.002,
        warmup_iterations=20,
        milestones=(0.7, 0.9),
        validate_every=40,
        half_body_probability=0.0,
        rotation_degrees=0.0,
        scale_range=0.0,
    )
    data = DataConfig(root=coco_mini, name="coco_mini", val_split="train")
    torch.set_num_threads(2)
    curve = engine.train(arch, config, data, directory=tmp_path, report=lambda *_: None).curve
    assert curve[-1]["loss"] < curve[0]["loss"] / 3
    assert curve[-1]["ap_gt"] > 0.3
    rebuilt, network = load_network(tmp_path / LAST)
    assert rebuilt.arch_id == arch.arch_id
    assert not network.training
