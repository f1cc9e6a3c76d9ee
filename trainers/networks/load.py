"""Networks out of checkpoints: our own, and those in the layouts of published ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import CODECS, TrainConfig
from trainers.checkpoints.checkpoint import load_checkpoint
from trainers.checkpoints.torch_file import read_state_dict, read_torch_file
from trainers.networks.registry import build_network, layouts


def load_released_checkpoint(path: str | Path, *, input_size: tuple[int, int] | None = None) -> nn.Module:
    """Return the network of a checkpoint in a published layout, in eval mode: ``network(images) -> heatmaps``.

    Raises:
        InvalidInput: the file is missing or no checkpoint, or a key is missing, unexpected or of another shape.
    """
    return load_published(path, input_size)[1]


def load_published(path: str | Path, input_size: tuple[int, int] | None = None) -> tuple[Architecture, nn.Module]:
    """Return the architecture and the network of a checkpoint in a published layout, at its usual input unless given.

    A file whose tensors no layout knows is read in the first layout, whose message says what is missing.

    Raises:
        InvalidInput: as `load_released_checkpoint`.
    """
    state, known = read_state_dict(path), list(layouts())
    layout = next((layout for layout in known if layout.recognises(list(state))), known[0])
    return layout.load(state, Path(path), input_size)


def load_network(path: Path) -> tuple[Architecture, nn.Module]:
    """The architecture and the trained network, in eval mode, of a checkpoint."""
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint.arch)
    load_weights(network, checkpoint.weights, f"checkpoint {path}")
    return checkpoint.arch, network.eval()


def load_any_network(path: Path) -> tuple[Architecture, nn.Module]:
    """The network of a checkpoint of ours, or of one in a published layout."""
    return load_published(path) if is_published(path) else load_network(path)


def is_published(path: Path) -> bool:
    """Whether a file is in a published layout: it holds a ``state_dict``, or nothing but tensors."""
    content = read_torch_file(path)
    return "state_dict" in content or (bool(content) and all(isinstance(value, Tensor) for value in content.values()))


def published_training(path: Path) -> TrainConfig:
    """Return how heatmaps of a published checkpoint are read: by the paper's codec unless its name says UDP or DARK.

    The tensors of such networks have the same names and shapes as others.
    """
    codec = next((codec for codec in CODECS if codec in Path(path).name.lower()), TrainConfig().codec)
    return TrainConfig(codec=codec)


def load_weights(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
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
