"""Statistics are the means over the batches and nothing of before; weights and momenta stay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_spaces.space.space_file import named_space
from trainers.evaluation.calibration import calibrate
from trainers.networks.common.batch_norm import SynchronisedBatchNorm
from trainers.networks.registry import build_network


def batches(count: int = 3, size: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, 3, 64, 32, generator=generator) * (number + 1) for number in range(count)]


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, SynchronisedBatchNorm])
def test_statistics_are_means_over_batches(kind: type[nn.BatchNorm2d]) -> None:
    norm = kind(3, momentum=0.3)
    nn.init.constant_(norm.running_mean, 100.0)
    given = batches()
    assert calibrate(norm, given) == 3
    mean = torch.stack([batch.mean((0, 2, 3)) for batch in given]).mean(0)
    variance = torch.stack([batch.transpose(0, 1).flatten(1).var(1) for batch in given]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert norm.momentum == 0.3
    assert not norm.training


def test_stale_statistics_leave_no_trace() -> None:
    """A network that was calibrated on other images ends as a fresh one does, to the last bit."""
    arch = next(named_space("tiny_128").enumerate())
    torch.manual_seed(0)
    fresh = build_network(arch)
    stale = build_network(arch)
    stale.load_state_dict(fresh.state_dict())
    calibrate(stale, [batch + 5.0 for batch in batches(2)])
    before = {name: value.clone() for name, value in fresh.named_parameters()}
    for network in (fresh, stale):
        calibrate(network, batches(2))
    assert all(torch.equal(value, stale.state_dict()[name]) for name, value in fresh.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in fresh.named_parameters())
    with torch.no_grad():
        assert torch.equal(fresh(batches(1)[0]), stale(batches(1)[0]))


def test_no_batches_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="a calibration needs at least one batch"):
        calibrate(nn.BatchNorm2d(3), [])
    assert calibrate(nn.Conv2d(3, 1, 1), []) == 0
