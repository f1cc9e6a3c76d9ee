"""A checkpoint in the published key layout, for the networks that the authors' code can build."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import PRESETS, preset
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.dite_hrnet.released_checkpoint import released_key

FIXED = (
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
"""What the authors' code does not let a configuration choose freely; widths, modules, blocks and keypoints it does."""


def released_problem(arch: ArchConfig) -> str:
    """Why the authors' code cannot build a network; empty where it can.

    It must have what is `FIXED` in common with a network of the papers.
    """
    papers = [preset(name) for name in PRESETS]
    if any(_as_in(arch, paper) for paper in papers):
        return ""
    differing = min((_differing(arch, paper) for paper in papers), key=len)
    return f"the authors' code builds the published G, N and bottlenecks only, and this network has {', '.join(differing)}"


def released_state(arch: ArchConfig, network: PoseNetwork) -> dict[str, Tensor]:
    """The weights under the published names."""
    return {
        released_key(key, arch.canonical): tensor.detach().cpu().contiguous().clone()
        for key, tensor in network.state_dict().items()
    }


def save_released(path: Path, arch: ArchConfig, network: PoseNetwork) -> None:
    """Write them as the published files hold them: plain tensors below ``state_dict``."""
    torch.save({"meta": {"arch_id": arch.arch_id}, "state_dict": released_state(arch, network)}, path)


def _as_in(arch: ArchConfig, paper: ArchConfig) -> bool:
    """Whether a network stays the same when it takes the paper's values of what is fixed."""
    try:
        taken = dataclasses.replace(arch, **{field: getattr(paper, field) for field in FIXED})
    except InvalidInput:
        return False
    return taken.canonical == arch.canonical


def _differing(arch: ArchConfig, paper: ArchConfig) -> list[str]:
    return [
        f"{field} {_plain(getattr(arch, field))} instead of {_plain(getattr(paper, field))}"
        for field in FIXED
        if getattr(arch, field) != getattr(paper, field)
    ]


def _plain(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
