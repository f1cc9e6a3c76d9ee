"""`Architecture`: what every network's configuration can say of itself, whichever family it is of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar, cast

from search_spaces.common.bounds import checked_integer as checked_integer
from search_spaces.common.bounds import checked_integers as checked_integers
from search_spaces.common.errors import InvalidInput, check_names

Scalar = int | str | float
FAMILY_KEY = "family"
"""The key of an architecture file that names the family."""
HEATMAP_STRIDE = 4
"""Input pixels a heatmap's cell, along each side."""
MAX_INPUT_SIDE = 2048


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Mean and deviation that red, green and blue values, from 0 to 1, are normalised by: (value - mean) / std."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""The mean and deviation of ImageNet, which most networks are trained with."""
CENTRED = Normalisation(mean=IMAGENET.mean, std=(1.0, 1.0, 1.0))
"""The mean of ImageNet alone, without a division."""


@dataclass(frozen=True, kw_only=True)
class Architecture(ABC):
    """One network as frozen, validated data. A family subclasses it with a dataclass whose fields all have defaults.

    A subclass gives its fields, ``input_size`` and ``keypoints`` among them, and checks them in ``__post_init__``. It
    overrides `canonical` where two spellings build the same network.
    """

    FAMILY: ClassVar[str]
    """The name of the family in `search_spaces.registry`."""
    NORMALISATION: ClassVar[Normalisation] = IMAGENET
    """How images are normalised for the networks of the family."""

    @property
    @abstractmethod
    def input_size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""

    @property
    @abstractmethod
    def keypoints(self) -> int:
        """Number of heatmaps of the output."""

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """Height and width of the output heatmaps in cells: a quarter of the input."""
        return self.input_size[0] // HEATMAP_STRIDE, self.input_size[1] // HEATMAP_STRIDE

    @property
    def canonical(self) -> Self:
        """Return the canonical spelling of this network."""
        return self

    @cached_property
    def arch_id(self) -> str:
        """Twelve hexadecimal digits that name the network: same network, same id, whatever the spelling."""
        text = json.dumps(self.canonical.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def fields(self) -> dict[str, Any]:
        """Return the fields as plain JSON and YAML types; tuples become lists."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the family's name and the fields, as an architecture file holds them."""
        return {FAMILY_KEY: self.FAMILY} | self.fields()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read fields; those left out take their defaults, and ``input_size`` may be written ``256x192``.

        Raises:
            InvalidInput: a field is unknown or breaks its rule.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        check_names("architecture field", values, known)
        changes = dict(values)
        if isinstance(changes.get("input_size"), str):
            changes["input_size"] = parse_size(changes["input_size"])
        return cls(**changes)


A = TypeVar("A", bound=Architecture)


def resized(arch: A, *, input_size: tuple[int, int] | str | None = None, keypoints: int | None = None) -> A:
    """Return the network at another input size (a pair or ``HEIGHTxWIDTH``) or for another number of keypoints."""
    size = parse_size(input_size) if isinstance(input_size, str) else input_size
    changes = {
        "input_size": size or arch.input_size,
        "keypoints": arch.keypoints if keypoints is None else keypoints,
    }
    return cast(A, dataclasses.replace(cast(Any, arch), **changes))


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HEIGHTxWIDTH``, as in ``256x192``."""
    match = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text.lower().strip())
    if not match:
        raise InvalidInput(f"input_size must be written HEIGHTxWIDTH in pixels, as in 256x192, got {text!r}")
    return int(match[1]), int(match[2])


def format_size(size: Sequence[int]) -> str:
    """Write a height and width the way `parse_size` reads them."""
    return f"{size[0]}x{size[1]}"


def checked_size(value: Any, *, multiple: int) -> tuple[int, int]:
    """Return an input size as a pair.

    Raises:
        InvalidInput: the value is no pair of integers from ``multiple`` to `MAX_INPUT_SIDE`, or a side is no multiple.
    """
    height, width = checked_integers("input_size", value, 2, multiple, MAX_INPUT_SIDE)
    if height % multiple or width % multiple:
        raise InvalidInput(f"input_size must be multiples of {multiple}, got {height}x{width}")
    return height, width
