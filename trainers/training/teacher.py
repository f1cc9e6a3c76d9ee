"""The teacher of a training: a network whose heatmaps stand beside the ground truth.

Shape legend: B samples, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, Normalisation, format_size
from search_spaces.training_config import TrainConfig
from trainers.data.codecs import default_sigma
from trainers.networks.load import load_weights, published_training
from trainers.networks.registry import build_network, layouts
from trainers.networks.weights_file import NamedWeights, read_weights

FIELD = "distill.teacher"


class Teacher(nn.Module):
    """A network in evaluation mode: images of the student (B, 3, H, W) to heatmaps (B, K, h, w), without gradients.

    Args:
        network: The network of the teacher.
        student: How the images of the student are normalised.
        own: How the teacher's images are normalised.
    """

    def __init__(self, network: nn.Module, *, student: Normalisation, own: Normalisation) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        self.network = network.eval().requires_grad_(False)
        self._differs = student != own
        scale = torch.tensor(student.std) / torch.tensor(own.std)
        shift = (torch.tensor(student.mean) - torch.tensor(own.mean)) / torch.tensor(own.std)
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        self.register_buffer("shift", shift[:, None, None], persistent=False)

    def train(self, mode: bool = True) -> Teacher:
        """Stay in evaluation mode."""
        del mode
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        if self._differs:
            images = images * self.scale + self.shift
        heatmaps: Tensor = self.network(images)
        return heatmaps.float()


def load_teacher(arch: Architecture, config: TrainConfig, keypoints: Sequence[str]) -> Teacher | None:
    """Return the teacher that a recipe names; None where it names none.

    Args:
        arch: The network that learns.
        config: Its recipe.
        keypoints: The names of its keypoints.

    Raises:
        InvalidInput: the file cannot be read, does not say what network it holds, or the teacher has other keypoints,
            another input size or another codec.
    """
    if config.distill is None:
        return None
    weights = read_weights(config.distill.teacher, FIELD)
    own, network = _network_of(weights, arch)
    if (weights.keypoints and tuple(weights.keypoints) != tuple(keypoints)) or own.keypoints != arch.keypoints:
        theirs = ", ".join(weights.keypoints) or f"{own.keypoints} without names"
        raise InvalidInput(
            f"{FIELD} must have the keypoints of the training ({', '.join(keypoints)}), but {weights.name} has {theirs}"
        )
    if own.input_size != arch.input_size:
        raise InvalidInput(
            f"{FIELD} must have the input size of the training, {format_size(arch.input_size)}, but {weights.name} has"
            f" {format_size(own.input_size)}"
        )
    ours, theirs = _codec_words(config, arch), _codec_words(weights.train or published_training(Path(weights.name)), own)
    if ours != theirs:
        raise InvalidInput(f"{FIELD} must have the codec of the training, {ours}, but {weights.name} has {theirs}")
    return Teacher(network, student=arch.NORMALISATION, own=own.NORMALISATION)


def _network_of(weights: NamedWeights, arch: Architecture) -> tuple[Architecture, nn.Module]:
    """Return the teacher's architecture and network; a published layout has the input size of the training."""
    if weights.arch is None:
        layout = next((known for known in layouts() if known.recognises(list(weights.state))), None)
        if layout is None:
            names = " or ".join(known.name for known in layouts())
            raise InvalidInput(
                f"{FIELD} must say what network it is, as checkpoints, exports and files in the layout of {names} do,"
                f" but {weights.name} does not"
            )
        return layout.load(weights.state, Path(weights.name), arch.input_size)
    with torch.random.fork_rng(devices=[]):
        network = build_network(weights.arch)
    load_weights(network, weights.state, f"{FIELD} {weights.name}")
    return weights.arch, network


def _codec_words(config: TrainConfig, arch: Architecture) -> str:
    sigma = default_sigma(arch.heatmap_size) if config.sigma is None else config.sigma
    return f"{config.codec} with sigma {sigma:g}"
