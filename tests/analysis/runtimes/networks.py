"""Networks whose static form holds every operator that our families write."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from analysis.runtimes.runtime import Static, static_form
from search_spaces.families.architecture import Architecture
from tests.analysis.export.networks import SMALL, network_of
from tests.baselines import small
from trainers.networks.registry import build_network


def dite() -> tuple[Architecture, nn.Module]:
    return SMALL, network_of(SMALL)


def baseline(family: str) -> tuple[Architecture, nn.Module]:
    torch.manual_seed(0)
    arch = small(family)
    network = build_network(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
    return arch, network


@cache
def static_of(name: str) -> Static:
    """The static form of a network, which is made once: nobody may change it."""
    return static_form(*(dite() if name == "dite_hrnet" else baseline(name)))
