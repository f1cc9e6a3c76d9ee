"""Which networks the published code can build, and their weights under the published names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import PRESETS
from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.released_checkpoint import infer_arch, released_key, released_network
from trainers.networks.family import CheckpointLayout

FIXED_FIELDS = (
    "stem",
    "block",
    "fusion",
    "context_pooling",
    "stem_kernels",
    "groups",
    "kernels",
    "attention_reduction",
    "context_reductions",
    "stem_context_reduction",
)
"""Fields that are not free in the authors' code; widths, modules, blocks and keypoints are free there."""


def released_problem(arch: ArchConfig) -> str:
    """Why the authors' code cannot build a network; empty where it can.

    It must have what is `FIXED_FIELDS` in common with a network of the papers.
    """
    papers = [make() for make in PRESETS.values()]
    if any(_as_in(arch, paper) for paper in papers):
        return ""
    differing = min((_differing(arch, paper) for paper in papers), key=len)
    return f"the authors' code builds the published G, N and bottlenecks only, and this network has {', '.join(differing)}"


def released_state(arch: ArchConfig, network: nn.Module) -> dict[str, Tensor]:
    """The weights under the published names."""
    return {
        released_key(key, arch.canonical): tensor.detach().cpu().contiguous().clone()
        for key, tensor in network.state_dict().items()
    }


def own_names(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return tensors of the published layout under our names, as many as there are; others stay as they are.

    Raises:
        InvalidInput: a tensor that says what the network is is missing or has another shape.
    """
    if not RELEASED.recognises(list(state)):
        return state
    arch = infer_arch({name: tuple(tensor.shape) for name, tensor in state.items()})
    with torch.random.fork_rng(devices=[]):
        known = {released_key(name, arch): name for name in build_network(arch).state_dict()}
    return {known.get(name, name): tensor for name, tensor in state.items()}


def _as_in(arch: ArchConfig, paper: ArchConfig) -> bool:
    """Whether a network stays the same when it takes the paper's values of what is fixed."""
    try:
        taken = dataclasses.replace(arch, **{field: getattr(paper, field) for field in FIXED_FIELDS})
    except InvalidInput:
        return False
    return taken.canonical == arch.canonical


def _differing(arch: ArchConfig, paper: ArchConfig) -> list[str]:
    return [
        f"{field} {_plain(getattr(arch, field))} instead of {_plain(getattr(paper, field))}"
        for field in FIXED_FIELDS
        if getattr(arch, field) != getattr(paper, field)
    ]


def _plain(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


RELEASED = CheckpointLayout(
    name="the authors' code",
    recognises=lambda keys: any(key.startswith("backbone.stem.conv1.") for key in keys),
    load=released_network,
    problem=released_problem,
    state=released_state,
)
