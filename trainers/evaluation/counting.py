"""The costs of a built network, counted on the network itself: the judge of the closed form in the families."""

from __future__ import annotations

import logging
from typing import Any

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from search_spaces.families.architecture import Architecture
from trainers.networks.registry import build_network

MULTIPLY_ACCUMULATE_OPERATORS = ("conv", "linear", "addmm")


def count_params(network: nn.Module) -> int:
    """All parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(module: nn.Module, inputs: tuple[Any, ...]) -> int:
    """Multiply-accumulates of the convolutions and linear layers of one call, as fvcore counts them: no bias additions."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with torch.no_grad():
        counts = FlopCountAnalysis(module, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = counts.by_operator()
    return int(sum(by_operator.get(name, 0) for name in MULTIPLY_ACCUMULATE_OPERATORS))


def measured_cost(arch: Architecture) -> tuple[int, int]:
    """Parameters, and multiply-accumulates for one image, of the network built from an architecture."""
    network = build_network(arch).eval()
    # The network alone, not its layers: it then gives every output, and the trace leaves no head out.
    network.training = True
    return count_params(network), count_macs(network, (torch.zeros(1, 3, *arch.input_size),))
