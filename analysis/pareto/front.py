"""Dominance, hypervolume and the front of a study.

The functions on arrays know nothing of studies. They take ``values`` (n, m), a row a trial and a column an objective.
``directions`` has ``maximize`` or ``minimize`` for each column; inside, everything is minimised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.common.objectives import DIRECTIONS, MEASURED, OBJECTIVES, SIGNS, costs_and_scores, directions_of, named
from search_spaces.space.candidate import training_key

Array = NDArray[np.float64]
MAX_OBJECTIVES = 4
"""Exact hypervolume by slicing costs O(n^(m-1)): past four objectives it is no longer a matter of seconds."""
REFERENCE_MARGIN = 1.1
FLOOR_MARGIN = 0.1
"""Distance of the floor from the worst score, as a part of the range of scores, where scores are below 0."""


def non_dominated(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows no other row dominates: (n, m) to (n,).

    A row dominates another when it is at least as good in every column and better in one. So equal rows never dominate each
    other, and all copies of a row of the front are kept. O(n log n) for one or two columns.

    Raises:
        InvalidInput: a value is not finite, or a direction is unknown or missing.
    """
    rows, place = np.unique(_minimised(values, directions), axis=0, return_inverse=True)
    return _front_of_sorted(rows)[place.reshape(-1)]


def hypervolume(values: ArrayLike, reference: ArrayLike, directions: Sequence[str]) -> float:
    """The exact volume between the rows and a reference: what at least one row dominates, in the columns' own units.

    Rows that are not better than ``reference`` (m,) in every column add nothing. By slicing along the last objective
    (hypervolume by slicing objectives, While et al. 2006, doi:10.1109/TEVC.2005.851275).

    Raises:
        InvalidInput: as `non_dominated`, or there are more than `MAX_OBJECTIVES` columns.
    """
    if len(directions) > MAX_OBJECTIVES:
        raise InvalidInput(f"hypervolume takes at most {MAX_OBJECTIVES} objectives, got {len(directions)}")
    corner = _minimised(np.asarray(reference, np.float64)[None], directions)[0]
    rows = _minimised(values, directions)
    rows = np.unique(rows[(rows < corner).all(axis=1)], axis=0)
    return _volume(rows[_front_of_sorted(rows)], corner)


def score_floor(scores: ArrayLike) -> float:
    """Return the score that hypervolume is measured from: 0, or `FLOOR_MARGIN` of the range below a worst one under 0."""
    values = np.asarray(scores, np.float64)
    worst, best = float(values.min()), float(values.max())
    return 0.0 if worst >= 0 else worst - FLOOR_MARGIN * (best - worst)


def reference_point(values: ArrayLike, directions: Sequence[str]) -> Array:
    """Return the corner that hypervolume is measured from: 0 for what is maximised, 1.1 times the worst value for a cost.

    A maximised objective is an AP, a fraction whose worst value is 0, or a cost above 0 that is better high.
    Another cost has no worst value but the one seen, and the margin lets the most expensive trial count too. Two studies
    are compared under one shared reference.
    """
    matrix = np.asarray(values, np.float64).reshape(-1, len(directions))
    return np.array(
        [
            0.0 if direction == "maximize" else REFERENCE_MARGIN * float(column.max(initial=0.0)) or 1.0
            for direction, column in zip(directions, matrix.T, strict=True)
        ]
    )


def ideal_point(values: ArrayLike, objectives: Sequence[str]) -> Array:
    """Return the corner opposite of the reference: 1 for an AP, 0 for a cost or an error.

    What is better high without an end has 1.1 times the best value, as a cost has 1.1 times the worst for its reference.
    """
    best = np.asarray(values, np.float64).reshape(-1, len(objectives)).max(axis=0, initial=0.0)
    ends = [ideal_value(name, REFERENCE_MARGIN * float(value) or 1.0) for name, value in zip(objectives, best, strict=True)]
    return np.array(ends)


def ideal_value(name: str, otherwise: float) -> float:
    """Return the best value that an objective can have, and ``otherwise`` where it has no end."""
    row = OBJECTIVES[name]
    if not row.is_better_high:
        return 0.0
    return row.highest if math.isfinite(row.highest) else otherwise


def scored(study: StudyRecord) -> list[TrialRecord]:
    """Return the networks that may be compared: complete, with a finite value of every objective; in order of number.

    A network that was trained with several seeds stands there once, as `means_by_network` has it.
    """
    directions_of(study.objectives)
    return means_by_network(
        [
            record
            for record in study.trials
            if record.status is TrialStatus.COMPLETE
            and all(math.isfinite(record.values.get(name, math.nan)) for name in study.objectives)
        ]
    )


def means_by_network(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return complete trials, those of one network with several seeds as the first of them, with the means of their scores.

    The best of several noisy scores looks better than its network is. Hyper-parameters are part of the network here. A
    further training with a seed that the network had is a repetition, and stands there as it is.
    """
    groups: dict[str, dict[int | None, TrialRecord]] = {}
    found: list[TrialRecord] = []
    for record in sorted(trials, key=lambda record: record.number):
        seeds = groups.setdefault(training_key(record.arch, record.parameters), {})
        if seeds.setdefault(record.seed, record) is not record:
            found.append(record)
    found += [_mean_of(list(seeds.values())) for seeds in groups.values()]
    return sorted(found, key=lambda record: record.number)


def _mean_of(trainings: Sequence[TrialRecord]) -> TrialRecord:
    """Return the first training of a network, with the means of all; figures of the network itself stay its own."""
    first = trainings[0]
    if len(trainings) == 1:
        return first
    own = named(source=MEASURED)
    metrics = {
        name: value if name in own else float(np.mean([each.metrics.get(name, math.nan) for each in trainings]))
        for name, value in first.metrics.items()
    }
    return replace(first, metrics=metrics, trainings=len(trainings))


def matrix_of(trials: Sequence[TrialRecord], objectives: Sequence[str]) -> Array:
    """The objectives of trials as (n, m)."""
    rows = [[record.values[name] for name in objectives] for record in trials]
    return np.array(rows, np.float64).reshape(len(rows), len(objectives))


def front_of(study: StudyRecord) -> list[TrialRecord]:
    """The trials that no other trial dominates, cheapest first by the first cost objective (else most accurate first)."""
    trials = scored(study)
    mask = non_dominated(matrix_of(trials, study.objectives), directions_of(study.objectives))
    costs, _ = costs_and_scores(study.objectives)
    name = costs[0] if costs else study.objectives[0]
    sign = SIGNS[DIRECTIONS[name]]
    return sorted(
        (record for record, kept in zip(trials, mask, strict=True) if kept),
        key=lambda record: (sign * record.values[name], record.number),
    )


def hypervolume_curve(study: StudyRecord, reference: ArrayLike | None = None) -> pd.DataFrame:
    """Return how much of the objective space the search had covered after each trial, in order of number.

    Columns:

    - ``trials`` counts every trial so far, whatever became of it.
    - ``seconds`` is the compute of these trials. It is longer than the clock where trials ran side by side.
    - ``hypervolume`` is a fraction from 0 to 1 of the box between ``reference`` and AP 1 at cost 0 (`ideal_point`). The
      reference is `reference_point` of the whole study unless given.
    """
    directions = directions_of(study.objectives)
    comparable = {record.number: record for record in scored(study)}
    values = matrix_of(list(comparable.values()), study.objectives)
    corner = np.asarray(reference if reference is not None else reference_point(values, directions), np.float64)
    ideal = ideal_point(values, study.objectives)
    box = float(np.abs(ideal - corner).prod())
    front = np.empty((0, len(directions)))
    seconds, covered, rows = 0.0, 0.0, []
    for count, record in enumerate(sorted(study.trials, key=lambda record: record.number), start=1):
        seconds += record.seconds
        if record.number in comparable:
            front = np.vstack([front, matrix_of([comparable[record.number]], study.objectives)])
            mask = non_dominated(front, directions)
            front = front[mask]
            covered = hypervolume(front, corner, directions) / box if mask[-1] else covered
        rows.append((count, seconds, covered))
    return pd.DataFrame(rows, columns=["trials", "seconds", "hypervolume"])


def _minimised(values: ArrayLike, directions: Sequence[str]) -> Array:
    check_names("direction", directions, SIGNS)
    matrix = np.asarray(values, np.float64)
    if matrix.size == 0:
        matrix = matrix.reshape(0, len(directions))
    if matrix.ndim != 2 or matrix.shape[1] != len(directions):
        raise InvalidInput(f"values must have one column for each of {len(directions)} directions, got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise InvalidInput("values must be finite: leave out trials that have no score")
    # Adding 0 makes -0 and 0 one value for `np.unique`.
    signed: Array = matrix * np.array([SIGNS[direction] for direction in directions]) + 0.0
    return signed


def _front_of_sorted(rows: Array) -> NDArray[np.bool_]:
    """`non_dominated` for distinct rows in lexicographic order: only an earlier row can dominate a later one."""
    if rows.shape[1] <= 2:
        last = rows[:, -1]
        best_before = np.concatenate([[np.inf], np.minimum.accumulate(last)[:-1]])[: len(rows)]
        mask: NDArray[np.bool_] = last < best_before
        return mask
    kept: list[int] = []
    for index, row in enumerate(rows):
        if not (rows[kept, 1:] <= row[1:]).all(axis=1).any():
            kept.append(index)
    mask = np.zeros(len(rows), np.bool_)
    mask[kept] = True
    return mask


def _volume(rows: Array, corner: Array) -> float:
    """The volume that rows, all better than ``corner``, dominate."""
    if not len(rows):
        return 0.0
    if rows.shape[1] == 1:
        return float(corner[0] - rows.min())
    rows = rows[np.argsort(rows[:, -1], kind="stable")]
    heights = np.diff(np.append(rows[:, -1], corner[-1]))
    if rows.shape[1] == 2:
        return float(((corner[0] - np.minimum.accumulate(rows[:, 0])) * heights).sum())
    total = 0.0
    for count, height in enumerate(heights, start=1):
        if height > 0:
            below = np.unique(rows[:count, :-1], axis=0)
            total += float(height) * _volume(below[_front_of_sorted(below)], corner[:-1])
    return total
