"""The networks of each family: the only file of the trainers that knows all families."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache

from torch import nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.envelope import Envelope
from search_spaces.registry import family_of
from trainers.networks.family import CheckpointLayout, NetworkFamily
from trainers.networks.shared_store import SharedStore

MODULES = {
    "dite_hrnet": "trainers.networks.dite_hrnet.family",
    "simple_baseline": "trainers.networks.baselines.simple_baseline",
    "hrnet": "trainers.networks.baselines.hrnet",
    "mobilenet_v2": "trainers.networks.baselines.mobilenet_v2",
    "mobilenet_v3": "trainers.networks.baselines.mobilenet_v3",
    "shufflenet_v2": "trainers.networks.baselines.shufflenet_v2",
    "hourglass": "trainers.networks.baselines.hourglass",
    "stacked_hourglass": "trainers.networks.baselines.stacked_hourglass",
    "cpn": "trainers.networks.baselines.cpn",
}
"""Modules that hold the ``NETWORKS`` of a family, by its name; each is imported when a network of it is wanted."""


@cache
def networks_of(family: str) -> NetworkFamily:
    """Return the networks of a family by its name."""
    found: NetworkFamily = importlib.import_module(MODULES[family]).NETWORKS
    return found


def build_network(arch: Architecture) -> nn.Module:
    """Return the network of an architecture, with initial weights drawn from torch's global generator."""
    return networks_of(arch.FAMILY).build(arch)


def shared_weights(arch: Architecture, envelope: Envelope) -> SharedStore:
    """Return the weights that networks of an envelope share, drawn from torch's global generator.

    Args:
        arch: A network of the envelope.
        envelope: The sizes of the tensors.

    Raises:
        InvalidInput: networks of the family cannot share weights.
    """
    share = networks_of(arch.FAMILY).share
    if share is None:
        raise InvalidInput(f"networks of the {family_of(arch).label} family cannot share weights")
    return share(envelope)


def layouts() -> Iterator[CheckpointLayout]:
    """Yield the layouts of checkpoints of all families."""
    for family in MODULES:
        yield from networks_of(family).layouts


def variable_modules(proxy: str) -> tuple[type[nn.Module], ...]:
    """Return the kinds of modules, of all families, whose weights a zero-cost proxy of their variation reads."""
    known = [networks_of(family).variable or {} for family in MODULES]
    return tuple(kind for kinds in known for kind in kinds.get(proxy, ()))
