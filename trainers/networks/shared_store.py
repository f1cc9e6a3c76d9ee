"""`SharedStore`: the weights that the networks of a space share, as the trainers see them, whichever family it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.envelope import Envelope


class NetworkView(ABC):
    """A network whose weights are read out of a store in every forward pass: gradients reach the store.

    Batch normalisation takes the statistics of each batch and remembers none, since they belong to no single network. A
    view learns; what is scored is an export.

    Args:
        network: The modules of the network, without weights.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of the network by their names, differentiable to the store."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Any:
        """Return the outputs of the network in training."""


class SharedStore(nn.Module, ABC):
    """The weights that the networks of an envelope share.

    Args:
        envelope: The sizes of the tensors.
    """

    def __init__(self, envelope: Envelope) -> None:
        super().__init__()
        self.envelope = envelope

    @abstractmethod
    def view(self, arch: Architecture) -> NetworkView:
        """Return a network that learns in the store.

        Raises:
            InvalidInput: the network has no place in the envelope.
        """

    @abstractmethod
    def export(self, arch: Architecture) -> nn.Module:
        """Return a network of its own with a copy of its weights, on the device of the store.

        The statistics of its batch normalisation are fresh: they are to be estimated before it is scored.

        Raises:
            InvalidInput: the network has no place in the envelope.
        """

    def checked(self, arch: Architecture) -> Any:
        """Return a network that has a place in the envelope.

        Raises:
            InvalidInput: the network has none; the message says why.
        """
        problem = self.envelope.problem(arch)
        if problem:
            raise InvalidInput(f"network {arch.arch_id} has no place in the shared weights: {problem}")
        return arch

    def load(self, weights: Mapping[str, Tensor], identity: Mapping[str, Any], name: str) -> None:
        """Take over the weights of a store of the same space.

        Args:
            weights: The tensors by their roles.
            identity: The values of the envelope that they were made for.
            name: The name of their file in messages.

        Raises:
            InvalidInput: they were made for another space.
        """
        own = self.envelope.identity
        for field, value in own.items():
            if identity.get(field) != value:
                raise InvalidInput(
                    f"{name} must hold shared weights of the same space, with {field} {value!r}, got {identity.get(field)!r}"
                )
        self.load_state_dict(dict(weights))
