"""Every baseline learns, with one output or several, and however its steps are computed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from tests.baselines import SMALL, small
from trainers.networks.loss import Batch
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

SAMPLES = 4
OUTPUTS = {"hourglass": 1, "stacked_hourglass": 2, "cpn": 5}
"""Outputs in training of the small members with more heads than one."""


def batch_for(arch: Architecture) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.randn(SAMPLES, 3, *arch.input_size, generator=generator),
        "target": torch.rand(SAMPLES, arch.keypoints, *arch.heatmap_size, generator=generator),
        "weight": (torch.rand(SAMPLES, arch.keypoints, generator=generator) > 0.3).float(),
    }


def learner_of(arch: Architecture, **changes: Any) -> Learner:
    torch.manual_seed(0)
    config = TrainConfig(batch_size=SAMPLES, **changes)
    learner = Learner(build_network(arch), config, Worker(device=torch.device("cpu")))
    learner.network.train()
    return learner


def losses(learner: Learner, batch: Batch, steps: int = 6) -> list[float]:
    return [float(learner.step(batch, 2e-3)) for _ in range(steps)]


@pytest.mark.parametrize("family", SMALL)
def test_steps_lower_the_loss_and_recomputation_changes_nothing(family: str) -> None:
    arch = small(family)
    batch, plain = batch_for(arch), learner_of(arch)
    found = losses(plain, batch)
    assert found[-1] < found[0]
    again = learner_of(arch, recompute_activations=True)
    assert losses(again, batch) == pytest.approx(found, rel=1e-6)
    for (name, value), other in zip(plain.network.state_dict().items(), again.network.state_dict().values(), strict=True):
        torch.testing.assert_close(value, other, msg=name)


@pytest.mark.parametrize("family", SMALL)
def test_every_parameter_that_learns_has_a_gradient(family: str) -> None:
    arch = small(family)
    learner = learner_of(arch)
    learner.step(batch_for(arch), 0.0)
    without = [
        name
        for name, parameter in learner.network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not torch.isfinite(parameter.grad).all())
    ]
    assert not without


@pytest.mark.parametrize("family", SMALL)
def test_the_average_of_the_weights_and_the_evaluation_give_one_prediction(family: str) -> None:
    arch = small(family)
    learner = learner_of(arch, ema_decay=0.5)
    images = batch_for(arch)["image"]
    outputs = learner.network(images)
    several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    assert len(several) == OUTPUTS.get(family, 1)
    assert all(tuple(output.shape) == (SAMPLES, arch.keypoints, *arch.heatmap_size) for output in several)
    losses(learner, batch_for(arch), steps=1)
    with torch.no_grad():
        heatmaps = learner.scored.eval()(images)
    assert tuple(heatmaps.shape) == (SAMPLES, arch.keypoints, *arch.heatmap_size)


@pytest.mark.parametrize("family", ["cpn", "stacked_hourglass", "mobilenet_v3"])
@pytest.mark.parametrize("changes", [{"precision": "bfloat16"}, {"micro_batch": 2}])
def test_half_precision_and_pieces_learn(family: str, changes: dict[str, Any]) -> None:
    arch = small(family)
    found = losses(learner_of(arch, **changes), batch_for(arch))
    assert found[-1] < found[0]
