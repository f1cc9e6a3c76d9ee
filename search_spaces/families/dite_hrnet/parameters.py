"""The flat parameters of a search: one name and one plain value each, as Optuna, Ray and MLflow show them.

An architecture flattens to names a person can read. A tuple over branches becomes ``groups_branch1`` to ``groups_branch4``,
a tuple over stages ``modules_stage2`` to ``modules_stage4``, and ``input_size`` is ``256x192``. A space may also vary a
whole tuple at once, under the field's own name and written ``1-1-2-4``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Scalar, format_size, parse_size
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig
from search_spaces.families.parameter import parse_tuple

_PER_BRANCH = {
    "width": "widths",
    "groups": "groups",
    "kernels": "kernels",
    "context_reduction": "context_reductions",
}
_SINGLE_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(ArchConfig)
    if field.name not in (*_PER_BRANCH.values(), "modules", "input_size")
)
ARCH_PARAMETERS = (
    *_SINGLE_FIELDS,
    "input_size",
    *(f"{name}_branch{branch + 1}" for name in _PER_BRANCH for branch in range(BRANCHES)),
    *(f"modules_stage{stage}" for stage in STAGES),
)
"""Every name an architecture flattens to."""
TUPLE_PARAMETERS = (*_PER_BRANCH.values(), "modules")
"""Names under which a space may vary all branches, or all stages, together."""


def field_of(name: str) -> str | None:
    """The whole tuple that a single flat name belongs to: ``groups_branch4`` to ``groups``; None for other names."""
    stem = name.rpartition("_")[0]
    return "modules" if stem == "modules" else _PER_BRANCH.get(stem)


def flatten(arch: ArchConfig) -> dict[str, Scalar]:
    """Every field of an architecture under its flat name."""
    values: dict[str, Scalar] = {name: getattr(arch, name) for name in _SINGLE_FIELDS}
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
    changes: dict[str, Any] = {name: values[name] for name in _SINGLE_FIELDS if name in values}
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
