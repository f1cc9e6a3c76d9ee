"""Search spaces by name, and reading one as a search file writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.common.errors import InvalidInput, check_names, unknown_name
from search_spaces.families.architecture import Architecture, resized
from search_spaces.families.parameter import Parameter, parameter_from
from search_spaces.registry import DEFAULT_NETWORK, FAMILIES, PRESETS, architecture_from, resolve_arch
from search_spaces.space.search_space import SearchSpace

SPACES = tuple(name for family in FAMILIES.values() for name in family.spaces)
"""Names of spaces, whichever family they are of."""


def named_space(name: str) -> SearchSpace:
    """A space by name."""
    for family in FAMILIES.values():
        if name in family.spaces:
            parts = family.spaces[name]()
            return SearchSpace(name=name, base=parts.base, parameters=parts.parameters)
    raise unknown_name("space", name, SPACES)


@dataclass(frozen=True, kw_only=True)
class SpaceSpec:
    """A space as a search file gives it, before its networks are fitted to data: its name, base and parameters."""

    name: str
    base: Architecture
    parameters: Mapping[str, Parameter]

    def space(self, base: Architecture) -> SearchSpace:
        """Return the space around a base, which is the file's own at another input size or for other keypoints."""
        return SearchSpace(name=self.name, base=base, parameters=self.parameters)


def space_from(
    spec: str | Mapping[str, Any], *, input_size: tuple[int, int] | str | None = None, keypoints: int | None = None
) -> SearchSpace:
    """Read a space, whose networks take another input size or number of keypoints where these are given."""
    found = space_spec(spec)
    return found.space(resized(found.base, input_size=input_size, keypoints=keypoints))


def space_spec(spec: str | Mapping[str, Any]) -> SpaceSpec:
    """Read a space: a name, or ``base`` (a named space or network, or an architecture's fields) and ``parameters``.

    ``parameters`` are added to those of a named space, and null takes one away.
    """
    if isinstance(spec, str):
        spec = {"base": spec}
    check_names("field of space", spec, ("base", "parameters"))
    base = spec.get("base", DEFAULT_NETWORK)
    if isinstance(base, str) and base in SPACES:
        known = named_space(base)
        name, arch, parameters = known.name, known.base, dict(known.parameters)
    elif isinstance(base, str):
        known_names = (*SPACES, *PRESETS)
        if base not in known_names and not base.endswith((".yaml", ".yml", ".json")):
            raise unknown_name("space or network", base, known_names)
        name, arch, parameters = "custom", resolve_arch(base), {}
    elif isinstance(base, Mapping):
        name, arch, parameters = "custom", architecture_from(base), {}
    else:
        raise InvalidInput(f"base of space must be a name or an architecture's fields, got {base!r}")
    changes = spec.get("parameters", {})
    if not isinstance(changes, Mapping):
        raise InvalidInput(f"parameters of space must be names with their values, got {changes!r}")
    if changes:
        name = "custom"
    whole = {name for family in FAMILIES.values() for name in family.whole_parameters}
    for parameter, values in changes.items():
        if values is None:
            parameters.pop(parameter, None)
        else:
            parameters[parameter] = parameter_from(parameter, values, whole=parameter in whole)
    return SpaceSpec(name=name, base=arch, parameters=parameters)


def whole_space(spec: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """The space of a search file without the architecture file that it may name: its fields stand in its place."""
    given = {"base": spec} if isinstance(spec, str) else dict(spec)
    base = given.get("base")
    if isinstance(base, str) and base not in SPACES and base not in PRESETS:
        return given | {"base": resolve_arch(base).to_dict()}
    return spec if isinstance(spec, str) else given
