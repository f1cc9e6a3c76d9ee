"""Networks for Python: built from their names, and loaded with their weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.families.architecture import Architecture, resized
from search_spaces.registry import architecture_from, resolve_arch

if TYPE_CHECKING:
    from torch import nn

    from trainers.prediction.network import TrainedNetwork


def build_network(network: str | Path | Mapping[str, Any] | Architecture, *, input_size: str | None = None) -> nn.Module:
    """Return a network with random weights, in training mode: images (N, 3, H, W) to heatmaps (N, K, H/4, W/4).

    Args:
        network: A network by name, such as ``dite_hrnet_18``, an architecture file, its fields, or an architecture.
        input_size: Height and width of the input as ``256x192``, in place of the network's own.

    Raises:
        InvalidInput: there is no such network, a field breaks its rule, or the size does not fit.
    """
    from trainers.networks.registry import build_network as built

    if isinstance(network, Mapping):
        arch = architecture_from(network)
    else:
        arch = network if isinstance(network, Architecture) else resolve_arch(str(network))
    return built(resized(arch, input_size=input_size))


def load_network(network: str | Path, *, directory: str | Path = "runs") -> TrainedNetwork:
    """Return a network with its weights, in evaluation mode, and how its heatmaps are read.

    Args:
        network: A checkpoint, ``STUDY:TRIAL``, a study (its most accurate trial), or the folder or ONNX file of an export.
        directory: The folder of the studies.

    Returns:
        The network, which `predict` takes: ``network`` maps images (N, 3, H, W) to heatmaps (N, K, H/4, W/4). Beside it are
        ``arch``, ``train`` (the training's settings) and ``keypoint_set``.

    Raises:
        InvalidInput: there is no such network, it has no weights, or a file is broken.
    """
    # It imports torch, which takes a second.
    from dite_search.tasks.network_reference import find_network

    return find_network(network, directory=directory).load()
