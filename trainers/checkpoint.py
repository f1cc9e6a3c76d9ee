"""Checkpoints: everything a training needs to go on, or a network to be rebuilt, in one file of plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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

FORMAT = 2
LAST = "last.pt"
BEST = "best.pt"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training after the epochs in ``curve`` and ``position`` batches of the next, whose losses add up to ``loss``.

    ``state`` is the learner's: ``network``, ``optimizer``, ``scaler``, ``average`` (None without one) and
    ``averaged_steps``. ``data`` is the data set and protocol as plain values; ``seconds`` is the time spent so far.
    """

    arch: ArchConfig
    train: TrainConfig
    data: Mapping[str, Any]
    state: Mapping[str, Any]
    curve: list[dict[str, float]] = field(default_factory=list)
    position: int = 0
    loss: float = 0.0
    seconds: float = 0.0

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The weights to score and to ship: the averaged ones where there are any."""
        weights: Mapping[str, Tensor] = self.state["average"] or self.state["network"]
        return weights


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        InvalidInput: the disk is full or the folder cannot be written; what was there before is still there.
    """
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    content |= {
        "format": FORMAT,
        "arch": checkpoint.arch.to_dict(),
        "train": checkpoint.train.to_dict(),
        "data": dict(checkpoint.data),
        "state": dict(checkpoint.state),
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
    if content.get("format", FORMAT) != FORMAT:
        raise InvalidInput(f"checkpoint {path} must have format {FORMAT}, got {content['format']!r}")
    names = [field.name for field in fields(Checkpoint)]
    for name in ("format", *names):
        _require(name in content, path, f"the field {name!r}")
    state = content["state"]
    for name in ("network", "optimizer", "scaler", "average", "averaged_steps"):
        _require(isinstance(state, Mapping) and name in state, path, f"the field 'state.{name}'")
    try:
        arch, train = ArchConfig.from_dict(content["arch"]), TrainConfig.from_dict(content["train"])
    except (InvalidInput, TypeError, AttributeError) as error:
        raise InvalidInput(f"checkpoint {path}: {error}") from None
    return Checkpoint(**{name: content[name] for name in names} | {"arch": arch, "train": train})


def _require(held: bool, path: Path, what: str) -> None:
    if not held:
        raise InvalidInput(f"checkpoint {path} must hold {what}; is it a dite-search checkpoint?")


def load_network(path: Path) -> tuple[ArchConfig, PoseNetwork]:
    """The architecture and the trained network, in eval mode, of a checkpoint."""
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint.arch)
    load_weights(network, checkpoint.weights, f"checkpoint {path}")
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
