"""The weights that a network begins from: what fits by name and shape is taken, and what does not is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, resized
from trainers.data.formats.data_format import FORMATS
from trainers.networks.registry import build_network, networks_of
from trainers.networks.weights_file import NamedWeights

MAX_LISTED_MODULES = 8
"""Modules that one sentence names."""
MISSING, OTHER_SHAPE, OTHER_KEYPOINTS = "missing in the file", "of another shape", "of other keypoints"

Dimensions = Mapping[str, tuple[int, ...]]
"""The dimensions of tensors, by name, that count keypoints."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The result of taking weights of a file into a network.

    Args:
        name: The file in messages.
        share: The share of the network's parameters that were taken, from 0 to 1.
        drawn: Tensors of the network that stay as they were drawn, wholly or in part, with the reason.
        unused: Tensors of the file that the network has no place for.
    """

    name: str
    share: float
    drawn: Mapping[str, str]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.share:.1%} of the parameters are taken from {self.name}"
        for reason in dict.fromkeys(self.drawn.values()):
            text += f"; drawn, {reason}: {_listed([name for name, why in self.drawn.items() if why == reason])}"
        return f"{text}; not used of the file: {_listed(self.unused)}" if self.unused else text


def take_weights(network: nn.Module, arch: Architecture, weights: NamedWeights, keypoints: Sequence[str]) -> Taken:
    """Copy into a network what fits of a file of weights, by name and shape.

    Where both know the names of their keypoints, the rows of a keypoint are taken by its name. Published files of 17, 16 or
    14 keypoints have those of their format.

    Args:
        network: The network, with weights as they were drawn.
        arch: Its architecture.
        weights: The file.
        keypoints: The names of the keypoints of the network.

    Raises:
        InvalidInput: no parameter fits.
    """
    own, source = network.state_dict(), networks_of(arch.FAMILY).own_names(weights.state)
    counting = keypoint_dimensions(own, arch)
    names = weights.keypoints or _published_names(source, counting)
    rows = _common_rows(names, keypoints)
    parameters = {name for name, _ in network.named_parameters()}
    taken: dict[str, Tensor] = {}
    drawn: dict[str, str] = {}
    count = 0
    for name, value in own.items():
        found, why, size = _fitted(value, source.get(name), counting.get(name, ()), len(names), rows)
        taken[name] = found
        count += size if name in parameters else 0
        if why:
            drawn[name] = why
    if count == 0:
        raise InvalidInput(
            f"{weights.name} must hold weights of the network {arch.FAMILY} {arch.arch_id}, but none of its"
            f" {len(weights.state)} tensors fits by name and shape; it has {_listed(list(weights.state))}"
        )
    network.load_state_dict(taken)
    total = sum(parameter.numel() for parameter in network.parameters())
    unused = tuple(name for name in source if name not in own)
    return Taken(name=weights.name, share=count / total, drawn=drawn, unused=unused)


def keypoint_dimensions(own: Mapping[str, Tensor], arch: Architecture) -> Dimensions:
    """Return the dimensions that count keypoints, of each tensor of a network that has some, whatever its family."""
    with torch.random.fork_rng(devices=[]):
        more = build_network(resized(arch, keypoints=arch.keypoints + 1)).state_dict()
    apart = {
        name: tuple(d for d, (a, b) in enumerate(zip(value.shape, more[name].shape, strict=True)) if a != b)
        for name, value in own.items()
    }
    return {name: dimensions for name, dimensions in apart.items() if dimensions}


def _published_names(source: Mapping[str, Tensor], counting: Dimensions) -> tuple[str, ...]:
    """Return the names of the keypoints of a format with as many as a file; none where there is no such format."""
    counts = Counter(
        source[name].shape[dimension]
        for name, dimensions in counting.items()
        for dimension in dimensions
        if name in source and source[name].dim() > dimension
    )
    if not counts:
        return ()
    count = counts.most_common(1)[0][0]
    return next((known.keypoint_set.names for known in FORMATS.values() if known.keypoint_set.count == count), ())


def _common_rows(theirs: Sequence[str], ours: Sequence[str]) -> tuple[list[int], list[int]] | None:
    """Return the places of the keypoints that both have, there and here; None where a side has no names."""
    if not theirs or not ours:
        return None
    common = [name for name in ours if name in theirs]
    return [theirs.index(name) for name in common], [ours.index(name) for name in common]


def _fitted(
    own: Tensor,
    given: Tensor | None,
    counting: tuple[int, ...],
    count: int,
    rows: tuple[list[int], list[int]] | None,
) -> tuple[Tensor, str, int]:
    """Return a tensor of a network with what fits of the given one, the reason of what stays, and the values taken.

    Args:
        own: The tensor as it was drawn.
        given: The tensor of the file; None where there is none.
        counting: The dimensions that count keypoints.
        count: The number of keypoints of the file.
        rows: The places of common keypoints in the file and in the network; None where they are not known by name.
    """
    if given is None:
        return own, MISSING, 0
    if not counting or rows is None:
        fits = given.shape == own.shape
        return (given.to(own.dtype), "", own.numel()) if fits else (own, OTHER_SHAPE, 0)
    expected = [count if dimension in counting else size for dimension, size in enumerate(own.shape)]
    if list(given.shape) != expected:
        return own, OTHER_SHAPE, 0
    theirs, ours = rows
    part, merged = given.to(own.dtype), own.clone()
    for dimension in counting:
        part = part.index_select(dimension, torch.tensor(theirs, dtype=torch.long))
    places = [
        torch.tensor(ours) if dimension in counting else torch.arange(size) for dimension, size in enumerate(own.shape)
    ]
    if part.numel():
        merged[torch.meshgrid(*places, indexing="ij")] = part
    return merged, "" if part.numel() == own.numel() else OTHER_KEYPOINTS, part.numel()


def _listed(names: Sequence[str]) -> str:
    """Return the modules of tensors, and the number of those that are not named."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))
    more = len(modules) - MAX_LISTED_MODULES
    return ", ".join(modules[:MAX_LISTED_MODULES]) + (f" and {more} more" if more > 0 else "")
