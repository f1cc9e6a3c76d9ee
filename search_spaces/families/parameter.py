"""The parameters of a search: their values, and how a search file writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.families.architecture import Scalar

NETWORK = "network"
"""The name under which a space varies whole networks: its values are those of presets, see `SearchSpace`."""
Point = dict[str, Scalar]
"""One value for every parameter of a space."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A parameter that takes one of a few values, each once; numbers stand in rising order."""

    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        values: Any = self.values
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise InvalidInput(f"must be a list of at least one value, got {values!r}")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise InvalidInput(f"must be a list of numbers or names, got {value!r}")
        if len(set(values)) != len(values):
            raise InvalidInput(f"must not name a value twice, got {list(values)}")
        numeric = all(isinstance(value, int | float) for value in values)
        object.__setattr__(self, "values", tuple(sorted(values)) if numeric else tuple(values))

    def sample(self, generator: np.random.Generator) -> Scalar:
        """One value, uniformly."""
        return self.values[int(generator.integers(len(self.values)))]

    def accepts(self, value: Any) -> bool:
        """Whether the value is one of the choices."""
        return value in self.values


@dataclass(frozen=True, kw_only=True)
class Range:
    """A real parameter from ``low`` to ``high``, uniform or, with ``log``, uniform in its logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (self.low, self.high))
        if not numbers or not (math.isfinite(self.low) and math.isfinite(self.high)) or not self.low < self.high:
            raise InvalidInput(f"must have low < high, both finite, got low {self.low!r} and high {self.high!r}")
        if self.log and self.low <= 0:
            raise InvalidInput(f"a logarithmic range must start above 0, got low {self.low!r}")

    def sample(self, generator: np.random.Generator) -> Scalar:
        """One value of the range."""
        if self.log:
            return float(math.exp(generator.uniform(math.log(self.low), math.log(self.high))))
        return float(generator.uniform(self.low, self.high))

    def accepts(self, value: Any) -> bool:
        """Whether the value is a number in the range."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


Parameter = Choice | Range


def parameter_from(name: str, spec: Any, *, whole: bool) -> Parameter:
    """Read a parameter as a search file writes it: a list of values, or ``{low: …, high: …, log: …}``.

    ``whole``: each value is a whole tuple, which the file may write as a list.
    """
    try:
        if isinstance(spec, Mapping):
            check_names("field", spec, ("low", "high", "log"))
            if not {"low", "high"} <= spec.keys():
                raise InvalidInput("a range needs both low and high")
            return Range(**spec)
        if not isinstance(spec, list):
            raise InvalidInput(f"must be a list of values, or low and high, got {spec!r}")
        return Choice(values=tuple(format_tuple(v) if whole and isinstance(v, list) else v for v in spec))
    except InvalidInput as error:
        raise InvalidInput(f"parameter {name}: {error}") from None


def parse_tuple(name: str, value: Scalar) -> tuple[int, ...]:
    """Read a whole tuple, as in ``1-1-2-4``."""
    parts = str(value).split("-")
    if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InvalidInput(f"{name} must be integers joined by '-', as in 1-1-2-4, got {value!r}")
    return tuple(int(part) for part in parts)


def format_tuple(values: Sequence[int]) -> str:
    """Write a tuple the way `parse_tuple` reads it."""
    return "-".join(str(value) for value in values)
