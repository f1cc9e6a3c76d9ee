"""`Envelope`: what networks of a space have in common, so that they can share one store of weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.families.architecture import Architecture, Scalar

Values = Mapping[str, Sequence[Scalar]]
"""The values that every flat name of an architecture takes in a space."""


class Envelope(ABC):
    """The largest sizes that networks of a space have, part by part. No network need have all of them."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """The envelope as plain values: stores with the same values hold the same tensors."""

    @abstractmethod
    def problem(self, arch: Architecture) -> str:
        """Return why a network has no place in the envelope; empty where it has one."""
