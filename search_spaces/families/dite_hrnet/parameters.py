"""The flat parameters of a search: one name and one plain value each, as Optuna, Ray and MLflow show them.

An architecture flattens to names a person can read: a tuple over branches becomes ``groups_branch1`` to
``groups_branch4``, one over stages ``modules_stage2`` to ``modules_stage4``, and ``input_size`` is ``256x192``. A space may
also vary a whole tuple at once, under the field's own name and written ``1-1-2-4``.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig, Scalar, format_size, parse_size
from search_spaces.training_config import COMPUTATION, TrainConfig

_PER_BRANCH = {
    "width": "widths",
    "groups": "groups",
    "kernels": "kernels",
    "context_reduction": "context_reductions",
}
_SINGLE = tuple(
    field.name
    for field in dataclasses.fields(ArchConfig)
    if field.name not in (*_PER_BRANCH.values(), "modules", "input_size")
)
ARCH_PARAMETERS = (
    *_SINGLE,
    "input_size",
    *(f"{name}_branch{branch + 1}" for name in _PER_BRANCH for branch in range(BRANCHES)),
    *(f"modules_stage{stage}" for stage in STAGES),
)
"""Every name an architecture flattens to."""
TUPLE_PARAMETERS = (*_PER_BRANCH.values(), "modules")
"""Names under which a space may vary all branches, or all stages, together."""
NETWORK = "network"
"""The name under which a space varies whole networks: its values are those of presets, see `SearchSpace`."""
TRAIN_PARAMETERS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in ("milestones", "epochs", "validate_every", "flip_test", "seed", *COMPUTATION)
)
"""Hyper-parameters that may be searched; the length of the training, its validation and its seed are the protocol's, and
how its steps are computed changes nothing that is learned."""


def field_of(name: str) -> str | None:
    """The whole tuple that a single flat name belongs to: ``groups_branch4`` to ``groups``; None for other names."""
    stem = name.rpartition("_")[0]
    return "modules" if stem == "modules" else _PER_BRANCH.get(stem)


def flatten(arch: ArchConfig) -> dict[str, Scalar]:
    """Every field of an architecture under its flat name."""
    values: dict[str, Scalar] = {name: getattr(arch, name) for name in _SINGLE}
    values["input_size"] = format_size(arch.input_size)
    for name, field in _PER_BRANCH.items():
        for branch, value in enumerate(getattr(arch, field)):
            values[f"{name}_branch{branch + 1}"] = value
    for stage, count in zip(STAGES, arch.modules, strict=True):
        values[f"modules_stage{stage}"] = count
    return values


def unflatten(values: Mapping[str, Scalar], base: ArchConfig) -> ArchConfig:
    """The inverse of `flatten`; names left out keep the value of ``base``, and a whole tuple gives way to single values."""
    for name in values:
        if name not in ARCH_PARAMETERS and name not in TUPLE_PARAMETERS:
            raise unknown_name("architecture parameter", name, (*ARCH_PARAMETERS, *TUPLE_PARAMETERS))
    changes: dict[str, Any] = {name: values[name] for name in _SINGLE if name in values}
    if "input_size" in values:
        changes["input_size"] = parse_size(str(values["input_size"]))
    places = {field: [f"{name}_branch{i + 1}" for i in range(BRANCHES)] for name, field in _PER_BRANCH.items()}
    places["modules"] = [f"modules_stage{stage}" for stage in STAGES]
    for field, names in places.items():
        whole = parse_tuple(field, values[field]) if field in values else getattr(base, field)
        if len(whole) != len(names):
            raise InvalidInput(f"{field} must be {len(names)} integers, got {values[field]!r}")
        changes[field] = tuple(values.get(name, old) for name, old in zip(names, whole, strict=True))
    return dataclasses.replace(base, **changes)


def parse_tuple(name: str, value: Scalar) -> tuple[int, ...]:
    """Read a whole tuple, as in ``1-1-2-4``."""
    parts = str(value).split("-")
    if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InvalidInput(f"{name} must be integers joined by '-', as in 1-1-2-4, got {value!r}")
    return tuple(int(part) for part in parts)


def format_tuple(values: Sequence[int]) -> str:
    """Write a tuple the way `parse_tuple` reads it."""
    return "-".join(str(value) for value in values)


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


def parameter_from(name: str, spec: Any) -> Parameter:
    """Read a parameter as a search file writes it: a list of values, or ``{low: …, high: …, log: …}``."""
    try:
        if isinstance(spec, Mapping):
            for key in spec:
                if key not in ("low", "high", "log"):
                    raise unknown_name("field", str(key), ("low", "high", "log"))
            if not {"low", "high"} <= spec.keys():
                raise InvalidInput("a range needs both low and high")
            return Range(**spec)
        if not isinstance(spec, list):
            raise InvalidInput(f"must be a list of values, or low and high, got {spec!r}")
        whole = name in TUPLE_PARAMETERS
        return Choice(values=tuple(format_tuple(v) if whole and isinstance(v, list) else v for v in spec))
    except InvalidInput as error:
        raise InvalidInput(f"parameter {name}: {error}") from None
