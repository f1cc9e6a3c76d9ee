"""`SearchSpace`: which networks, and which hyper-parameters, a search may try. Data, not code that suggests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.families.architecture import Architecture, Scalar, format_size
from search_spaces.families.cost import Cost, extended
from search_spaces.families.family import SHARED, Family
from search_spaces.families.parameter import NETWORK, Choice, Parameter, Point, Range
from search_spaces.registry import cost_of, family_of
from search_spaces.space.parameter_checks import BASE, INPUT_SIZE, bases_of, check_networks, check_parameter
from search_spaces.training_config import TRAIN_PARAMETERS, TrainConfig


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Parameters, each with its allowed values, around a base architecture that gives all other fields.

    The parameters of an architecture are choices; hyper-parameters of the training may be ranges too. The parameter
    ``network`` names whole networks. Each takes the place of the base, which then gives input size and keypoints only, and
    the other parameters change it further. The networks may be of several families. A parameter that the family of a point's
    network lacks has no effect on it. It stands at its first value in every point that the space gives out. Rules that tie
    values together hold within one unit of the family (a branch, say). So the valid points are a sum of products over units,
    and are counted and sampled exactly, never by trial and error.

    ``own`` are objectives of the user's own; the values of the counted ones are part of the cost of a network.

    Raises:
        InvalidInput: a parameter is unknown, a value can never be valid, or no point is valid; the message says why.
    """

    name: str
    base: Architecture
    parameters: Mapping[str, Parameter]
    own: tuple[OwnObjective, ...] = ()

    def __post_init__(self) -> None:
        if not self.parameters:
            raise InvalidInput(f"space {self.name} is empty: it names no parameter to search")
        for each in self.own:
            if each.name in self.parameters:
                raise InvalidInput(
                    f"objective {each.function} must have a name of its own, but {each.name} is a parameter of {self.name}"
                )
        check_networks(self.name, self.parameters, self.base)
        for name, parameter in self.parameters.items():
            check_parameter(self.name, name, parameter, self.bases)
        for family in self.families:
            for whole in family.whole_parameters:
                if whole in self.parameters and any(family.whole_of(name) == whole for name in self.parameters):
                    raise InvalidInput(f"space {self.name}: {whole} must be varied whole or branch by branch, not both")
        if not self._cells:
            raise InvalidInput(f"space {self.name} has no valid network: {self._first_problem()}")

    @cached_property
    def bases(self) -> dict[str, Architecture]:
        """The networks that other parameters change, by the values of ``network``; the base alone where it is not varied."""
        return bases_of(self.parameters, self.base)

    @cached_property
    def families(self) -> tuple[Family[Any], ...]:
        """The families of the networks, each once."""
        return tuple({arch.FAMILY: family_of(arch) for arch in self.bases.values()}.values())

    def rests(self, name: str, point: Mapping[str, Scalar]) -> bool:
        """Whether a parameter has no effect on the network of a point, because its family lacks the parameter."""
        return name in self.choices and name not in self._effective.get(self._network(point), self.choices)

    def effective(self, point: Mapping[str, Scalar]) -> Point:
        """Return the point without parameters that have no effect on its network."""
        return {name: value for name, value in point.items() if not self.rests(name, point)}

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """The parameters of the architecture."""
        return {n: p for n, p in self.parameters.items() if n not in TRAIN_PARAMETERS and isinstance(p, Choice)}

    @cached_property
    def training_parameters(self) -> dict[str, Parameter]:
        """The hyper-parameters."""
        return {name: parameter for name, parameter in self.parameters.items() if name in TRAIN_PARAMETERS}

    def build(self, point: Mapping[str, Scalar]) -> Architecture:
        """The architecture of a point, whose hyper-parameters may be absent.

        Raises:
            InvalidInput: a value is missing or not one the space allows, or the values together break a rule.
        """
        for name, value in point.items():
            if name not in self.parameters:
                raise unknown_name(f"parameter of space {self.name}", name, self.parameters)
            if not self.parameters[name].accepts(value):
                raise InvalidInput(f"{name} must be {describe(self.parameters[name])}, got {value!r}")
        missing = [name for name in self.choices if name not in point]
        if missing:
            raise InvalidInput(f"a point of space {self.name} must have a value for {missing[0]}")
        return self._arch({name: point[name] for name in self.choices})

    def cost_of(self, network: Architecture) -> Cost:
        """Return the cost of a network.

        Raises:
            InvalidInput: an objective of the user's own has no value for the network.
        """
        cost = cost_of(network)
        subject = f"network {network.arch_id}"
        return extended(cost, {each.name: each.value(subject, network, cost) for each in self.own if each.is_counted})

    def train_config(self, point: Mapping[str, Scalar], base: TrainConfig) -> TrainConfig:
        """``base`` with the hyper-parameters of a point."""
        return TrainConfig.from_dict(base.to_dict() | {name: point[name] for name in self.training_parameters})

    def is_valid(self, point: Mapping[str, Scalar]) -> bool:
        """Whether `build` accepts the point."""
        try:
            self.build(point)
        except InvalidInput:
            return False
        return True

    def point_of(self, arch: Architecture) -> Point | None:
        """The architecture parameters of the point that is this network; None where the space has none."""
        values = family_of(arch).values_of(arch)
        for network, base in self.bases.items():
            if base.FAMILY != arch.FAMILY:
                continue
            own = {name: values.get(name, choice.values[0]) for name, choice in self.choices.items()}
            point = own | ({NETWORK: network} if NETWORK in self.choices else {})
            try:
                built = self.build(point)
            except InvalidInput:
                continue
            if built == arch:
                return point
        return None

    def count(self) -> int:
        """How many valid points the architecture parameters have; points may share a network, see `enumerate`."""
        return sum(cell.size for cell in self._cells)

    def points(self) -> Iterator[Point]:
        """Every valid point of the architecture parameters, in a fixed order."""
        for cell in self._cells:
            for options in itertools.product(*cell.factors):
                yield self._ordered(_merged((cell.shared, *options)))

    def enumerate(self) -> Iterator[Architecture]:
        """Every network of the space once, in a fixed order."""
        seen = set()
        for point in self.points():
            arch = self._arch(point)
            if arch.arch_id not in seen:
                seen.add(arch.arch_id)
                yield arch

    def sample(self, generator: np.random.Generator) -> Point:
        """A valid point, uniform over the valid points; hyper-parameters uniform over their values."""
        sizes = np.array([float(cell.size) for cell in self._cells])
        cell = self._cells[int(generator.choice(len(sizes), p=sizes / sizes.sum()))]
        options = [factor[int(generator.integers(len(factor)))] for factor in cell.factors]
        training = {name: parameter.sample(generator) for name, parameter in self.training_parameters.items()}
        return self._ordered(_merged((cell.shared, *options)) | training)

    def mutate(self, point: Mapping[str, Scalar], generator: np.random.Generator) -> Point:
        """A valid point near another: one parameter changed, or as few of one unit as its rules ask for.

        The point itself comes back only when the space has no other.
        """
        names = [
            name
            for name in self.parameters
            if len(_alternatives(self.parameters[name], point[name])) > 0 and not self.rests(name, point)
        ]
        for index in generator.permutation(len(names)):
            changed = self._change_one(point, names[int(index)], generator)
            if changed is not None:
                return changed
        return self._ordered(dict(point))

    def crossover(self, first: Mapping[str, Scalar], second: Mapping[str, Scalar], generator: np.random.Generator) -> Point:
        """A valid point whose every value is one of its parents'; the values of one unit are inherited together."""
        takes: dict[str, bool] = {}
        child: Point = {}
        for name in self.parameters:
            unit = self._unit(name)
            takes.setdefault(unit, bool(generator.integers(2)))
            child[name] = (first if takes[unit] else second)[name]
        child = self._rested(child)
        return child if self.is_valid(child) else self._ordered(dict(first))

    def _change_one(self, point: Mapping[str, Scalar], name: str, generator: np.random.Generator) -> Point | None:
        parameter = self.parameters[name]
        if isinstance(parameter, Range):
            return self._ordered({**point, name: parameter.sample(generator)})
        values = _alternatives(parameter, point[name])
        for index in generator.permutation(len(values)):
            changed = self._rested(self._ordered({**point, name: values[int(index)]}))
            if self.is_valid(changed):
                return changed
            nearest = self._nearest(changed, name, generator)
            if nearest is not None:
                return nearest
        return None

    def _nearest(self, point: Point, name: str, generator: np.random.Generator) -> Point | None:
        """A valid point that keeps the value of ``name`` and differs least from ``point`` otherwise, if there is one."""
        candidates: list[tuple[int, Point]] = []
        for cell in self._cells:
            parts = []
            for factor in ([cell.shared], *cell.factors):
                options = [option for option in factor if option.get(name, point[name]) == point[name]]
                distances = [_distance(option, point) for option in options]
                ties = [option for option, distance in zip(options, distances, strict=True) if distance == min(distances)]
                if not ties:
                    break
                parts.append(ties[int(generator.integers(len(ties)))])
            else:
                change = _merged(parts)
                candidates.append((_distance(change, point), self._ordered({**point, **change})))
        ties = [candidate for distance, candidate in candidates if distance == min(d for d, _ in candidates)]
        return ties[int(generator.integers(len(ties)))] if ties else None

    def _arch(self, values: Mapping[str, Scalar]) -> Architecture:
        """The architecture of values that the space allows."""
        effective = self._effective[self._network(values)]
        own = {name: value for name, value in values.items() if name in effective and name != NETWORK}
        base = self._base(values)
        found: Architecture = family_of(base).unflatten(own, base)
        return found

    @cached_property
    def _effective(self) -> dict[str, frozenset[str]]:
        """The parameters that each network is changed by."""
        known = {name: {NETWORK, *family_of(arch).all_parameters} for name, arch in self.bases.items()}
        return {name: frozenset(own & self.choices.keys()) for name, own in known.items()}

    def _network(self, values: Mapping[str, Scalar]) -> str:
        return str(values[NETWORK]) if NETWORK in self.choices else BASE

    def _family(self, values: Mapping[str, Scalar]) -> Family[Any]:
        return family_of(self._base(values))

    def _rested(self, point: Point) -> Point:
        """Return the point with parameters that have no effect at their first values."""
        return {n: self.choices[n].values[0] if self.rests(n, point) else value for n, value in point.items()}

    def _base(self, values: Mapping[str, Scalar]) -> Architecture:
        """Return the network that the other parameters change: the network that the values name, or the base."""
        return self.bases[self._network(values)]

    def _ordered(self, point: Point) -> Point:
        return {name: point[name] for name in self.parameters if name in point}

    @cached_property
    def _cells(self) -> list[_Cell]:
        """The valid points: one cell for each value of the parameters whose rules reach over several units."""
        shared_names = [name for name in self.choices if self._unit(name) == SHARED]
        cells = []
        for shared in _options(shared_names, self.choices):
            if shared != self._rested(shared) or not self._fits(shared):
                continue
            family, at_rest = self._family(shared), {name for name in self.choices if self.rests(name, shared)}
            bound_to = {name: family.unit_of(name) for name in self.choices if name not in {*shared_names, *at_rest}}
            units = [(unit, [name for name, own in bound_to.items() if own == unit]) for unit in family.units]
            bound = {*shared_names, *itertools.chain(*(names for _, names in units))}
            free = [
                [{name: self.choices[name].values[0]}] if name in at_rest else _options([name], self.choices)
                for name in self.choices
                if name not in bound
            ]
            factors = [
                [option for option in _options(names, self.choices) if not self._problem(shared | option, unit)]
                for unit, names in units
            ]
            if all(factors):
                cells.append(_Cell(shared, (*free, *factors)))
        return cells

    def _fits(self, values: Point) -> bool:
        """Whether the network that the values name can have their input size."""
        base = self._base(values)
        try:
            family_of(base).unflatten({INPUT_SIZE: values.get(INPUT_SIZE, format_size(base.input_size))}, base)
        except InvalidInput:
            return False
        return True

    def _problem(self, values: Point, unit: str) -> str | None:
        """Return why one unit cannot be built with these values and the base's."""
        own = {name: value for name, value in values.items() if name != NETWORK and not self.rests(name, values)}
        return self._family(values).problem(own, self._base(values), unit)

    def _first_problem(self) -> str:
        for point in _options(list(self.choices), self.choices):
            for unit in self._family(point).units:
                problem = self._problem(point, unit)
                if problem:
                    return problem
        raise AssertionError("a space without cells has a unit with a problem")

    def _unit(self, name: str) -> str:
        """Return what the rules bind a parameter to: its unit, all units, or nothing (then its own name)."""
        if name == NETWORK or (name == INPUT_SIZE and len(self.families) > 1):
            return SHARED
        units = [family.unit_of(name) for family in self.families if name in family.all_parameters]
        return SHARED if SHARED in units else next(iter(units), name)


@dataclass(frozen=True)
class _Cell:
    """The points ``shared`` and one option of every factor: each combination is valid."""

    shared: Point
    factors: tuple[list[Point], ...]

    @cached_property
    def size(self) -> int:
        return math.prod(map(len, self.factors))


def describe(parameter: Parameter) -> str:
    """The values a parameter allows, in words."""
    if isinstance(parameter, Range):
        return f"from {parameter.low:g} to {parameter.high:g}"
    return "one of " + ", ".join(str(value) for value in parameter.values)


def _options(names: list[str], choices: Mapping[str, Choice]) -> list[Point]:
    """Every combination of values of some parameters; of none, the one empty combination."""
    combinations = itertools.product(*(choices[name].values for name in names))
    return [dict(zip(names, values, strict=True)) for values in combinations]


def _merged(options: Iterable[Point]) -> Point:
    return {name: value for option in options for name, value in option.items()}


def _distance(values: Point, point: Mapping[str, Scalar]) -> int:
    """How many of ``values`` differ from those of ``point``."""
    return sum(point[name] != value for name, value in values.items())


def _alternatives(parameter: Parameter, value: Scalar) -> list[Scalar]:
    """Values other than the present one; a range has always one more."""
    if isinstance(parameter, Range):
        return [parameter.low]
    return [other for other in parameter.values if other != value]
