"""The families, and what follows for a network from its family: the only file that knows all families."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import read_mapping
from search_spaces.families.architecture import FAMILY_KEY, Architecture, resized
from search_spaces.families.cost import Cost, PartCost
from search_spaces.families.family import Family

MODULES = [
    "search_spaces.families.dite_hrnet.family",
    "search_spaces.families.baselines.simple_baseline",
    "search_spaces.families.baselines.hrnet",
    "search_spaces.families.baselines.mobilenet_v2",
    "search_spaces.families.baselines.mobilenet_v3",
    "search_spaces.families.baselines.shufflenet_v2",
    "search_spaces.families.baselines.hourglass",
    "search_spaces.families.baselines.stacked_hourglass",
    "search_spaces.families.baselines.cpn",
]
"""Modules that hold a ``FAMILY``. The first is the family of an architecture that names none."""

FAMILIES: dict[str, Family[Any]] = {
    family.name: family for family in (importlib.import_module(module).FAMILY for module in MODULES)
}
"""Families by name."""
DEFAULT_FAMILY = next(iter(FAMILIES.values()))
DEFAULT_NETWORK = next(iter(DEFAULT_FAMILY.presets))
"""The network that a space varies where it names none."""
DEFAULT_SPACE = DEFAULT_FAMILY.name
"""The space whose parts are measured where none is named: the one called as its family."""
PRESETS: dict[str, Callable[[], Architecture]] = {
    name: make for family in FAMILIES.values() for name, make in family.presets.items()
}
"""Named networks of all families."""


def family_of(arch: Architecture) -> Family[Any]:
    """Return the family of a network."""
    return FAMILIES[arch.FAMILY]


def architecture_from(values: Mapping[str, Any]) -> Architecture:
    """Read the fields of an architecture: the inverse of `Architecture.to_dict`.

    Raises:
        InvalidInput: the family or a field is unknown, or a field breaks its rule.
    """
    name = values.get(FAMILY_KEY, DEFAULT_FAMILY.name)
    if name not in FAMILIES:
        raise unknown_name("family", str(name), FAMILIES)
    architecture: type[Architecture] = FAMILIES[name].architecture
    return architecture.from_dict({field: value for field, value in values.items() if field != FAMILY_KEY})


def cost_of(arch: Architecture) -> Cost:
    """Return parameters and MACs of an architecture, without building it."""
    return family_of(arch).cost(arch)


def counted_alike(archs: Iterable[Architecture]) -> bool:
    """Whether ``flops_published`` counts the same operations for all these networks."""
    return len({family_of(arch).published_count for arch in archs}) <= 1


def cost_parts(arch: Architecture) -> list[PartCost]:
    """Return the parts of an architecture from its input to its output; their costs add up to `cost_of`."""
    return family_of(arch).parts(arch)


def flatten(arch: Architecture) -> dict[str, int | str | float]:
    """Return every value of an architecture under a flat name."""
    return family_of(arch).flatten(arch)


def is_architecture_parameter(name: str) -> bool:
    """Whether a parameter of a search describes a network of some family, rather than its training."""
    return any(name in family.all_parameters for family in FAMILIES.values())


def preset(name: str, *, input_size: tuple[int, int] | None = None, keypoints: int | None = None) -> Architecture:
    """Return a named network; ``input_size`` and ``keypoints`` default to the network's usual ones."""
    if name not in PRESETS:
        raise unknown_name("network", name, PRESETS)
    return resized(PRESETS[name](), input_size=input_size, keypoints=keypoints)


def paper_variants(name: str) -> list[tuple[str, Architecture]]:
    """Return a named network at every input of its family's papers, each with the name of its data set."""
    inputs = family_of(preset(name)).inputs
    return [(data, preset(name, input_size=size, keypoints=keypoints)) for data, size, keypoints in inputs]


def resolve_arch(name_or_file: str) -> Architecture:
    """Return the architecture of a preset's name, or of a YAML or JSON architecture file."""
    if name_or_file in PRESETS:
        return PRESETS[name_or_file]()
    path = Path(name_or_file)
    if path.suffix in (".yaml", ".yml", ".json") or path.exists():
        return load_arch(path)
    raise unknown_name("network", name_or_file, PRESETS)


def load_arch(path: str | Path) -> Architecture:
    """Read an architecture file; an error names the file as well as the field."""
    try:
        return architecture_from(read_mapping(path))
    except InvalidInput as error:
        raise error if str(path) in str(error) else InvalidInput(f"{path}: {error}") from None
