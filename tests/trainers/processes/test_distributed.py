"""Several processes learn what one process learns, and score each person once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.trainers.processes.workers import run_workers
from trainers.data.config import DataConfig
from trainers.data.samples.batches import BatchShares
from trainers.data.samples.datasets import training_set, validation_set
from trainers.evaluation.scoring import evaluate
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.loop import train
from trainers.training.train_step import Learner

pytestmark = pytest.mark.slow

ALONE = Worker(device=torch.device("cpu"))


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch normalisation that keeps to its running statistics in training too."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return nn.functional.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias)


def network_of(arch: ArchConfig, *, frozen: bool) -> nn.Module:
    """A network from a seed in double precision, in which the order of sums hardly matters."""
    torch.manual_seed(0)
    network = build_network(arch).double()
    if frozen:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__ = FrozenBatchNorm
    return network


def gradients(
    worker: Worker, arch: ArchConfig, data: DataConfig, config: TrainConfig, frozen: bool
) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of one step on the first batch of the first epoch."""
    learner = Learner(network_of(arch, frozen=frozen), config, worker)  # type: ignore[arg-type]
    samples = training_set(data, arch, config)
    (share, *_) = BatchShares(
        len(samples), batch_size=config.batch_size, seed=config.seed, rank=worker.rank, count=worker.count
    )
    items = [samples[index] for index in share]
    batch = {name: torch.stack([item[name] for item in items]).double() for name in ("image", "target", "weight")}
    learner.network.train()
    # A rate of 0 leaves the weights alone and the gradients to be read.
    loss = worker.sum(learner.step(batch, 0.0))
    found = {name: p.grad.clone() for name, p in learner.network.named_parameters() if p.grad is not None}
    trained = {name for name, p in learner.network.named_parameters() if p.requires_grad}
    assert found.keys() == trained, "every parameter that is trained has a gradient"
    return float(loss), found


@pytest.mark.parametrize(
    ("count", "frozen", "changes"),
    [
        (2, True, {}),
        (3, True, {}),  # shares of 6, 5 and 5
        (2, True, {"micro_batch": 3}),
        (2, False, {"sync_batchnorm": True}),
        (3, False, {"sync_batchnorm": True}),
        (2, False, {"sync_batchnorm": True, "recompute_activations": True}),
    ],
    ids=["2x8", "uneven", "pieces", "sync", "sync uneven", "sync recomputed"],
)
def test_gradients_are_those_of_one_process(
    people: DataConfig, small_arch: ArchConfig, count: int, frozen: bool, changes: dict[str, Any]
) -> None:
    config = TrainConfig(batch_size=16, seed=3)
    loss, expected = gradients(ALONE, small_arch, people, config, frozen)
    changed = dataclasses.replace(config, **changes)
    for other_loss, found in run_workers(gradients, count, small_arch, people, changed, frozen):
        assert other_loss == pytest.approx(loss, rel=1e-6)
        scale = max(float(value.abs().max()) for value in expected.values())
        assert max(float((found[name] - expected[name]).abs().max()) for name in expected) < 1e-5 * scale


def scores(worker: Worker, arch: ArchConfig, data: DataConfig) -> dict[str, float] | None:
    torch.manual_seed(0)
    scored = evaluate(build_network(arch), validation_set(data, arch, TrainConfig()), data, worker=worker, batch_size=3)
    return scored.metrics | {"results": len(scored.results)} if scored else None


def test_each_person_is_scored_once_by_any_number_of_processes(people: DataConfig, small_arch: ArchConfig) -> None:
    alone = scores(ALONE, small_arch, people)
    first, *others = run_workers(scores, 5, small_arch, people)
    assert first == alone
    assert others == [None] * 4


def curve(worker: Worker, arch: ArchConfig, data: DataConfig, config: TrainConfig) -> list[dict[str, float]]:
    return train(arch, config, data, directory=None, report=lambda *_: None, worker=worker).curve


def test_two_processes_train_the_curve_of_one(people: DataConfig, small_arch: ArchConfig) -> None:
    config = TrainConfig(epochs=3, batch_size=16, warmup_iterations=2, validate_every=3, sync_batchnorm=True)
    alone = curve(ALONE, small_arch, people, config)
    first, second = run_workers(curve, 2, small_arch, people, config)
    assert [m["loss"] for m in first] == [m["loss"] for m in second]
    # Adam's first steps are of full size whatever the gradient: they make rounding a hundredth of the loss.
    assert [m["loss"] for m in first] == pytest.approx([m["loss"] for m in alone], rel=0.03)
    assert first[-1]["loss"] < 0.9 * first[0]["loss"]
    assert first[-1]["ap_gt"] == pytest.approx(alone[-1]["ap_gt"], abs=0.02)
    assert "ap_gt" not in second[-1]


def buffers(worker: Worker) -> tuple[torch.Tensor, int]:
    norm = nn.BatchNorm2d(2)
    norm.running_mean.fill_(float(worker.rank))  # type: ignore[union-attr]
    worker.average_buffers(norm)
    return norm.running_mean, int(norm.num_batches_tracked)  # type: ignore[return-value,arg-type]


def test_running_statistics_become_the_mean() -> None:
    for mean, batches in run_workers(buffers, 2):
        assert torch.equal(mean, torch.tensor([0.5, 0.5]))
        assert batches == 0


def shared_gradients(worker: Worker) -> list[float | None]:
    parameters = [nn.Parameter(torch.zeros(())) for _ in range(3)]
    for number, parameter in enumerate(parameters[:2]):
        parameter.grad = torch.tensor(float(worker.rank + number))
    worker.average_gradients(parameters)
    return [None if each.grad is None else float(each.grad) for each in parameters]


def test_gradients_become_the_mean_and_none_stays_none() -> None:
    assert run_workers(shared_gradients, 2) == [[0.5, 1.5, None]] * 2
    assert shared_gradients(ALONE) == [0.0, 1.0, None]


def short_of_memory(worker: Worker, arch: ArchConfig) -> tuple[int | None, bool]:
    torch.manual_seed(0)
    learner = Learner(build_network(arch), TrainConfig(batch_size=32), worker)
    forward = learner.network.forward

    def limited(images: torch.Tensor) -> torch.Tensor:
        # Only the second process is short, and both must agree.
        if worker.rank == 1 and len(images) > 5:
            raise torch.OutOfMemoryError("out of memory")
        return forward(images)

    learner.network.forward = limited  # type: ignore[method-assign]
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    learner.network.train()
    learner.fit_memory(
        {"image": torch.randn(16, 3, 96, 64), "target": torch.zeros(16, 17, 24, 16), "weight": torch.ones(16, 17)}
    )
    after = learner.network.state_dict()
    return learner.micro_batch, all(torch.equal(after[name], value) for name, value in before.items())


def test_processes_agree_on_what_fits_into_memory(small_arch: ArchConfig) -> None:
    assert run_workers(short_of_memory, 2, small_arch) == [(4, True), (4, True)]
