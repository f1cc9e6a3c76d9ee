"""Costs counted on a network."""

from __future__ import annotations

import torch
from torch import nn

from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space
from trainers.evaluation.counting import count_macs, count_params, measured_cost


def test_a_convolution_and_a_linear_layer_are_counted_without_their_bias() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5))
    assert count_params(network) == 3 * 8 * 9 + 8 + 8 * 16 * 5 + 5
    assert count_macs(network, (torch.zeros(1, 3, 4, 4),)) == 3 * 8 * 9 * 16 + 8 * 16 * 5


def test_a_built_network_costs_what_the_closed_form_says() -> None:
    arch = named_space("tiny_128").base
    cost = cost_of(arch)
    assert measured_cost(arch) == (cost.params, cost.macs)
