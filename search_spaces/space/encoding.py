"""`Encoding`: the points of a space as vectors, for models that learn from what was tried."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import FAMILY_KEY, Architecture, Scalar
from search_spaces.families.family import Family
from search_spaces.families.parameter import Choice, Parameter, Range
from search_spaces.registry import family_of
from search_spaces.space.search_space import SearchSpace

Array = NDArray[np.float64]

LOGARITHMIC_RATIO = 10.0
"""Numbers of which the largest is at least so many times the smallest are told apart by their logarithms."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One number of the code, from the flat values of a canonical architecture, or from a point's hyper-parameters.

    A column of a ``family`` is 0 for networks of others; without one it is of all.
    """

    name: str
    source: str
    training: bool
    number: Callable[[Scalar], float]
    family: str = ""

    def of(self, values: Mapping[str, Scalar]) -> float:
        """Return the number of a network with these values."""
        return 0.0 if self.family not in ("", values[FAMILY_KEY]) else self.number(values[self.source])


class Encoding:
    """The code of a point: numbers, mostly in [0, 1], that tell its network and hyper-parameters from others of the space.

    The columns are the fields of the built network that vary in the space, whatever parameters they come from. Numbers stand
    by their base-2 logarithms between the smallest and the largest of the space. Names stand as one column for each (one in
    all where there are two), and some by several numbers, as the family says. Hyper-parameters follow, by their logarithms
    where their range is logarithmic or their values spread widely. Points that are the same network, trained alike, have the
    same code.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._columns = (*_arch_columns(space), *_training_columns(space))
        self.names = tuple(column.name for column in self._columns)

    def __call__(self, point: Mapping[str, Scalar]) -> Array:
        """The code (d,) of a point.

        Raises:
            InvalidInput: the point is not of the space, or lacks a value.
        """
        return self.of(self._space.build(point), point)

    def of(self, arch: Architecture, training: Mapping[str, Scalar]) -> Array:
        """The code (d,) of a network that is built already, with hyper-parameters as in a point."""
        values = _values(arch.canonical)
        for name in self._space.training_parameters:
            if name not in training:
                raise InvalidInput(f"a point of space {self._space.name} must have a value for {name} to be encoded")
        return np.array(
            [column.number(training[column.source]) if column.training else column.of(values) for column in self._columns],
            np.float64,
        )


def _values(arch: Architecture) -> dict[str, Scalar]:
    """Return the flat values of an architecture, with its input size and coded fields taken apart."""
    family = family_of(arch)
    values = family.flatten(arch) | {
        FAMILY_KEY: arch.FAMILY,
        "input_height": arch.input_size[0],
        "input_width": arch.input_size[1],
    }
    return values | {name: number for code in family.coded.values() for name, number in code(arch).items()}


def _arch_columns(space: SearchSpace) -> list[_Column]:
    """Return the columns of the networks: a family's own, behind columns that tell families apart where there are several.

    A column of a family is 0 for networks of the others.
    """
    if len(space.families) == 1:
        return _family_columns(space, space.families[0])
    columns = _one_hot(FAMILY_KEY, [family.name for family in space.families], training=False)
    for family in space.families:
        columns += [
            dataclasses.replace(column, name=f"{family.name}.{column.name}", family=family.name)
            for column in _family_columns(space, family)
        ]
    return columns


def _family_columns(space: SearchSpace, family: Family[Any]) -> list[_Column]:
    columns: list[_Column] = []
    coded = family.coded
    bases = [arch for arch in space.bases.values() if family.name == arch.FAMILY]
    for name, values in _varied(space, family, bases).items():
        if name in coded:
            parts = coded[name](bases[0])
            columns += [_Column(name=part, source=part, training=False, number=float) for part in parts]
        elif all(isinstance(value, str) for value in values):
            columns += _one_hot(name, values, training=False)
        else:
            numbers = [float(value) for value in values]
            scale = _scale(numbers, log=min(numbers) > 0)
            columns.append(_Column(name=name, source=name, training=False, number=scale))
    return columns


def _varied(space: SearchSpace, family: Family[Any], bases: list[Architecture]) -> dict[str, list[Scalar]]:
    """Return the flat fields of a family that have more than one value in the space, with their values."""
    found: dict[str, list[Scalar]] = {name: [] for name in _values(bases[0])}
    for name, known in found.items():
        known += [_values(base)[name] for base in bases]
    for name, choice in space.choices.items():
        if name not in family.all_parameters:
            continue
        for place, values in _places(family, name, choice).items():
            found[place] = values
    coded = [part for code in family.coded.values() for part in code(bases[0])]
    for name in (*coded, "input_size"):
        del found[name]
    return {name: list(dict.fromkeys(values)) for name, values in found.items() if len(set(values)) > 1}


def _places(family: Family[Any], name: str, choice: Choice) -> dict[str, list[Scalar]]:
    """Return the flat fields that a parameter decides on, with the values it gives them."""
    if name == "input_size":
        sizes = [str(value).lower().split("x") for value in choice.values]
        return {place: [int(size[i]) for size in sizes] for i, place in enumerate(("input_height", "input_width"))}
    rows = [family.entries(name, value) for value in choice.values]
    return {place: [row[place] for row in rows] for place in rows[0]}


def _training_columns(space: SearchSpace) -> list[_Column]:
    columns: list[_Column] = []
    for name, parameter in space.training_parameters.items():
        values = _extent(parameter)
        if any(isinstance(value, str) for value in values):
            columns += _one_hot(name, values, training=True)
            continue
        numbers = [float(value) for value in values]
        wide = min(numbers) > 0 and max(numbers) >= LOGARITHMIC_RATIO * min(numbers)
        log = parameter.log if isinstance(parameter, Range) else wide
        columns.append(_Column(name=name, source=name, training=True, number=_scale(numbers, log=log)))
    return columns


def _extent(parameter: Parameter) -> list[Scalar]:
    return [parameter.low, parameter.high] if isinstance(parameter, Range) else list(parameter.values)


def _one_hot(name: str, values: Iterable[Scalar], *, training: bool) -> list[_Column]:
    kinds = sorted(map(str, values))
    shown = kinds[1:] if len(kinds) == 2 else kinds
    return [
        _Column(name=f"{name}={kind}", source=name, training=training, number=lambda v, kind=kind: float(str(v) == kind))  # type: ignore[misc]
        for kind in shown
    ]


def _scale(numbers: list[float], *, log: bool) -> Callable[[Scalar], float]:
    """The map that takes the smallest number to 0 and the largest to 1."""
    shape: Callable[[float], float] = math.log2 if log else float
    low, high = shape(min(numbers)), shape(max(numbers))
    span = high - low or 1.0
    return lambda value: (shape(float(value)) - low) / span
