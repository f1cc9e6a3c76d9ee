"""The beginning of a training: the weights that it starts from, the parts that stay, and its teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.networks.inherited_weights import inherited_state
from trainers.networks.parts import freeze, parts_of
from trainers.networks.registry import build_network
from trainers.networks.starting_weights import Taken, take_weights
from trainers.networks.weights_file import read_weights
from trainers.training.teacher import load_teacher


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The state of a training before its first step.

    Args:
        taken: What the network takes of ``start_from``; None from scratch.
        teacher: The file of the teacher; empty without one.
    """

    taken: Taken | None
    teacher: str

    @property
    def sentences(self) -> list[str]:
        """Sentences for the user; none for a training from scratch without a teacher."""
        found = [] if self.taken is None else [str(self.taken)]
        return [*found, f"The teacher is {self.teacher}"] if self.teacher else found


def drawn_network(arch: Architecture, config: TrainConfig) -> nn.Module:
    """Return a network with weights that are drawn from the seed of a recipe."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_network(arch)


def take_start(network: nn.Module, arch: Architecture, config: TrainConfig, keypoints: Sequence[str]) -> Taken | None:
    """Copy what fits of ``start_from`` into a network, and return what that was; None where a recipe names no weights.

    Raises:
        InvalidInput: the file cannot be read, is not that of the recipe, or nothing of it fits.
    """
    if config.start_from is None:
        return None
    weights = read_weights(config.start_from, "start_from")
    if weights.supernet is not None:
        assert weights.arch is not None, "a checkpoint has an architecture"
        state = inherited_state(weights.state, weights.supernet, weights.arch, arch, weights.name)
        weights = dataclasses.replace(weights, state=state, arch=arch)
    return take_weights(network, arch, weights, keypoints)


def check_beginning(arch: Architecture, config: TrainConfig, keypoints: Sequence[str]) -> Beginning:
    """Return what a training begins with, or raise what would end it before its first step.

    Args:
        arch: The network.
        config: The recipe.
        keypoints: The names of the keypoints of the data.

    Raises:
        InvalidInput: weights, frozen parts or the teacher do not fit the network.
    """
    taken = None
    if config.start_from is not None:
        network = drawn_network(arch, config)
        taken = take_start(network, arch, config, keypoints)
        freeze(network, parts_of(arch), config.freeze)
    teacher = load_teacher(arch, config, keypoints)
    return Beginning(taken=taken, teacher=config.distill.teacher.file if config.distill and teacher is not None else "")
