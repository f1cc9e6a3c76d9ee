"""Random forests that learn an objective from the parameters of trials, and the table that they learn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Scalar
from search_spaces.families.parameter import parse_tuple
from search_spaces.registry import family_of

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

Array = NDArray[np.float64]


MIN_TRIALS = 12
"""Fewer different points than this say nothing about parameters."""


FORESTS = 16
"""Forests, each of the trials drawn anew with replacement, whose middle 90 % is the interval."""


TREES = 40


MAX_VALUES = 20
"""Up to so many values of a parameter are shown in its partial dependence."""


LOW, HIGH = 0.05, 0.95


def measured(study: StudyRecord, objective: str) -> list[TrialRecord]:
    """The trials that count: complete, of as many epochs as the protocol says, and with a finite value; by number."""
    epochs = study.protocol.get("epochs")
    return sorted(
        (
            record
            for record in study.trials
            if record.status is TrialStatus.COMPLETE
            and math.isfinite(record.values.get(objective, math.nan))
            and (not record.curve or epochs is None or record.curve[-1].get("epoch", epochs) >= epochs)
        ),
        key=lambda record: record.number,
    )


def value_of(record: TrialRecord, name: str) -> Scalar | None:
    """The value of a parameter in a trial, whether the search varied it or not; None where it has none."""
    fields = family_of(record.arch).values_of(record.arch)
    return fields[name] if name in fields else record.parameters.get(name)


def trials_of(study: StudyRecord, objective: str) -> list[TrialRecord]:
    """Return the trials that `measured` gives; raises InvalidInput for an objective that the study does not have."""
    if objective not in study.objectives:
        raise unknown_name("objective", objective, study.objectives)
    return measured(study, objective)


def too_few(trials: Sequence[TrialRecord]) -> str:
    """Why these trials say nothing about parameters, or nothing."""
    points = {tuple(sorted(record.parameters.items())) for record in trials}
    if len(points) < MIN_TRIALS:
        return f"Importances need at least {MIN_TRIALS} different networks trained to the end, got {len(points)}."
    return ""


class TrialTable:
    """The trials as columns: the values of each parameter, a row a trial, and the objective (n,)."""

    def __init__(self, trials: Sequence[TrialRecord], names: Sequence[str], objective: str) -> None:
        self.columns = {name: [record.parameters.get(name) for record in trials] for name in names}
        self.values = {name: _distinct(column) for name, column in self.columns.items()}
        self.target = np.array([record.values[objective] for record in trials])
        self.points = _codes([tuple(column[row] for column in self.columns.values()) for row in range(len(trials))])
        self.matrix = self.encoded(self.columns)

    def encoded(self, columns: Mapping[str, Sequence[Scalar | None]]) -> Array:
        """Columns as numbers: one for a parameter of numbers, one for each name of a parameter of names."""
        parts: list[Array] = []
        for name, column in columns.items():
            known = self.values[name]
            if any(isinstance(value, str) for value in known):
                parts.append(np.array([[value == other for other in known] for value in column], np.float64))
            else:
                # A tree can split off what a trial does not have: it lies below everything else.
                numbers = [float(value) for value in known if value is not None]
                absent = min(numbers) - 1.0
                parts.append(np.array([[absent if value is None else float(value)] for value in column], np.float64))
        return np.concatenate(parts, axis=1)

    def with_value(self, name: str, value: Scalar | None) -> dict[str, Sequence[Scalar | None]]:
        """The trials as they would be if one parameter had this value in all of them."""
        return {**self.columns, name: [value] * len(self.target)}


def new_forest(seed: int) -> RandomForestRegressor:
    """Return a forest that has learned nothing yet."""
    # The import takes a second, which who only reads a study need not wait for.
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_estimators=TREES, max_features=1.0, min_samples_leaf=1, random_state=seed, n_jobs=1)


def resampled_forest(table: TrialTable, generator: np.random.Generator) -> RandomForestRegressor:
    """Return a forest that learned from as many trials as there are, drawn with replacement."""
    rows = generator.integers(len(table.target), size=len(table.target))
    return new_forest(int(generator.integers(2**31))).fit(table.matrix[rows], table.target[rows])


def middle_interval(resampled: Array, means: Array) -> tuple[Array, Array]:
    """The middle 90 % of each column, wide enough to hold its mean, which a few far ones can draw out of it."""
    lows, highs = np.quantile(resampled, (LOW, HIGH), axis=0)
    return np.minimum(lows, means), np.maximum(highs, means)


def _distinct(column: Sequence[Scalar | None]) -> list[Scalar | None]:
    """The values that occur, as `ordered_values`; what a trial does not have comes last."""
    present: list[Scalar | None] = list(ordered_values(value for value in column if value is not None))
    return present + [None] * (None in column)


def spread_values(values: Sequence[Scalar | None]) -> list[Scalar]:
    """Return the values that a partial dependence shows: of many numbers `MAX_VALUES`, evenly spread."""
    present = [value for value in values if value is not None]
    if len(present) <= MAX_VALUES or any(isinstance(value, str) for value in present):
        return present
    return [present[index] for index in np.linspace(0, len(present) - 1, MAX_VALUES).round().astype(int)]


def ordered_values(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Each value once: numbers, and tuples by their numbers, in rising order; names as they first appear."""
    distinct = tuple(dict.fromkeys(values))
    if all(not isinstance(value, str) for value in distinct):
        return tuple(sorted(distinct, key=float))
    try:
        return tuple(sorted(distinct, key=lambda value: parse_tuple("", value)))
    except InvalidInput:
        return distinct


def _codes(points: Sequence[tuple[Scalar | None, ...]]) -> NDArray[np.int64]:
    """The same number for equal points, counted from 0."""
    known: dict[tuple[Scalar | None, ...], int] = {}
    return np.array([known.setdefault(point, len(known)) for point in points], np.int64)
