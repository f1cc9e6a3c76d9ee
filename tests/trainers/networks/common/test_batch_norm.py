"""Batch normalisation over processes; `tests/trainers/processes` has it over several."""

from __future__ import annotations

import torch
from torch import nn

from trainers.networks.common.batch_norm import SynchronisedBatchNorm, synchronise_batch_norm


def test_a_network_keeps_its_parameters_and_alone_its_outputs() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.InstanceNorm2d(4))
    images = torch.randn(2, 3, 5, 5)
    expected, names = network(images), list(network.state_dict())
    found = synchronise_batch_norm(network, torch.device("cpu"))
    assert isinstance(found[1], SynchronisedBatchNorm)
    assert isinstance(found[2], nn.InstanceNorm2d)
    assert list(found.state_dict()) == names
    assert torch.equal(found(images), expected), "one process has the statistics of all"
