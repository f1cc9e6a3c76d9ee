"""The networks of the benchmark, and one training step of each in several ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.timing import Step
from benchmarks.released_network import released_network
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from search_spaces.training_config import TrainConfig
from trainers.networks.loss import heatmap_loss
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

KEYPOINTS = 17
STRIDE = 4
"""Pixels of the input to a cell of a heatmap."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network that is measured.

    Args:
        name: of a preset or a baseline.
        build: makes it as it is trained here.
        literal: makes it as its authors compute it, with the same parameters.
    """

    name: str
    build: Callable[[], nn.Module]
    literal: Callable[[], nn.Module]


def subject(name: str) -> Subject:
    """Return a named network. The published computation of one that is no Dite-HRNet is that of its authors as it is."""
    arch = preset(name)
    literal = partial(released_network, arch) if isinstance(arch, ArchConfig) else partial(build_network, arch)
    return Subject(name=name, build=partial(build_network, arch), literal=literal)


def drawn_batch(samples: int, input_size: tuple[int, int], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Return a batch of noise, of the shapes of a training."""
    height, width = input_size
    generator = torch.Generator().manual_seed(0)
    batch = {
        "image": torch.randn(samples, 3, height, width, generator=generator),
        "target": torch.rand(samples, KEYPOINTS, height // STRIDE, width // STRIDE, generator=generator),
        "weight": torch.ones(samples, KEYPOINTS),
    }
    return {name: value.to(device) for name, value in batch.items()}


def literal_step(network: nn.Module, batch: dict[str, Tensor], device: torch.device) -> Step:
    """Return a step as the published code trains: contiguous memory, float32, Adam without fusion."""
    network = network.to(device).train()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-3, fused=False)

    def step() -> None:
        optimizer.zero_grad()
        heatmap_loss(network(batch["image"]), batch["target"], batch["weight"]).backward()
        optimizer.step()

    return step


def own_step(network: nn.Module, batch: dict[str, Tensor], device: torch.device, **fields: Any) -> Step:
    """Return a step as `trainers` takes it; ``fields`` are those of `TrainConfig` that say how it is computed."""
    learner = Learner(network, TrainConfig(batch_size=len(batch["image"]), **fields), Worker(device=device))
    learner.network.train()
    return lambda: learner.step(batch, 1e-3)
