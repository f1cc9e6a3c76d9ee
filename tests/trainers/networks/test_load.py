"""Weights are loaded whole or not at all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_spaces.common.errors import InvalidInput
from trainers.networks.load import load_weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": None}, "file.pt must hold the key 'weight', which is missing"),
        ({"weight": torch.zeros(2, 2)}, r"file.pt: weight must have shape \(2, 3\), got \(2, 2\)"),
        ({"other": torch.zeros(1)}, "file.pt holds the key 'other', which the network has not"),
    ],
)
def test_weights_of_another_network_are_refused(change: dict[str, torch.Tensor | None], message: str) -> None:
    network = nn.Linear(3, 2)
    before = network.weight.clone()
    state = {**{name: torch.ones_like(value) for name, value in network.state_dict().items()}, **change}
    with pytest.raises(InvalidInput, match=message):
        load_weights(network, {name: value for name, value in state.items() if value is not None}, "file.pt")
    assert torch.equal(network.weight, before), "nothing was copied"


def test_weights_are_copied() -> None:
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    load_weights(network, other.state_dict(), "file.pt")
    assert torch.equal(network.weight, other.weight)
