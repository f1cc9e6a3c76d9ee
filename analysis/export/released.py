"""A checkpoint for the code of a network's authors, where that code can build the network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from search_spaces.families.architecture import Architecture
from search_spaces.registry import family_of
from trainers.checkpoints.torch_file import read_state_dict
from trainers.networks.family import CheckpointLayout
from trainers.networks.registry import networks_of


def layout_of(arch: Architecture) -> CheckpointLayout | None:
    """Return the layout that a network is written in for its authors' code: the family's first, if it has one."""
    return next(iter(networks_of(arch.FAMILY).layouts), None)


def released_problem(arch: Architecture) -> str:
    """Return why there is no checkpoint for the authors' code; empty where there can be one."""
    layout = layout_of(arch)
    if layout is None:
        return f"there is no published layout of checkpoints for networks of the {family_of(arch).label} family"
    return layout.problem(arch)


def save_released(path: Path, arch: Architecture, network: nn.Module) -> None:
    """Write the weights as the published files hold them: plain tensors below ``state_dict``."""
    layout = layout_of(arch)
    assert layout is not None, "released_problem was asked before"
    torch.save({"meta": {"arch_id": arch.arch_id}, "state_dict": layout.state(arch, network)}, path)


def load_released(path: Path, arch: Architecture) -> nn.Module:
    """Return the network that a file in the layout holds, for the input size of ``arch``."""
    layout = layout_of(arch)
    assert layout is not None, "the file was written in it"
    return layout.load(read_state_dict(path), path, arch.input_size)[1]
