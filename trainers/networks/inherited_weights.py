"""The weights that a network inherits of the checkpoint of a supernet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.parameter import Choice
from search_spaces.space.elastic_space import envelope_of
from search_spaces.space.search_space import SearchSpace
from trainers.networks.registry import shared_weights


def inherited_state(
    weights: Mapping[str, Tensor], supernet: Mapping[str, Any], base: Architecture, arch: Architecture, name: str
) -> dict[str, Tensor]:
    """Return the tensors of a network by their own names, read out of shared weights.

    Statistics of batch normalisation are fresh, since shared weights have none.

    Args:
        weights: The shared weights by their roles.
        supernet: What the checkpoint says of their space.
        base: A network of that space.
        arch: The network.
        name: The checkpoint in messages.

    Raises:
        InvalidInput: the network has no place in the shared weights.
    """
    parameters = {field: Choice(values=tuple(values)) for field, values in supernet.get("parameters", {}).items()}
    if arch.input_size != base.input_size or arch.keypoints != base.keypoints:
        raise InvalidInput(f"{name} must hold shared weights of networks with the input and keypoints of {arch.arch_id}")
    store = shared_weights(base, envelope_of(SearchSpace(name=name, base=base, parameters=parameters)))
    store.load(weights, dict(supernet.get("envelope", {})), name)
    state: dict[str, Tensor] = store.export(arch).state_dict()
    return state
