"""The network that speed is measured against computes the same function: outputs, gradients and running statistics."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from benchmarks.released_network import ReleasedAggregation, ReleasedFusion, released_network
from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from tests.profiles import examples
from tests.strategies import architectures
from trainers.networks.registry import build_network
from trainers.training.train_step import to_channels_last

TWICE = re.compile(r"fusion\.paths\.[123]\.0\.")
"""Parts that the published computation evaluates twice: their running statistics move twice in a step there."""


def learned(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Outputs in both modes, and what one backward pass leaves behind, by name."""
    scored = network.eval()(images).detach()
    heatmaps = network.train()(images)
    weights = torch.linspace(-1, 1, heatmaps.numel(), dtype=heatmaps.dtype).view_as(heatmaps)
    (heatmaps * weights).sum().backward()
    found = {f"gradient of {name}": p.grad for name, p in network.named_parameters() if p.grad is not None}
    found |= {name: value for name, value in network.named_buffers() if not TWICE.search(name)}
    return {"trained": heatmaps.detach(), "scored": scored, **found}


@pytest.mark.slow
@examples(8, nightly=250)
@given(arch=architectures(max_modules=1), seed=st.integers(0, 100))
def test_both_compute_the_same_function(arch: ArchConfig, seed: int) -> None:
    torch.manual_seed(seed)
    ours, theirs = to_channels_last(build_network(arch).double()), released_network(arch).double()
    with torch.no_grad():
        for part in ours.parameters():
            part.copy_(torch.randn(part.shape) * 0.3)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(3, 3, *arch.input_size, dtype=torch.double)
    expected, found = learned(theirs, images), learned(ours, images)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=1e-6, atol=1e-8 * (1 + float(value.abs().max()))), name


def test_it_is_the_published_computation() -> None:
    """One group of a convolution per sample and channel, and every F_i0 evaluated twice."""
    network = released_network(resized(preset("dite_hrnet_18"), input_size="64x64"))
    calls = {"dynamic": 0, "fused": 0}
    for module in network.modules():
        if isinstance(module, ReleasedAggregation):
            module.register_forward_hook(lambda *_: calls.update(dynamic=calls["dynamic"] + 1))
        if isinstance(module, ReleasedFusion):
            for paths in list(module.paths)[1:]:
                paths[0].register_forward_hook(lambda *_: calls.update(fused=calls["fused"] + 1))
    with torch.no_grad():
        network.eval()(torch.randn(2, 3, 64, 64))
    modules = [module for module in network.modules() if isinstance(module, ReleasedFusion)]
    assert calls["fused"] == 2 * sum(len(module.paths) - 1 for module in modules)
    assert calls["dynamic"] > 0
