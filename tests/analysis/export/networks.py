"""Networks to export."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from search_spaces.families.dite_hrnet.config import ArchConfig
from tests.analysis.studies import TINY
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.registry import build_network

SMALL = dataclasses.replace(TINY, stem_width=16, stem_kernels=2, groups=(1, 2, 2, 4), kernels=(2, 2, 1, 1))


def network_of(arch: ArchConfig, *, seed: int = 0) -> PoseNetwork:
    """A network whose every part shows in its output: the released initialisation nearly silences the attention.

    Its batch normalisation has statistics of its own inputs, as after training.
    """
    torch.manual_seed(seed)
    network = build_network(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network(torch.randn(8, 3, *arch.input_size))
    return network.eval()
