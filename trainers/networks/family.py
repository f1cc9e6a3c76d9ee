"""`NetworkFamily`: how a family's networks are built, and what the trainers otherwise ask of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from search_spaces.families.architecture import Architecture
from search_spaces.families.envelope import Envelope
from trainers.networks.shared_store import SharedStore


@dataclass(frozen=True, kw_only=True)
class CheckpointLayout:
    """A layout of checkpoints by other authors, in which a file holds the tensors of a ``state_dict``.

    Args:
        name: what messages and the forms of an export call it.
        recognises: whether the names of the tensors are those of the layout.
        load: makes the network of a file's tensors for an input size, None for the usual one; the path stands in messages.
            Raises `InvalidInput` where the tensors are no network of the family.
        problem: why the authors' code cannot build a network; empty where it can.
        state: the weights of a network under the layout's names.
    """

    name: str
    recognises: Callable[[Sequence[str]], bool]
    load: Callable[[Mapping[str, Tensor], Path, tuple[int, int] | None], tuple[Architecture, nn.Module]]
    problem: Callable[[Any], str]
    state: Callable[[Any, nn.Module], dict[str, Tensor]]


def as_named(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return tensors under the names that they have."""
    return state


@dataclass(frozen=True, kw_only=True)
class NetworkFamily:
    """The networks of one family.

    Args:
        build: makes a network, (B, 3, H, W) to heatmaps (B, K, H/4, W/4), with initial weights from torch's generator.
            Modules that can be computed again in the backward pass are `trainers.networks.common.recompute.Recomputable`.
        parts: prefixes of modules by the name of the part of the network that they are; every family has a ``head``.
        layouts: checkpoints by other authors.
        own_names: names tensors of checkpoints by other authors as ours; tensors under our own names, or unknown ones, stay.
        share: makes the weights that networks of an envelope share; None where those of the family cannot.
        variable: modules that weight by the image, by the zero-cost proxy that reads how much their weights vary.
    """

    build: Callable[[Any], nn.Module]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layouts: Sequence[CheckpointLayout] = ()
    own_names: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = as_named
    share: Callable[[Envelope], SharedStore] | None = None
    variable: Mapping[str, tuple[type[nn.Module], ...]] | None = None
