"""The traced graph of every baseline gives what the network gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from analysis.onnx.export import agreement, onnx_bytes
from tests.baselines import SMALL, small
from trainers.networks.registry import build_network


@pytest.mark.parametrize("family", SMALL)
def test_the_graph_agrees_with_the_network_at_any_batch(family: str) -> None:
    torch.manual_seed(0)
    arch = small(family)
    network = build_network(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
    found = agreement(network, onnx_bytes(arch, network), arch.input_size, count=3)
    assert found.compared == 3
    assert found.holds, str(found)
