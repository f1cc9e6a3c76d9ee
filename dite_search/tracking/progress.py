"""Curves of a search over its finished trials: the accuracy, the front, and the compute that they took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.pareto.budget_filter import allows
from analysis.pareto.front import (
    MAX_OBJECTIVES,
    REFERENCE_MARGIN,
    Array,
    hypervolume,
    ideal_value,
    matrix_of,
    non_dominated,
    scored,
)
from analysis.study.records import StudyRecord, TrialRecord
from dite_search.config.search_config import SearchConfig
from dite_search.study.attributes import STARTED
from dite_search.tracking.aliases import alias_of
from dite_search.tracking.client import Point
from search_spaces.common.objectives import COUNTED, OBJECTIVES, costs_and_scores, directions_of, gain
from search_spaces.families.cost import Cost
from search_spaces.space.budget import Budget, Constraint
from search_spaces.space.candidate import CandidateCache
from search_spaces.space.largest import largest_candidate

FIRST_FACTOR = 3.0
"""An objective whose worst value nobody knows is measured from so many times the value of the first trial."""
ROUND_DIGITS = (1.0, 2.0, 5.0)
"""The digits of the limits under which the best accuracy is followed besides the search's own, in every power of ten."""


def reference_of(config: SearchConfig, candidates: CandidateCache | None = None) -> dict[str, float]:
    """Return the corner that the hypervolume of a search is measured from: a value for each objective that has one.

    The corner is known before the first trial, so that the curve of the hypervolume never falls. Its value is 0 for an
    accuracy, and the largest useful value for an error. For a cost it is a tenth more than the cost's limit, or than the
    cost of the largest network where there is no limit.
    ``candidates`` are those of the space that this process knows.
    """
    limits = {constraint.cost: constraint.limit for constraint in config.network_budget.constraints}
    found: dict[str, float] = {}
    for name in config.objectives:
        row = OBJECTIVES[name]
        if row.is_better_high:
            found[name] = 0.0
        elif name in limits:
            found[name] = REFERENCE_MARGIN * limits[name]
        elif row.source == COUNTED:
            found[name] = REFERENCE_MARGIN * _largest(config, name, candidates)
        elif row.useless is not None and math.isfinite(row.useless):
            found[name] = row.useless
    return found


def ideal_of(config: SearchConfig, candidates: CandidateCache | None = None) -> dict[str, float]:
    """Return the values opposite of the corner of `reference_of` that are known of counted objectives without an end.

    It is a tenth more than the largest value of a network within the budget.
    """
    rows = [OBJECTIVES[name] for name in config.objectives]
    endless = [row.name for row in rows if row.is_better_high and row.source == COUNTED]
    return {name: REFERENCE_MARGIN * _largest(config, name, candidates) for name in endless}


def _largest(config: SearchConfig, name: str, candidates: CandidateCache | None) -> float:
    def cost_of(cost: Cost) -> float:
        return cost.objectives[name]

    return cost_of(largest_candidate(config.search_space, config.network_budget, cost_of, candidates).cost)


def round_limits(least: float, most: float, *, is_least: bool = False) -> list[float]:
    """Return the round limits (1, 2, 5, 10, 20, …) that tell values of a cost apart.

    Args:
        least: The smallest value, which meets the first of them.
        most: The largest value, which meets the last of them.
        is_least: Whether a limit is the smallest value that is allowed. The first and last ones are then as large as can be
            met, else as small.
    """
    powers = [math.floor(math.log10(value)) if value > 0 else 0 for value in (least, most)]
    numbers = [float(f"{digit:g}e{power}") for power in range(powers[0], powers[1] + 2) for digit in ROUND_DIGITS]
    if is_least:
        met = [limit for limit in numbers if limit <= most]
        return [limit for limit in met if limit >= max((each for each in met if each <= least), default=0.0)]
    met = [limit for limit in numbers if limit >= least]
    return [limit for limit in met if limit <= min(each for each in met if each >= most)]


@dataclass
class _Tally:
    """The counts after some trials.

    Args:
        front: The objectives of the networks of the front, a row each.
        reference: The corner of the hypervolume.
        ideal: The corner opposite.
        covered: The hypervolume as a fraction.
        epochs: The epochs that were trained.
        seconds: The time that the trials took.
        known: The comparable trials.
        best_of_all: The best accuracy.
        best: The best accuracy under each limit that a trial meets.
    """

    front: Array
    reference: dict[str, float]
    ideal: dict[str, float]
    covered: float = 0.0
    epochs: int = 0
    seconds: float = 0.0
    known: list[TrialRecord] = field(default_factory=list)
    best_of_all: float = math.nan
    best: dict[Constraint, float] = field(default_factory=dict)


class SearchCurves:
    """The curves of one search, continued by each trial that ends; a step is the number of trials that have ended.

    Everything follows from the study alone, whenever it is read: the trials in the order of their ends.

    Args:
        reference: The corner of the hypervolume, as of `reference_of`.
        budget: The limits of the search, under each of which the best accuracy has a curve.
        ideal: What is known of the corner opposite, as of `ideal_of`.
    """

    def __init__(self, reference: Mapping[str, float], budget: Budget, ideal: Mapping[str, float] | None = None) -> None:
        self._reference, self._budget, self._ideal = reference, budget, ideal or {}
        self._numbers: list[int] = []
        self._points: list[Point] = []
        self._tally: _Tally | None = None

    def points(self, study: StudyRecord, attributes: Mapping[int, Mapping[str, Any]]) -> Sequence[Point]:
        """Return every point of every curve; ``attributes`` are those of the trials, by number."""

        def end_of(record: TrialRecord) -> float:
            return float(attributes.get(record.number, {}).get(STARTED, 0.0)) + record.seconds

        ended = sorted(
            (record for record in study.trials if record.is_spent), key=lambda record: (end_of(record), record.number)
        )
        if self._tally is None or [record.number for record in ended[: len(self._numbers)]] != self._numbers:
            self._begin(study)
        new = ended[len(self._numbers) :]
        comparable = {record.number for record in scored(study)} if new else set()
        for record in new:
            self._numbers.append(record.number)
            self._add(study, record, is_comparable=record.number in comparable, timestamp=int(1000 * end_of(record)))
        return self._points

    def _begin(self, study: StudyRecord) -> None:
        """Begin anew, with what was taken over from earlier studies."""
        self._numbers, self._points = [], []
        self._tally = _Tally(
            front=np.empty((0, len(study.objectives))), reference=dict(self._reference), ideal=dict(self._ideal)
        )
        for record in scored(study):
            if record.origin:
                self._compare(study, self._tally, record)

    def _add(self, study: StudyRecord, record: TrialRecord, *, is_comparable: bool, timestamp: int) -> None:
        tally, step = self._tally, len(self._numbers)
        assert tally is not None, "the curves have begun"
        tally.epochs += record.epochs_trained
        tally.seconds += record.seconds
        if is_comparable:
            self._compare(study, tally, record)
        values = {
            "front_size": float(len(tally.front)),
            "epochs_spent": float(tally.epochs),
            "hours_spent": tally.seconds / 3600,
        }
        if len(study.objectives) <= MAX_OBJECTIVES:
            values["hypervolume"] = tally.covered
        if tally.known:
            best = f"best_{_score(study)}"
            values[best] = tally.best_of_all
            values |= {f"{best}_{_limit_name(constraint)}": value for constraint, value in tally.best.items()}
        self._points += [Point(name=name, step=step, value=value, timestamp=timestamp) for name, value in values.items()]

    def _compare(self, study: StudyRecord, tally: _Tally, record: TrialRecord) -> None:
        """Put a comparable trial beside those before."""
        score = _score(study)
        earlier = [tally.best_of_all] if tally.known else []
        tally.best_of_all = _best_of(score, [*earlier, record.values[score]])
        tally.known.append(record)
        self._follow_limits(study, tally, record)
        directions = directions_of(study.objectives)
        for name in study.objectives:
            far = FIRST_FACTOR * record.values[name]
            tally.reference.setdefault(name, far)
            tally.ideal.setdefault(name, ideal_value(name, far))
        tally.front = np.vstack([tally.front, matrix_of([record], study.objectives)])
        mask = non_dominated(tally.front, directions)
        tally.front = tally.front[mask]
        if mask[-1] and len(directions) <= MAX_OBJECTIVES:
            corner = np.array([tally.reference[name] for name in study.objectives])
            ideal = np.array([tally.ideal[name] for name in study.objectives])
            box = float(np.abs(ideal - corner).prod())
            tally.covered = hypervolume(tally.front, corner, directions) / box if box else 0.0

    def _follow_limits(self, study: StudyRecord, tally: _Tally, record: TrialRecord) -> None:
        """Keep the best accuracy under each limit, for a trial that was just added."""
        costs, score = costs_and_scores(study.objectives)[0], _score(study)
        limits = list(self._budget.constraints)
        if costs:
            seen = [each.values[costs[0]] for each in tally.known]
            is_least = OBJECTIVES[costs[0]].is_better_high
            rounded = round_limits(min(seen), max(seen), is_least=is_least)
            limits += [Constraint(cost=costs[0], limit=limit) for limit in rounded]
        for constraint in limits:
            candidates = [record] if constraint in tally.best else tally.known
            values = [each.values[score] for each in candidates if allows(Budget(constraints=(constraint,)), each)]
            if values:
                known = [tally.best[constraint]] if constraint in tally.best else []
                tally.best[constraint] = _best_of(score, known + values)


def _score(study: StudyRecord) -> str:
    """Return the accuracy that a study ranks networks by."""
    return costs_and_scores(study.objectives)[1][0]


def _limit_name(constraint: Constraint) -> str:
    """Return a limit as the end of a metric's name: ``under_200_mmacs``, ``over_30_fps``."""
    return alias_of(constraint).removeprefix("best-").replace("-", "_")


def _best_of(score: str, values: Sequence[float]) -> float:
    return max(values, key=lambda value: gain(score, value))
