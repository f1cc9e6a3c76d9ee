"""Partial dependence of the accuracy on one parameter, and on two together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.forest import (
    FORESTS,
    TrialTable,
    middle_interval,
    ordered_values,
    resampled_forest,
    spread_values,
    too_few,
    trials_of,
    value_of,
)
from analysis.study.labels import varied_parameters
from analysis.study.records import StudyRecord
from search_spaces.common.errors import unknown_name
from search_spaces.families.architecture import Scalar
from search_spaces.registry import family_of


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """The mean prediction of an objective, in its own unit, where all trials take one value of a parameter.

    All arrays are empty where there are too few trials, as `reason` says.

    Args:
        parameter: The name of the parameter.
        objective: The name of the objective.
        values: The values of the parameter: numbers in rising order, names as they first appear.
        means: The mean prediction for each value.
        lows: The lower ends of the middle 90 % over resampled trials.
        highs: The upper ends.
    """

    parameter: str
    objective: str
    values: Sequence[Scalar]
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The mean of the trials that have both values, and how many they are."""

    mean: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """A table of two parameters as the paper's Table 5: ``cells[row][column]``, None where no trial was measured."""

    first: str
    second: str
    objective: str
    rows: Sequence[Scalar]
    columns: Sequence[Scalar]
    cells: Sequence[Sequence[Cell | None]]


def partial_dependence(study: StudyRecord, parameter: str, objective: str, *, seed: int = 0) -> Dependence:
    """How an objective moves with one parameter, the others as they are in the trials.

    Friedman's partial dependence (doi:10.1214/aos/1013203451) of the same forests. Of more than `MAX_VALUES` numbers, as of
    a learning rate, that many quantiles are taken.

    Raises:
        InvalidInput: the study does not vary the parameter, or has no such objective.
    """
    trials = trials_of(study, objective)
    varied = varied_parameters(trials)
    if too_few(trials):
        return Dependence(parameter=parameter, objective=objective, values=(), means=(), lows=(), highs=())
    if parameter not in varied:
        raise unknown_name("varied parameter", parameter, varied)
    table = TrialTable(trials, varied, objective)
    values = spread_values(table.values[parameter])
    curves = np.empty((FORESTS, len(values)))
    generator = np.random.default_rng(seed)
    rows = np.concatenate([table.encoded(table.with_value(parameter, value)) for value in values])
    for index in range(FORESTS):
        predicted = resampled_forest(table, generator).predict(rows)
        curves[index] = predicted.reshape(len(values), len(trials)).mean(axis=1)
    means = curves.mean(axis=0)
    lows, highs = middle_interval(curves, means)
    return Dependence(
        parameter=parameter,
        objective=objective,
        values=values,
        means=means.tolist(),
        lows=lows.tolist(),
        highs=highs.tolist(),
    )


def interaction(study: StudyRecord, first: str, second: str, objective: str) -> Interaction:
    """The mean of the measured trials for each pair of values that occur, and nothing where there is no trial.

    The names are parameters of a search, single fields of an architecture (``groups_branch4``), or whole tuples
    (``groups``, written ``1-1-2-4``).

    Raises:
        InvalidInput: a name is neither, or the study has no such objective.
    """
    trials = trials_of(study, objective)
    for name in (first, second):
        fields = (key for record in study.trials for key in family_of(record.arch).values_of(record.arch))
        known = dict.fromkeys((*fields, *(key for record in study.trials for key in record.parameters)))
        if name not in known:
            raise unknown_name("parameter", name, known)
    groups: dict[tuple[Scalar, Scalar], list[float]] = {}
    for record in trials:
        row, column = value_of(record, first), value_of(record, second)
        if row is not None and column is not None:
            groups.setdefault((row, column), []).append(record.values[objective])
    rows, columns = ordered_values(row for row, _ in groups), ordered_values(column for _, column in groups)
    cells = tuple(tuple(_cell(groups.get((row, column), ())) for column in columns) for row in rows)
    return Interaction(first=first, second=second, objective=objective, rows=rows, columns=columns, cells=cells)


def _cell(scores: Sequence[float]) -> Cell | None:
    return Cell(mean=math.fsum(scores) / len(scores), count=len(scores)) if scores else None
