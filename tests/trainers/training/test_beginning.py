"""The beginning of a training: it starts from weights, keeps what is frozen, and hears its teacher."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.starting_weights import WEIGHTS_TAKEN
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST, load_checkpoint, save_checkpoint
from trainers.data.formats.data_format import FORMATS
from trainers.networks.loss import heatmap_loss
from trainers.networks.parts import parts_of
from trainers.processes.distributed import Worker
from trainers.training.beginning import check_beginning, drawn_network, take_start
from trainers.training.loop import TEACHER_COST, train
from trainers.training.teacher import load_teacher
from trainers.training.train_step import Learner

COCO = FORMATS["coco"].keypoint_set.names
CPU = Worker(device=torch.device("cpu"))


@pytest.fixture
def start(checkpoint, tmp_path):
    """A checkpoint to begin from, and to learn from."""
    save_checkpoint(tmp_path / "start.pt", dataclasses.replace(checkpoint, data={"format": "coco"}))
    return tmp_path / "start.pt"


def batch_of(arch, count=4):
    target = torch.rand(count, arch.keypoints, *arch.heatmap_size)
    return {"image": torch.rand(count, 3, *arch.input_size), "target": target, "weight": torch.ones(count, arch.keypoints)}


def test_a_training_begins_with_the_weights_and_their_share_is_told(start, small_arch):
    config = TrainConfig(start_from=str(start))
    network = drawn_network(small_arch, config)
    taken = take_start(network, small_arch, config, COCO)
    assert taken is not None
    assert taken.share == 1.0
    state = load_checkpoint(start).weights
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert check_beginning(small_arch, config, COCO).sentences == [f"100.0% of the parameters are taken from {start}"]
    assert take_start(network, small_arch, TrainConfig(), COCO) is None
    assert check_beginning(small_arch, TrainConfig(), COCO).sentences == []


def test_frozen_parts_keep_their_weights_and_their_statistics(start, small_arch):
    config = TrainConfig(start_from=str(start), freeze=("stem",), batch_size=4, warmup_iterations=0)
    network = drawn_network(small_arch, config)
    take_start(network, small_arch, config, COCO)
    learner = Learner(network, config, CPU, parts=parts_of(small_arch))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    learner.train()
    learner.step(batch_of(small_arch), 0.01)
    after = network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert not {name for name in changed if name.startswith("stem.")}
    assert {"final.weight", "head.projects.0.depthwise.bn.running_mean"} & changed


def test_the_head_learns_faster_by_its_factor(start, small_arch):
    config = TrainConfig(head_learning_rate_factor=10.0, batch_size=4)
    learner = Learner(drawn_network(small_arch, config), config, CPU, parts=parts_of(small_arch))
    learner.step(batch_of(small_arch), 0.01)
    assert [group["lr"] for group in learner.optimizer.param_groups] == [0.01, 0.1]
    head = {id(each) for each in (*learner.network.head.parameters(), *learner.network.final.parameters())}
    assert {id(each) for each in learner.optimizer.param_groups[1]["params"]} == head
    again = Learner(drawn_network(small_arch, config), config, CPU, parts=parts_of(small_arch))
    again.load(learner.state())
    again.step(batch_of(small_arch), 0.02)
    assert [group["lr"] for group in again.optimizer.param_groups] == pytest.approx([0.02, 0.2])


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_loss_is_shared_between_truth_and_teacher(start, small_arch, weight):
    config = TrainConfig(distill={"teacher": str(start), "weight": weight}, batch_size=4)
    network = drawn_network(small_arch, config)
    teacher = load_teacher(small_arch, config, COCO)
    batch = batch_of(small_arch)
    batch["weight"][:, 0] = 0
    with torch.no_grad():
        heatmaps = network.train()(batch["image"])
        truth = heatmap_loss(heatmaps, batch["target"], batch["weight"])
        shown = heatmap_loss(heatmaps, teacher(batch["image"]), torch.ones_like(batch["weight"]))
    network = drawn_network(small_arch, config)
    learner = Learner(network, config, CPU, parts=parts_of(small_arch), teacher=teacher)
    learner.train()
    assert float(learner.step(batch, 0.0)) == pytest.approx(float((1 - weight) * truth + weight * shown), rel=1e-4)
    assert learner.teacher_milliseconds(batch) > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"freeze": ["neck"]}, r"freeze must name parts of the network \(stem, stage2, stage3, stage4, head\)"),
        ({"freeze": ["stem", "stages", "head"]}, "freeze must leave a part of the network to learn"),
        ({"distill": {"teacher": "gone.pt"}}, r"distill.teacher must be a file of weights, but .*gone\.pt does not exist"),
    ],
)
def test_a_mistake_is_told_before_anything_begins(start, small_arch, fields, message):
    with pytest.raises(InvalidInput, match=message):
        check_beginning(small_arch, TrainConfig(start_from=str(start), **fields), COCO)


@pytest.mark.slow
def test_a_training_goes_on_where_its_first_weights_are_gone(start, small_arch, few_people, short_training, tmp_path):
    config = dataclasses.replace(short_training, epochs=1, start_from=str(start), freeze=("stem",))
    first = train(small_arch, config, few_people, directory=tmp_path / "run", report=lambda *_: None)
    assert first.metrics[WEIGHTS_TAKEN] == 1.0
    assert TEACHER_COST not in first.metrics
    start.unlink()
    again = train(small_arch, config, few_people, directory=tmp_path / "run", report=lambda *_: None)
    assert again.curve == first.curve
    assert load_checkpoint(tmp_path / "run" / LAST).taken == 1.0
    scratch = dataclasses.replace(config, start_from=None, freeze=())
    with pytest.raises(InvalidInput, match="must have start_from None to go on from it, got 'sha256 "):
        train(small_arch, scratch, few_people, directory=tmp_path / "run", report=lambda *_: None)
