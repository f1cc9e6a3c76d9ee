"""Checks of what a space varies: the networks that it names, its parameters, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Architecture, Scalar
from search_spaces.families.parameter import NETWORK, Choice, Parameter, Range
from search_spaces.registry import PRESETS, family_of, preset
from search_spaces.training_config import TRAIN_PARAMETERS, TrainConfig

BASE = ""
"""The name of the base among the networks of a space that names none."""
INPUT_SIZE = "input_size"


def check_networks(space: str, parameters: Mapping[str, Parameter], base: Architecture) -> None:
    """Refuse a network that is unknown, or that cannot have the input size and the keypoints of the base."""
    networks = parameters.get(NETWORK)
    if networks is None:
        return
    if not isinstance(networks, Choice):
        raise InvalidInput(f"space {space}: {NETWORK} must be a list of values, not a range")
    for network in networks.values:
        if network not in PRESETS:
            error = unknown_name("network", str(network), PRESETS)
            raise InvalidInput(f"space {space}: parameter {NETWORK}: {error}")
        try:
            preset(str(network), input_size=base.input_size, keypoints=base.keypoints)
        except InvalidInput as error:
            raise InvalidInput(f"space {space}: parameter {NETWORK}: {network}: {error}") from None


def bases_of(parameters: Mapping[str, Parameter], base: Architecture) -> dict[str, Architecture]:
    """Return the networks that other parameters change, by their names; the base alone where none is named."""
    networks = parameters.get(NETWORK)
    if not isinstance(networks, Choice):
        return {BASE: base}
    names = [str(name) for name in networks.values]
    return {name: preset(name, input_size=base.input_size, keypoints=base.keypoints) for name in names}


def check_parameter(space: str, name: str, parameter: Parameter, bases: Mapping[str, Architecture]) -> None:
    """Refuse an unknown name, a range of an architecture parameter, and a value no network can have."""
    owners = {arch.FAMILY: arch for arch in bases.values() if name in family_of(arch).all_parameters}
    checks: list[Callable[[Scalar], object]]
    if name == NETWORK:
        return
    if name in TRAIN_PARAMETERS:
        checks = [_train_check(name)]
        if isinstance(parameter, Range) and isinstance(getattr(TrainConfig(), name), int):
            raise InvalidInput(f"space {space}: {name} takes integers, so it must be a list of values, not a range")
    elif owners:
        if not isinstance(parameter, Choice):
            raise InvalidInput(f"space {space}: {name} must be a list of values, not a range")
        checks = [_arch_check(name, arch) for arch in owners.values()]
    else:
        own = dict.fromkeys(known for arch in bases.values() for known in family_of(arch).all_parameters)
        raise unknown_name(f"parameter of space {space}", name, (NETWORK, *own, *TRAIN_PARAMETERS))
    for value in (parameter.low, parameter.high) if isinstance(parameter, Range) else parameter.values:
        problems = [problem for check in checks if (problem := _problem(check, value))]
        # A size that some families cannot have is left out of their points alone.
        if problems and (name != INPUT_SIZE or len(problems) == len(checks)):
            raise InvalidInput(f"space {space}: parameter {name}: {problems[0]}")


def _problem(check: Callable[[Scalar], object], value: Scalar) -> str:
    try:
        check(value)
    except InvalidInput as error:
        return str(error)
    return ""


def _train_check(name: str) -> Callable[[Scalar], object]:
    return lambda value: TrainConfig.from_dict({name: value})


def _arch_check(name: str, base: Architecture) -> Callable[[Scalar], object]:
    return lambda value: family_of(base).check_value(name, value, base)
