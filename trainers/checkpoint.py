"""Checkpoints: everything a training needs to go on, or a network to be rebuilt, in one file of plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput
from search_spaces.files import atomic_path
from search_spaces.hyperparameters import TrainConfig
from trainers.model.build import build_network
from trainers.model.network import PoseNetwork
from trainers.model.released_checkpoint import load_released
from trainers.torch_file import read_torch_file

FORMAT = 1
LAST = "last.pt"
BEST = "best.pt"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training after ``epoch`` finished epochs.

    ``curve`` holds one mapping an epoch, as reported; ``data`` is the data set and protocol as plain values.
    """

    arch: ArchConfig
    train: TrainConfig
    data: Mapping[str, Any]
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    epoch: int
    curve: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        InvalidInput: the disk is full or the folder cannot be written; what was there before is still there.
    """
    content = {
        "format": FORMAT,
        "arch": checkpoint.arch.to_dict(),
        "train": checkpoint.train.to_dict(),
        "data": dict(checkpoint.data),
        "network": dict(checkpoint.network),
        "optimizer": dict(checkpoint.optimizer),
        "epoch": checkpoint.epoch,
        "curve": checkpoint.curve,
    }
    try:
        with atomic_path(path) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:
        raise InvalidInput(f"checkpoint {path} cannot be written: {error}") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running any code it may hold.

    Raises:
        InvalidInput: the file is missing, cut short, no checkpoint of ours, or of another format.
    """
    content = read_torch_file(path)
    missing = {"format", "arch", "train", "data", "network", "optimizer", "epoch", "curve"} - content.keys()
    if missing:
        raise InvalidInput(f"checkpoint {path} must hold the field {sorted(missing)[0]!r}; is it a dite-search checkpoint?")
    if content["format"] != FORMAT:
        raise InvalidInput(f"checkpoint {path} must have format {FORMAT}, got {content['format']!r}")
    try:
        arch, train = ArchConfig.from_dict(content["arch"]), TrainConfig.from_dict(content["train"])
    except (InvalidInput, TypeError, AttributeError) as error:
        raise InvalidInput(f"checkpoint {path}: {error}") from None
    fields = {name: content[name] for name in ("data", "network", "optimizer", "epoch", "curve")}
    return Checkpoint(arch=arch, train=train, **fields)


def load_network(path: Path) -> tuple[ArchConfig, PoseNetwork]:
    """The architecture and the trained network, in eval mode, of a checkpoint."""
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint.arch)
    load_weights(network, checkpoint.network, f"checkpoint {path}")
    return checkpoint.arch, network.eval()


def load_any_network(path: Path) -> tuple[ArchConfig, PoseNetwork]:
    """The network of a checkpoint of ours, or of one in the published layout."""
    return load_released(path) if "state_dict" in read_torch_file(path) else load_network(path)


def load_weights(network: PoseNetwork, state: Mapping[str, Tensor], name: str) -> None:
    """Copy weights into a network that must have exactly these parameters.

    Raises:
        InvalidInput: a key is missing, unexpected or of another shape; the message begins with ``name``.
    """
    own = network.state_dict()
    for key, value in own.items():
        if key not in state:
            raise InvalidInput(f"{name} must hold the key {key!r}, which is missing")
        if state[key].shape != value.shape:
            raise InvalidInput(f"{name}: {key} must have shape {tuple(value.shape)}, got {tuple(state[key].shape)}")
    for key in state:
        if key not in own:
            raise InvalidInput(f"{name} holds the key {key!r}, which the network has not")
    network.load_state_dict(dict(state))
