"""Finalists of shared weights: networks that forecasts rank first are scored, and those to be trained spread over the costs.

Shape legend: n networks. Scores are larger where better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import non_dominated
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from search_spaces.space.elastic_space import ElasticSpace

Array = NDArray[np.float64]
Predict = Callable[[Sequence[Point]], Array]

MOST_ENUMERATED = 100_000
"""Points up to which a space is looked through; a larger one is evolved."""
POPULATION, GENERATIONS = 2000, 20
"""Points of a generation, and generations, of an evolution."""
MUTATED_SHARE = 0.5
"""Part of the children that are mutations of one parent; the others are crossed and mutated."""
DIRECTIONS = ("maximize", "minimize")


def promising(elastic: ElasticSpace, predict: Predict, count: int, seed: int) -> list[Point]:
    """Return the points that forecasts and costs together rank first: front after front, until there are enough.

    Args:
        elastic: The space; nothing beyond its budget is returned.
        predict: Returns the forecasts of points.
        count: The points that are wanted; fewer where the space has not so many.
        seed: The seed of an evolution.
    """
    space = elastic.space
    if space.count() <= MOST_ENUMERATED:
        points = _different(elastic, space.points())
        return [points[place] for place in by_fronts(*_values(elastic, predict, points))[:count]]
    generator = np.random.default_rng([seed, 8])
    # Within a tight budget no draw may lie.
    ends = [point for arch in (elastic.smallest, elastic.largest) if (point := space.point_of(arch)) is not None]
    points = _different(elastic, [*ends, *(space.sample(generator) for _ in range(POPULATION))])
    for _ in range(GENERATIONS):
        order = by_fronts(*_values(elastic, predict, points))
        parents = [points[place] for place in order[: POPULATION // 4]]
        points = _different(elastic, [*parents, *_children(elastic, parents, generator)])
    return [points[place] for place in by_fronts(*_values(elastic, predict, points))[:count]]


def by_fronts(scores: Array, costs: Array) -> list[int]:
    """Return the places of networks (n,) by fronts of score and cost: the first front first, each from the cheap end on.

    Args:
        scores: The scores.
        costs: The costs, smaller where better.
    """
    left, found = np.arange(len(scores)), list[int]()
    while len(left):
        on_front = non_dominated(np.column_stack([scores[left], costs[left]]), DIRECTIONS)
        front = left[on_front]
        found += front[np.argsort(costs[front], kind="stable")].tolist()
        left = left[~on_front]
    return found


def spread_over_costs(scores: Array, costs: Array, count: int) -> list[int]:
    """Return the places of finalists, the best within limits at equal steps of log cost, from cheap to dear.

    Args:
        scores: The scores (n,).
        costs: The costs (n,), above 0.
        count: The finalists that are wanted; fewer where there are not so many networks.
    """
    low, high = float(np.log(costs.min())), float(np.log(costs.max()))
    chosen: list[int] = []
    for limit in low + (high - low) * (np.arange(count) + 1) / count:
        inside = [place for place in np.flatnonzero(np.log(costs) <= limit + 1e-9).tolist() if place not in chosen]
        if inside:
            chosen.append(max(inside, key=lambda place: (scores[place], -costs[place])))
    others = [place for place in by_fronts(scores, costs) if place not in chosen]
    return sorted([*chosen, *others[: count - len(chosen)]], key=lambda place: costs[place])


def _values(elastic: ElasticSpace, predict: Predict, points: Sequence[Point]) -> tuple[Array, Array]:
    costs = np.array([float(cost_of(elastic.space.build(point)).macs) for point in points])
    return np.asarray(predict(points), np.float64), costs


def _different(elastic: ElasticSpace, points: Iterable[Point]) -> list[Point]:
    """Return the points within the budget, none with the network of another."""
    found: dict[str, Point] = {}
    for point in points:
        arch = elastic.space.build(point)
        if elastic.allows(arch):
            found.setdefault(arch.arch_id, point)
    return list(found.values())


def _children(elastic: ElasticSpace, parents: Sequence[Point], generator: np.random.Generator) -> list[Point]:
    space, found = elastic.space, list[Point]()
    for _ in range(POPULATION - len(parents)):
        first, second = (parents[int(place)] for place in generator.integers(len(parents), size=2))
        crossed = first if generator.random() < MUTATED_SHARE else space.crossover(first, second, generator)
        found.append(space.mutate(crossed, generator))
    return found
