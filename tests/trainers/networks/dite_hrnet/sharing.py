"""Spaces whose networks share weights, and networks that read them without the code under test."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.elastic import DiteEnvelope
from search_spaces.space.elastic_space import envelope_of
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import named_space, space_from
from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.shared_layout import Slice, layout_of, shared_tensors
from trainers.networks.dite_hrnet.shared_weights import SharedWeights

LITE = {
    "width_branch1": [32, 40],
    "width_branch3": [64, 96, 160],
    "modules_stage3": [1, 2],
    "blocks_per_module": [1, 2],
}
SPACES: dict[str, SearchSpace] = {
    "tiny_128": named_space("tiny_128"),
    "dite_hrnet": named_space("dite_hrnet"),
    "lite": space_from({"base": "lite_hrnet_18", "parameters": LITE}),
    "lite with dsc": space_from(
        {
            "base": "lite_hrnet_18_dsc",
            "parameters": LITE
            | {"block": ["lite", "lite_dsc"], "groups_branch3": [1, 2, 4], "kernels_branch3": [1, 2], "modules_stage3": [1]},
        }
    ),
    "poolings and bottlenecks": space_from(
        {
            "base": "tiny_128",
            "parameters": {
                "context_pooling": ["spatial", "released"],
                "context_reduction_branch2": [2, 4, 8],
                "attention_reduction": [2, 4],
                "cross_reduction": [4, 8],
                "stem_kernels": [1, 2, 4],
                "groups_branch3": [1, 2],
            },
        }
    ),
}


@cache
def envelope(name: str) -> DiteEnvelope:
    found = envelope_of(SPACES[name])
    assert isinstance(found, DiteEnvelope)
    return found


@cache
def tensors_of(name: str) -> dict[str, Slice]:
    return shared_tensors(envelope(name))


def drawn(name: str, seed: int) -> ArchConfig:
    """Return a network of a space by chance."""
    arch: Any = SPACES[name].build(SPACES[name].sample(np.random.default_rng(seed)))
    return arch


@cache
def store_of(name: str) -> SharedWeights:
    """Return a store whose every value matters, those of batch normalisation among them."""
    torch.manual_seed(0)
    store = SharedWeights(envelope(name))
    with torch.no_grad():
        for parameter in store.parameters():
            parameter.normal_(0.1, 0.3)
    return store


def copied(store: SharedWeights, arch: ArchConfig) -> nn.Module:
    """Return a network that `build_network` makes, with weights that numpy reads out of a store."""
    network = build_network(arch)
    own, parts = dict(store.named_parameters()), layout_of(arch, store.envelope)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            part = parts[name]
            values = own[part.role].numpy()[np.ix_(*(axis.indices for axis in part.axes))]
            parameter.copy_(torch.from_numpy(values.reshape(part.shape)))
    return network
