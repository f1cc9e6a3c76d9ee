"""`ListedSpace`: a space whose networks are listed one by one, each with its costs. No family builds them.

A list need not hold every combination of its parameters' values. A point that is not on the list stands for the nearest
network on the list. So samplers that know nothing of the list can propose any combination.

Shape legend: n networks, b parameters with names as values, a parameters with numbers, d features.
"""

from __future__ import annotations

import functools
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Scalar
from search_spaces.families.parameter import Choice, Parameter, Point, Range
from search_spaces.space.encoding import LOGARITHMIC_RATIO

Array = NDArray[np.float64]

NETWORK_KEY = "network"
"""The key of a listed network's name among its plain values."""
MOST_CHOICES = 32
"""Different numbers up to which a parameter is a choice; of more it is a range."""
MUTATION_STEP = 0.15
"""Standard deviation of a mutated number, as a part of its range."""
MAX_CACHED_POINTS = 100_000
"""Points whose nearest networks are remembered."""


@dataclass(frozen=True, kw_only=True)
class ListedCosts:
    """The exact costs of a listed network by name."""

    objectives: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ListedNetwork:
    """One network of a list: its name, its place on the list from 0, and its costs."""

    arch_id: str
    row: int
    known: ListedCosts

    @property
    def costs(self) -> Mapping[str, float]:
        """The exact costs by name."""
        return self.known.objectives

    def to_dict(self) -> dict[str, Any]:
        """Return the name of the network, as plain types."""
        return {NETWORK_KEY: self.arch_id}


class ListedSpace:
    """A space of listed networks.

    Args:
        name: the name in messages.
        networks: the names of the networks, each once.
        columns: the values of each parameter, one for each network: all numbers, or all texts.
        costs: the exact costs, one for each network.

    Raises:
        InvalidInput: there is no network or no parameter, or two networks have the same name or the same values.
    """

    def __init__(
        self,
        *,
        name: str,
        networks: Sequence[str],
        columns: Mapping[str, Sequence[Scalar]],
        costs: Mapping[str, Sequence[float]],
    ) -> None:
        self._name = name
        if not networks:
            raise InvalidInput(f"table {name} must list at least one network, got none")
        if not columns:
            raise InvalidInput(f"table {name} must have at least one parameter, got none")
        self.networks = tuple(
            ListedNetwork(
                arch_id=arch_id,
                row=row,
                known=ListedCosts(objectives={cost: float(values[row]) for cost, values in costs.items()}),
            )
            for row, arch_id in enumerate(networks)
        )
        self._parameters = {parameter: _parameter(values) for parameter, values in columns.items()}
        self._points = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        self._rows: dict[tuple[Scalar, ...], int] = {}
        names = Counter(network.arch_id for network in self.networks)
        if twice := [name for name, count in names.items() if count > 1]:
            raise InvalidInput(f"a network must be listed once, got {twice[0]} again")
        for network, point in zip(self.networks, self._points, strict=True):
            self._list(network, tuple(point.values()))
        self._scales = {n: _Scale.of(values) for n, values in columns.items() if not isinstance(values[0], str)}
        self._levels = {n: {v: i for i, v in enumerate(dict.fromkeys(values))} for n, values in columns.items()}
        self._names = [parameter for parameter in columns if parameter not in self._scales]
        self._coded = np.array([[self._levels[n][value] for value in columns[n]] for n in self._names], np.int64).T.reshape(
            len(networks), len(self._names)
        )
        self._scaled = np.array(
            [[scale(value) for value in columns[n]] for n, scale in self._scales.items()], np.float64
        ).T.reshape(len(networks), len(self._scales))
        self._nearest = functools.lru_cache(MAX_CACHED_POINTS)(self._nearest_row)

    @property
    def name(self) -> str:
        """The name of the table."""
        return self._name

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters: choices, and ranges of numbers that have many values."""
        return self._parameters

    @property
    def training_parameters(self) -> Mapping[str, Parameter]:
        """None: all that varies in a table makes another network of it."""
        return {}

    @functools.cached_property
    def features(self) -> Array:
        """The networks as vectors (n, d), mostly from 0 to 1: numbers by their place, one column for each name."""
        columns = [self._scaled]
        for place, name in enumerate(self._names):
            count = len(self._levels[name])
            codes = np.arange(1 if count == 2 else 0, count if count > 1 else 0)
            columns.append((self._coded[:, place : place + 1] == codes).astype(np.float64))
        return np.hstack(columns)

    def build(self, point: Mapping[str, Scalar]) -> ListedNetwork:
        """Return the network of a point, or the nearest one.

        Raises:
            InvalidInput: a value is missing, or is none that the list has for a parameter with names.
        """
        return self.networks[self.row_of(point)]

    def row_of(self, point: Mapping[str, Scalar]) -> int:
        """Return the place of a point's network on the list; raises as `build`."""
        try:
            values = tuple([point[name] for name in self._parameters])
        except KeyError as error:
            raise InvalidInput(f"a point of table {self.name} must have a value for {error.args[0]}") from None
        found = self._rows.get(values)
        return self._nearest(values) if found is None else found

    def cost_of(self, network: ListedNetwork) -> ListedCosts:
        """Return the exact costs of a network."""
        return network.known

    def point(self, row: int) -> Point:
        """Return the point of a network by its place on the list."""
        return dict(self._points[row])

    def count(self) -> int:
        """Return the number of networks."""
        return len(self.networks)

    def points(self) -> Iterator[Point]:
        """Return the point of every network, in the order of the list."""
        return map(dict, self._points)

    def sample(self, generator: np.random.Generator) -> Point:
        """Return the point of a network, uniformly over the list."""
        return self.point(int(generator.integers(len(self.networks))))

    def mutate(self, point: Mapping[str, Scalar], generator: np.random.Generator) -> Point:
        """Return a point of the list with one parameter changed, and as few others as the list asks for."""
        row = self.row_of(point)
        varied = [name for name, levels in self._levels.items() if len(levels) > 1]
        if not varied:
            return self.point(row)
        name = varied[int(generator.integers(len(varied)))]
        others = self._with_other_value(row, name, generator)
        apart = self._distances(self._coded[row], self._scaled[row])[others]
        ties = others[apart <= apart.min() + 1e-12]
        return self.point(int(ties[generator.integers(len(ties))]))

    def crossover(self, first: Mapping[str, Scalar], second: Mapping[str, Scalar], generator: np.random.Generator) -> Point:
        """Return the point of the list that is nearest to a mixture of two."""
        mixture = {name: (first if generator.integers(2) else second)[name] for name in self._parameters}
        return self.point(self.row_of(mixture))

    def _list(self, network: ListedNetwork, values: tuple[Scalar, ...]) -> None:
        twin = self._rows.setdefault(values, network.row)
        if twin != network.row:
            raise InvalidInput(
                f"networks must differ in a parameter, but {self.networks[twin].arch_id} and {network.arch_id} have the"
                " same values"
            )

    def _with_other_value(self, row: int, name: str, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the rows with one other value of a parameter: any name or choice, or a number near the present one."""
        if name in self._scales:
            column = self._scaled[:, list(self._scales).index(name)]
            values = np.unique(column[column != column[row]])
            if isinstance(self._parameters[name], Choice):
                wanted = values[generator.integers(len(values))]
            else:
                wanted = values[np.abs(values - (column[row] + MUTATION_STEP * generator.normal())).argmin()]
        else:
            codes = self._coded[:, self._names.index(name)]
            known = np.unique(codes[codes != codes[row]])
            return np.flatnonzero(codes == known[generator.integers(len(known))])
        return np.flatnonzero(column == wanted)

    def _nearest_row(self, values: tuple[Scalar, ...]) -> int:
        point = dict(zip(self._parameters, values, strict=True))
        for name in self._names:
            if point[name] not in self._levels[name]:
                known = ", ".join(map(str, self._levels[name]))
                raise InvalidInput(f"{name} must be one of {known}, got {point[name]!r}")
        for name in self._scales:
            if isinstance(point[name], str):
                raise InvalidInput(f"{name} must be a number, got {point[name]!r}")
        codes = np.array([self._levels[name][point[name]] for name in self._names], np.int64)
        apart = self._distances(codes, np.array([scale(point[name]) for name, scale in self._scales.items()]))
        ties = np.flatnonzero(apart <= apart.min() + 1e-12)
        # Of networks that are equally near, the same one is taken each time, and not always the first of the list.
        return int(ties[zlib.crc32(repr(values).encode()) % len(ties)])

    def _distances(self, codes: NDArray[np.int64], scaled: Array) -> Array:
        """Return how far each network is (n,): names that differ, and differences of numbers as parts of their ranges."""
        apart: Array = (self._coded != codes).sum(axis=1) + np.abs(self._scaled - scaled).sum(axis=1)
        return apart


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """The map that takes the smallest number to 0 and the largest to 1."""

    low: float
    span: float
    log: bool

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Scale:
        log = _is_wide(values)
        low, high = (float(np.log(end) if log else end) for end in (min(values), max(values)))
        return cls(low=low, span=high - low or 1.0, log=log)

    def __call__(self, value: Any) -> float:
        return (float(np.log(value) if self.log else value) - self.low) / self.span


def _parameter(values: Sequence[Any]) -> Parameter:
    distinct = tuple(dict.fromkeys(values))
    if isinstance(distinct[0], str) or len(distinct) <= MOST_CHOICES:
        return Choice(values=distinct)
    return Range(low=float(min(distinct)), high=float(max(distinct)), log=_is_wide(distinct))


def _is_wide(values: Sequence[Any]) -> bool:
    return bool(min(values) > 0 and max(values) >= LOGARITHMIC_RATIO * min(values))
