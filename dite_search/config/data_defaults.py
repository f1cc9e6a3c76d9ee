"""The settings of a network and its training that follow from the format of the data, where the user sets nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, resized
from search_spaces.families.parameter import Point
from search_spaces.registry import DEFAULT_NETWORK, PRESETS, family_of, preset, resolve_arch
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import SPACES, space_spec
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.data_format import DataFormat


def arch_for(
    network: str | Architecture,
    data_format: DataFormat,
    *,
    input_size: str | None,
    keypoint_set: KeypointSet | None = None,
) -> Architecture:
    """The network of a preset's name or an architecture file, or an architecture, with the keypoints of the data.

    A preset takes the papers' input size for the data; any other keeps its own. ``input_size`` goes before both.
    ``keypoint_set`` are the keypoints of the data where they are not the format's.
    """
    arch = resized(resolve_arch(network) if isinstance(network, str) else network, input_size=input_size)
    expected = keypoint_set or data_format.keypoint_set
    return _fitted(arch, data_format, expected, sized=input_size is not None or network not in PRESETS)


def space_for(
    spec: str | Mapping[str, Any],
    data_format: DataFormat,
    *,
    input_size: str | None,
    keypoint_set: KeypointSet | None = None,
) -> SearchSpace:
    """Return the space of a search file, whose networks have the keypoints of the data.

    A named space or preset for COCO's 256×192 takes the input size of the papers for the data. Every other size stays, and
    ``input_size`` goes before all.

    Args:
        spec: The space of the search file.
        data_format: The format of the data.
        input_size: The input of every network; None leaves that of the space.
        keypoint_set: The keypoints of the data; None stands for those of the format.
    """
    expected, found = keypoint_set or data_format.keypoint_set, space_spec(spec)
    base = spec if isinstance(spec, str) else spec.get("base", DEFAULT_NETWORK)
    named = isinstance(base, str) and (base in SPACES or base in PRESETS)
    if "keypoints" in found.parameters:
        raise InvalidInput(f"space {found.name}: keypoints must not be searched, they are the {expected.count} of the data")
    arch = resized(found.base, input_size=input_size)
    return found.space(_fitted(arch, data_format, expected, sized=input_size is not None or not named))


def training_for(given: Mapping[str, Any], data_format: DataFormat) -> dict[str, Any]:
    """The hyper-parameters that were given, over those of the published protocol for the data."""
    return {**data_format.training, **given}


def points_of_networks(space: SearchSpace, names: Iterable[str]) -> list[Point]:
    """Return the points of a space that are the named networks.

    Raises:
        InvalidInput: the space does not hold one of them.
    """
    points = []
    for name in names:
        point = space.point_of(preset(name, input_size=space.base.input_size, keypoints=space.base.keypoints))
        if point is None:
            raise InvalidInput(f"warm_start.networks must be networks of space {space.name}, got {name}")
        points.append(point)
    return points


def _fitted(arch: Architecture, data_format: DataFormat, expected: KeypointSet, *, sized: bool) -> Architecture:
    _, usual_size, usual_keypoints = family_of(arch).inputs[0]
    if arch.keypoints not in (usual_keypoints, expected.count):
        raise InvalidInput(f"keypoints of the network must be {expected.count}, as in {expected.name}, got {arch.keypoints}")
    takes_papers = not sized and arch.input_size == usual_size
    size = data_format.input_size if takes_papers else None
    return resized(arch, input_size=size, keypoints=expected.count)
