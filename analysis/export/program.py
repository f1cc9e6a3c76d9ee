"""The network as a `torch.export` program with a free batch: a file that PyTorch runs without our code."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from search_spaces.families.architecture import Architecture

EXAMPLE_BATCH = 2
"""A batch of one would be taken for a constant."""


def make_program(arch: Architecture, network: nn.Module) -> ExportedProgram:
    """Trace the network in evaluation mode: ``images`` (B, 3, H, W) to heatmaps, any B from 1 on."""
    network = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    images = torch.zeros(EXAMPLE_BATCH, 3, *arch.input_size)
    with torch.no_grad():
        return torch.export.export(network, (images,), dynamic_shapes=({0: Dim("batch", min=1)},))


def save_program(path: Path, program: ExportedProgram, arch: Architecture) -> None:
    """Write a program, with the network's id beside it."""
    torch.export.save(program, str(path), extra_files={"arch_id": arch.arch_id})


def load_program(path: Path) -> nn.Module:
    """The module of a program's file: ``module(images) -> heatmaps``."""
    return Heatmaps(torch.export.load(str(path)).module())


class Heatmaps(nn.Module):
    """A program's module that takes part in an evaluation: it is always in evaluation mode."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        # In a tuple, so that it is no submodule: those of a program refuse train() and eval().
        self._program = (program,)

    def forward(self, images: Tensor) -> Tensor:
        heatmaps: Tensor = self._program[0](images)
        return heatmaps
