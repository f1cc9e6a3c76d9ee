"""The parts of a network by the names that its family gives them: what may be frozen, and where the head is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from trainers.networks.registry import networks_of

HEAD = "head"
Parts = Mapping[str, tuple[str, ...]]
"""Prefixes of modules by the name of a part."""


def parts_of(arch: Architecture) -> Parts:
    """Return the parts of the networks of an architecture's family."""
    return networks_of(arch.FAMILY).parts


def modules_of(network: nn.Module, parts: Parts, names: Iterable[str]) -> list[nn.Module]:
    """Return the modules of named parts, or of prefixes of modules.

    Raises:
        InvalidInput: the network has no such part with parameters; the message names the known parts.
    """
    known, found = dict(network.named_modules()), []
    for name in names:
        prefixes = parts.get(name, (name,))
        modules = [known[prefix] for prefix in prefixes if prefix in known]
        if not name or not any(True for module in modules for _ in module.parameters()):
            raise InvalidInput(
                f"freeze must name parts of the network ({', '.join(parts)}) or prefixes of its modules, got {name!r}"
            )
        found += modules
    return found


def freeze(network: nn.Module, parts: Parts, names: Iterable[str]) -> list[nn.Module]:
    """Keep parts of a network from being learned, and return their modules, which belong in evaluation mode.

    Raises:
        InvalidInput: as `modules_of`, or nothing is left to learn.
    """
    names = list(names)
    modules = modules_of(network, parts, names)
    for module in modules:
        module.requires_grad_(False)
    if modules and not any(parameter.requires_grad for parameter in network.parameters()):
        raise InvalidInput(f"freeze must leave a part of the network to learn, got all of it by [{', '.join(names)}]")
    return modules
