"""Files of weights: a checkpoint or export of ours, a safetensors file, or a torch file of tensors by other authors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.registry import load_arch
from search_spaces.starting_weights import ARCH_FILE, WeightsFile
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import parse_checkpoint
from trainers.checkpoints.torch_file import check_size, parse_torch_file
from trainers.data.keypoint_sets.fields import from_plain

SAFETENSORS = ".safetensors"
STATE_DICT, OWN_FIELDS = "state_dict", ("arch", "train", "state")
READING: Mapping[str, Callable[[str], Any]] = {"codec": str, "sigma": float}
"""Fields of a recipe that say how heatmaps are read, as the metadata of an export's weights has them."""
HEADER_BYTES = 8
"""Bytes before the header of a safetensors file: its length."""


@dataclass(frozen=True, kw_only=True)
class NamedWeights:
    """The tensors of a file, and what the file says of them.

    Args:
        name: The file in messages.
        state: The tensors by the names that they have in the file.
        keypoints: The names of the keypoints of the network; empty where the file does not say.
        arch: The architecture; None where the file does not say.
        train: The recipe as far as the file says; None where it says nothing.
        supernet: The space of weights that many networks share, as plain values; None for those of one network.
    """

    name: str
    state: Mapping[str, Tensor]
    keypoints: tuple[str, ...] = ()
    arch: Architecture | None = None
    train: TrainConfig | None = None
    supernet: Mapping[str, Any] | None = None


def read_weights(file: WeightsFile, field: str) -> NamedWeights:
    """Read a file of weights without running any code that it may hold.

    Raises:
        InvalidInput: the file cannot be read, or holds no weights; the message names the field of the recipe.
    """
    content, name = file.read(field), str(file.path)
    try:
        check_size(len(content), name)
        if file.path.suffix == SAFETENSORS:
            return _of_safetensors(file, content)
        return _of_torch_file(content, name)
    except InvalidInput as error:
        raise InvalidInput(f"{field} must be a file of weights, but {error}") from None


def _of_torch_file(content: bytes, name: str) -> NamedWeights:
    held = parse_torch_file(content, name)
    if all(field in held for field in OWN_FIELDS):
        checkpoint = parse_checkpoint(content, name)
        known = checkpoint.keypoint_set
        return NamedWeights(
            name=name,
            state=checkpoint.weights,
            keypoints=known.names if known else (),
            arch=checkpoint.arch,
            train=checkpoint.train,
            supernet=checkpoint.supernet,
        )
    return NamedWeights(name=name, state=_tensors(held.get(STATE_DICT, held), name))


def _of_safetensors(file: WeightsFile, content: bytes) -> NamedWeights:
    name = str(file.path)
    try:
        state = safetensors.torch.load(content)
        header = json.loads(content[HEADER_BYTES : HEADER_BYTES + int.from_bytes(content[:HEADER_BYTES], "little")])
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidInput(f"{name} is no safetensors file: {error}") from None
    said: Mapping[str, str] = header.get("__metadata__") or {}
    beside = file.path.parent / ARCH_FILE
    arch = load_arch(beside) if beside.is_file() else None
    if arch is not None and said.get("arch_id") != arch.arch_id:
        # The architecture of another network says nothing of these weights.
        arch = None
    points = from_plain(json.loads(said["keypoints"]), None, f"keypoints of {name}").names if "keypoints" in said else ()
    return NamedWeights(name=name, state=_tensors(state, name), keypoints=points, arch=arch, train=recipe_said(said))


def recipe_said(said: Mapping[str, str]) -> TrainConfig | None:
    """Return how the heatmaps of an export are read, by the metadata of its weights; None for another file.

    Raises:
        ValueError: the codec is none, or the sigma is no number.
    """
    found: dict[str, Any] = {name: read(said[name]) for name, read in READING.items() if name in said}
    return TrainConfig.from_dict(found) if found else None


def _tensors(held: Any, name: str) -> dict[str, Tensor]:
    if not isinstance(held, Mapping) or not held:
        raise InvalidInput(f"{name} holds no tensors by name")
    found = {key: value for key, value in held.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if len(found) < len(held):
        other = next(key for key in held if key not in found)
        raise InvalidInput(
            f"{name} holds no tensor under {other!r}; a file of other authors has its tensors in {STATE_DICT!r}"
        )
    return found
