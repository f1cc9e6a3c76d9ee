"""The candidates of a suggestion: the exact costs of each before any training, and its vector for the model."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.parameter import Parameter, Range
from search_spaces.space.candidate import Candidate, candidate_of
from search_spaces.space.encoding import LOGARITHMIC_RATIO, Encoding
from search_spaces.space.network_space import NetworkSpace
from search_spaces.space.search_space import SearchSpace

Array = NDArray[np.float64]
Point = dict[str, Any]
"""One value for every parameter."""

MAX_CACHED_POINTS = 100_000
"""Points whose facts are remembered, about a kilobyte each."""
WALK = 60
"""Steps towards cheaper points, from a random one that is not allowed."""
STEP = 0.15
"""Standard deviation of a mutated number, as a part of its range."""


class Candidates(Protocol):
    """A set of points. What it says of a point never changes; it keeps no record of a search."""

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """Every parameter as Optuna sees it."""

    def sample(self, generator: np.random.Generator) -> Point:
        """A point by chance, which need not be allowed."""

    def mutate(self, point: Mapping[str, Any], generator: np.random.Generator) -> Point:
        """A point near another."""

    def crossover(self, first: Mapping[str, Any], second: Mapping[str, Any], generator: np.random.Generator) -> Point:
        """A point whose values are its parents'."""

    def points(self) -> Iterator[Point]:
        """Every point, where `count` is a number."""

    def count(self) -> int | None:
        """How many points there are, or None: without end."""

    def costs(self, point: Mapping[str, Any]) -> Mapping[str, float] | None:
        """The exact costs of a point by name of the objective, above 0; None: the point is not allowed."""

    def features(self, point: Mapping[str, Any]) -> Array:
        """The vector (d,) that the accuracy is learned from, about as large as 1; InvalidInput where there is none."""

    def expensive(self, point: Mapping[str, Any]) -> Array:
        """More features (e,), asked for only of what was tried and of a short list; often empty."""

    def key(self, point: Mapping[str, Any]) -> str:
        """The identity of a point: the same for those that are the same trial; InvalidInput for what is no point."""


@dataclass(frozen=True, kw_only=True)
class _Facts:
    candidate: Candidate
    size: float
    costs: Mapping[str, float] | None
    features: Array


class SpaceCandidates:
    """The points of a `SearchSpace`.

    Features are the `Encoding`, the logarithms of the costs, and the figures that ``extra`` gives.

    Args:
        space: The search space.
        cost_objectives: The names of the costs that are objectives.
        candidate: Returns a point's network with its costs.
        allowed: Narrows the space (a budget).
        costs: Returns the costs of a network that are known before its training, at least the ``cost_objectives``.
        extra: Returns further figures of every candidate (published ones, say).
        expensive: Returns figures for a short list (zero-cost proxies, say).

    Raises:
        InvalidInput: ``costs`` does not know one of the objectives.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        cost_objectives: Sequence[str] = ("mmacs",),
        candidate: Callable[[Mapping[str, Any]], Candidate] | None = None,
        allowed: Callable[[Candidate], bool] | None = None,
        costs: Callable[[Candidate], Mapping[str, float]] = lambda candidate: candidate.cost.objectives,
        extra: Callable[[Architecture], Sequence[float]] | None = None,
        expensive: Callable[[Architecture], Sequence[float]] | None = None,
    ) -> None:
        self._space, self._encoding = space, Encoding(space)
        self._objectives, self._allowed, self._extra = tuple(cost_objectives), allowed, extra
        self._candidate, self._costs = candidate or functools.partial(candidate_of, space), costs
        self._distributions = distributions_of(space)
        self._names = tuple(self._distributions)
        known = costs(self._candidate(next(space.points())))
        for name in self._objectives:
            if name not in known:
                raise InvalidInput(f"cost_objectives must be known before a training ({', '.join(known)}), got {name}")
        self._facts = functools.lru_cache(MAX_CACHED_POINTS)(self._learn)
        self._expensive = functools.lru_cache(MAX_CACHED_POINTS)(lambda arch: _numbers(expensive, arch))

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return self._distributions

    def sample(self, generator: np.random.Generator) -> Point:
        """A valid point by chance; one that is not allowed is walked towards cheaper ones, as budgets are upper limits."""
        point = self._space.sample(generator)
        for _ in range(WALK):
            if self.costs(point) is not None:
                break
            nearby = self._space.mutate(point, generator)
            if self.costs(nearby) is not None or self._size(nearby) < self._size(point):
                point = nearby
        return point

    def mutate(self, point: Mapping[str, Any], generator: np.random.Generator) -> Point:
        return self._space.mutate(point, generator)

    def crossover(self, first: Mapping[str, Any], second: Mapping[str, Any], generator: np.random.Generator) -> Point:
        return self._space.crossover(first, second, generator)

    def points(self) -> Iterator[Point]:
        training = {name: _values(parameter) for name, parameter in self._space.training_parameters.items()}
        for point in self._space.points():
            for values in itertools.product(*training.values()):
                merged = {**point, **dict(zip(training, values, strict=True))}
                yield {name: merged[name] for name in self._names}

    def count(self) -> int | None:
        training = self._space.training_parameters.values()
        if any(isinstance(parameter, Range) for parameter in training):
            return None
        return self._space.count() * math.prod(len(_values(parameter)) for parameter in training)

    def costs(self, point: Mapping[str, Any]) -> Mapping[str, float] | None:
        try:
            return self._of(point).costs
        except InvalidInput:
            return None

    def features(self, point: Mapping[str, Any]) -> Array:
        return self._of(point).features

    def expensive(self, point: Mapping[str, Any]) -> Array:
        return self._expensive(self._of(point).candidate.arch)

    def key(self, point: Mapping[str, Any]) -> str:
        return self._of(point).candidate.key

    def _size(self, point: Mapping[str, Any]) -> float:
        """Return the size of a point's network; infinite where an objective of the user's own has no value for it."""
        try:
            return self._of(point).size
        except InvalidInput:
            return math.inf

    def _of(self, point: Mapping[str, Any]) -> _Facts:
        return self._facts(_row(point, self._names))

    def _learn(self, values: tuple[Any, ...]) -> _Facts:
        point = dict(zip(self._names, values, strict=True))
        candidate = self._candidate(point)
        arch, counted, known = candidate.arch, candidate.cost.objectives, self._costs(candidate)
        costs = {name: float(known[name]) for name in self._objectives}
        logs = [math.log(value) for value in {"mmacs": counted["mmacs"], "params": counted["params"], **costs}.values()]
        return _Facts(
            candidate=candidate,
            size=sum(logs),
            costs=costs if self._allowed is None or self._allowed(candidate) else None,
            features=np.concatenate([self._encoding.of(arch, point), logs, _numbers(self._extra, arch)]),
        )


class DistributionCandidates:
    """Points of any Optuna distributions, with a function from parameters to costs, which is None for what is not allowed.

    Features are each number between the ends of its range, or its logarithm where the distribution is logarithmic or
    categories spread widely. Each category that is not a number has a column. The logarithms of the costs follow.

    Raises:
        InvalidInput: there are no distributions.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        *,
        costs: Callable[[Mapping[str, Any]], Mapping[str, float] | None] = lambda point: {},
    ) -> None:
        if not distributions:
            raise InvalidInput("distributions must name at least one parameter, got none")
        self._distributions = dict(distributions)
        self._names = tuple(self._distributions)
        self._function = costs
        self._facts = functools.lru_cache(MAX_CACHED_POINTS)(self._learn)

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return self._distributions

    def sample(self, generator: np.random.Generator) -> Point:
        return {name: _at(kind, float(generator.random())) for name, kind in self._distributions.items()}

    def mutate(self, point: Mapping[str, Any], generator: np.random.Generator) -> Point:
        free = [name for name, kind in self._distributions.items() if not kind.single()]
        if not free:
            return dict(point)
        name = free[int(generator.integers(len(free)))]
        kind = self._distributions[name]
        if isinstance(kind, CategoricalDistribution):
            others = [choice for choice in kind.choices if choice != point[name]]
            return {**point, name: others[int(generator.integers(len(others)))]}
        for _ in range(WALK):
            moved = _at(kind, float(np.clip(_place(kind, point[name]) + STEP * generator.normal(), 0.0, 1.0)))
            if moved != point[name]:
                return {**point, name: moved}
        return {**point, name: _at(kind, float(generator.random()))}

    def crossover(self, first: Mapping[str, Any], second: Mapping[str, Any], generator: np.random.Generator) -> Point:
        return {name: (first if generator.integers(2) else second)[name] for name in self._names}

    def points(self) -> Iterator[Point]:
        for values in itertools.product(*map(_grid, self._distributions.values())):
            yield dict(zip(self._names, values, strict=True))

    def count(self) -> int | None:
        sizes = [_size(kind) for kind in self._distributions.values()]
        return math.prod(sizes) if all(sizes) else None

    def costs(self, point: Mapping[str, Any]) -> Mapping[str, float] | None:
        return self._facts(_row(point, self._names))

    def features(self, point: Mapping[str, Any]) -> Array:
        costs = self.costs(point)
        if costs is None:
            raise InvalidInput(f"a point must be allowed to have features, got {dict(point)}")
        columns = [column for name, kind in self._distributions.items() for column in _code(kind, point[name])]
        return np.array([*columns, *(math.log(cost) for cost in costs.values())], np.float64)

    def expensive(self, point: Mapping[str, Any]) -> Array:
        return np.empty(0)

    def key(self, point: Mapping[str, Any]) -> str:
        return json.dumps(_row(point, self._names), default=str)

    def _learn(self, values: tuple[Any, ...]) -> Mapping[str, float] | None:
        costs = self._function(dict(zip(self._names, values, strict=True)))
        for name, cost in (costs or {}).items():
            if not 0 < cost < math.inf:
                raise InvalidInput(f"cost {name} must be a finite number above 0, got {cost!r}")
        return costs


def distributions_of(space: NetworkSpace) -> dict[str, BaseDistribution]:
    """Each parameter of a space as Optuna sees it: choices are categories, ranges are floats."""
    return {
        name: FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        if isinstance(parameter, Range)
        else CategoricalDistribution(parameter.values)
        for name, parameter in space.parameters.items()
    }


def _row(point: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    try:
        return tuple([point[name] for name in names])
    except KeyError as error:
        raise InvalidInput(f"a point must have a value for {error.args[0]}") from None


def _values(parameter: Parameter) -> tuple[Any, ...]:
    assert not isinstance(parameter, Range), "a space with a range has no end of points"
    return parameter.values


def _numbers(function: Callable[[Architecture], Sequence[float]] | None, arch: Architecture) -> Array:
    found = np.empty(0) if function is None else np.asarray(function(arch), np.float64).reshape(-1)
    if not np.isfinite(found).all():
        raise InvalidInput(f"features must be finite, got {found.tolist()} for network {arch.arch_id}")
    return found


def _size(kind: BaseDistribution) -> int:
    """How many values a distribution has; 0 for a range of real numbers."""
    if isinstance(kind, CategoricalDistribution):
        return len(kind.choices)
    if kind.single():
        return 1
    assert isinstance(kind, IntDistribution | FloatDistribution), f"unknown distribution {kind}"
    return round((kind.high - kind.low) / kind.step) + 1 if kind.step else 0


def _grid(kind: BaseDistribution) -> list[Any]:
    """Every value of a distribution that is not a range of real numbers."""
    if isinstance(kind, CategoricalDistribution):
        return list(kind.choices)
    assert isinstance(kind, IntDistribution | FloatDistribution), f"unknown distribution {kind}"
    return [kind.low + index * (kind.step or 0) for index in range(_size(kind))]


def _at(kind: BaseDistribution, place: float) -> Any:
    """The value at a place from 0 to 1: uniform places give values as the distribution would."""
    if isinstance(kind, CategoricalDistribution):
        return kind.choices[min(int(place * len(kind.choices)), len(kind.choices) - 1)]
    assert isinstance(kind, IntDistribution | FloatDistribution), f"unknown distribution {kind}"
    if kind.single():
        return kind.low
    if kind.log:
        half = 0.5 if isinstance(kind, IntDistribution) else 0.0
        value = math.exp(math.log(kind.low - half) + place * math.log((kind.high + half) / (kind.low - half)))
        value = min(max(value, kind.low), kind.high)
        return round(value) if isinstance(kind, IntDistribution) else value
    count = _size(kind)
    if not count:
        return kind.low + place * (kind.high - kind.low)
    return kind.low + min(int(place * count), count - 1) * (kind.step or 0)


def _place(kind: BaseDistribution, value: float) -> float:
    """Where a value lies between the ends of its range, from 0 to 1; one beyond them counts as the end."""
    assert isinstance(kind, IntDistribution | FloatDistribution), f"unknown distribution {kind}"
    if kind.single():
        return 0.0
    value = min(max(value, kind.low), kind.high)
    if kind.log:
        return math.log(value / kind.low) / math.log(kind.high / kind.low)
    return (value - kind.low) / (kind.high - kind.low)


def _code(kind: BaseDistribution, value: Any) -> list[float]:
    """The columns of one parameter."""
    if not isinstance(kind, CategoricalDistribution):
        return [_place(kind, value)]
    numbers = [choice for choice in kind.choices if isinstance(choice, int | float) and not isinstance(choice, bool)]
    if len(numbers) < len(kind.choices) or len(numbers) < 2:
        return [float(value == choice) for choice in kind.choices]
    low, high = min(numbers), max(numbers)
    return [_place(FloatDistribution(low, high, log=low > 0 and high >= LOGARITHMIC_RATIO * low), value)]
