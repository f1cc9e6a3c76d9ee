"""The training of shared weights: what it reports, how it goes on, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST, load_checkpoint, load_shared_checkpoint, save_checkpoint
from trainers.data.samples.datasets import training_set
from trainers.data.samples.held_out import training_parts
from trainers.training.loop import train
from trainers.training.sandwich_step import SandwichLearner
from trainers.training.supernet_loop import LOSSES, shared_weights_of, train_supernet

ELASTIC = elastic_space(named_space("tiny_128"))
SETTINGS = SupernetConfig(epochs=2, subnets_per_step=3, held_out=0.2)
TRAINING = TrainConfig(batch_size=8, warmup_iterations=2, seed=7, checkpoint_iterations=2)
TIMED = ("seconds", "samples_per_second")


class Interrupted(Exception):
    """Stands for a process that dies."""


def nothing(*_: Any) -> None:
    """Take a report."""


@pytest.fixture(scope="module")
def whole(people, tmp_path_factory):
    """A training that nothing disturbed, and the networks that learned in its steps."""
    directory = tmp_path_factory.mktemp("supernet")
    planned, plan = [], SandwichLearner.plan

    def noted(learner, networks, distillation):
        planned.append(([arch.arch_id for arch in networks], distillation))
        plan(learner, networks, distillation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandwichLearner, "plan", noted)
        result = train_supernet(ELASTIC, SETTINGS, TRAINING, people, directory=directory, report=nothing)
    return directory, result, planned


@pytest.mark.slow
def test_losses_of_the_largest_and_the_smallest_are_reported(whole) -> None:
    _, result, _ = whole
    assert [metrics["epoch"] for metrics in result.curve] == [1, 2]
    assert all(0 < metrics[name] < 1 for metrics in result.curve for name in LOSSES)
    assert all(result.curve[1][name] < result.curve[0][name] for name in LOSSES)
    assert not any("ap" in name.split("_") for metrics in result.curve for name in metrics)


@pytest.mark.slow
def test_networks_of_a_step_are_the_extremes_and_drawn_ones(whole) -> None:
    _, _, planned = whole
    assert {tuple(names[:2]) for names, _ in planned} == {(ELASTIC.largest.arch_id, ELASTIC.smallest.arch_id)}
    assert {len(names) for names, _ in planned} == {3}
    assert len({names[2] for names, _ in planned}) > 3
    shares = [share for _, share in planned]
    assert (shares[0], shares[-1]) == (0.0, SETTINGS.distillation)
    assert shares == sorted(shares)


@pytest.mark.slow
def test_a_training_cut_off_within_an_epoch_goes_on_to_the_last_bit(whole, people, tmp_path, monkeypatch) -> None:
    directory, result, planned = whole
    steps, step = 0, SandwichLearner.step

    def die(learner, batch, rate):
        nonlocal steps
        steps += 1
        if steps == len(planned) // 2 + 4:
            raise Interrupted
        return step(learner, batch, rate)

    with monkeypatch.context() as patch:
        patch.setattr(SandwichLearner, "step", die)
        with pytest.raises(Interrupted):
            train_supernet(ELASTIC, SETTINGS, TRAINING, people, directory=tmp_path, report=nothing)
    left = load_shared_checkpoint(tmp_path / LAST)
    assert (len(left.curve), left.position) == (1, 2)
    resumed = train_supernet(ELASTIC, SETTINGS, TRAINING, people, directory=tmp_path, report=nothing)
    assert [untimed(metrics) for metrics in resumed.curve] == [untimed(metrics) for metrics in result.curve]
    states = [load_shared_checkpoint(folder / LAST).state for folder in (directory, tmp_path)]
    for part in ("network", "average"):
        assert all(torch.equal(value, states[1][part][name]) for name, value in states[0][part].items()), part


def untimed(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in TIMED}


@pytest.mark.slow
def test_networks_of_the_space_inherit_the_averaged_weights(whole) -> None:
    checkpoint = load_shared_checkpoint(whole[0] / LAST)
    store = shared_weights_of(checkpoint, ELASTIC, "supernet.pt")
    assert torch.equal(store.state_dict()["final/weight"], checkpoint.state["average"]["final/weight"])
    network = store.export(ELASTIC.smallest)
    assert sum(p.numel() for p in network.parameters()) == cost_of(ELASTIC.smallest).params
    other = elastic_space(named_space("tiny"))
    with pytest.raises(InvalidInput, match=r"supernet.pt must hold shared weights of the same space, with widths"):
        shared_weights_of(checkpoint, other, "supernet.pt")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "settings", "message"),
    [
        ("tiny", {}, "must have supernet envelope|must be of network"),
        ("tiny_128", {"distillation": 0.1}, r"must have supernet distillation 0.1 to go on from it, got 0.5"),
        ("tiny_128", {"held_out": 0.3}, r"must have supernet held_out 0.3 to go on from it, got 0.2"),
        ("tiny_128", {"epochs": 3}, "must have supernet epochs 3 to go on from it, got 2"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(whole, people, space, settings, message) -> None:
    elastic, changed = elastic_space(named_space(space)), dataclasses.replace(SETTINGS, **settings)
    with pytest.raises(InvalidInput, match=message):
        train_supernet(elastic, changed, TRAINING, people, directory=whole[0], report=nothing)


@pytest.mark.slow
def test_shared_weights_and_one_network_are_not_taken_for_each_other(whole, people, short_training, checkpoint) -> None:
    directory = whole[0]
    with pytest.raises(InvalidInput, match="must be of one network, but it holds weights that networks of a space share"):
        load_checkpoint(directory / LAST)
    with pytest.raises(InvalidInput, match="must hold one network to go on from it, got weights that networks of a space"):
        train(ELASTIC.largest, short_training, people, directory=directory, report=nothing)


def test_the_checkpoint_of_one_network_holds_no_shared_weights(tmp_path, checkpoint) -> None:
    save_checkpoint(tmp_path / LAST, checkpoint)
    with pytest.raises(InvalidInput, match="must hold weights that networks of a space share, but it is of one network"):
        load_shared_checkpoint(tmp_path / LAST)


@pytest.mark.slow
def test_nothing_beyond_the_budget_learns_and_nothing_of_held_out_images(people, monkeypatch) -> None:
    macs = sorted(cost_of(arch).macs for arch in ELASTIC.space.enumerate())[30]
    limited = elastic_space(ELASTIC.space, Budget.parse([f"mmacs <= {macs / 1e6}"], ["mmacs"]))
    planned, seen = [], []
    plan, step = SandwichLearner.plan, SandwichLearner.step
    monkeypatch.setattr(SandwichLearner, "plan", lambda own, nets, share: (planned.extend(nets), plan(own, nets, share))[1])
    monkeypatch.setattr(
        SandwichLearner, "step", lambda own, batch, rate: (seen.extend(batch["index"].tolist()), step(own, batch, rate))[1]
    )
    one = dataclasses.replace(SETTINGS, epochs=1)
    train_supernet(limited, one, TRAINING, people, directory=None, report=nothing)
    assert max(cost_of(arch).macs for arch in planned) <= macs
    parts = training_parts(training_set(people, limited.largest, TRAINING).people, SETTINGS.held_out, TRAINING.seed)
    assert set(seen) <= set(parts.learned)
