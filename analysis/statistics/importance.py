"""What matters: how much each parameter of a search moves each objective, alone and together with others.

A random forest learns each objective from the parameters of the trials that were trained to the end. The share of a
parameter is its total effect on what the forest predicts, interactions included (Jansen's estimator,
doi:10.1016/S0010-4655(98)00154-4), where every parameter takes each of its values equally often and independently of the
others: as in functional ANOVA (Hutter et al., ICML 2014), and unlike the trials of a search, which crowd where it is good.
How far the forest may be believed is its R² on trials it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.study.labels import quantity, varied_parameters
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Scalar
from search_spaces.families.parameter import parse_tuple
from search_spaces.objectives import directions_of
from search_spaces.registry import family_of

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

Array = NDArray[np.float64]

MIN_TRIALS = 12
"""Fewer different points than this say nothing about parameters."""
FOLDS = 5
FORESTS = 16
"""Forests, each of the trials drawn anew with replacement, whose middle 90 % is the interval."""
TREES = 40
DRAWS = 256
"""Points that a total effect is averaged over."""
MAX_VALUES = 20
"""Up to so many values of a parameter are shown in its partial dependence."""
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The share (0 to 1) of a parameter in all total effects on an objective, with the middle 90 % over resampled trials."""

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the trials say about one objective.

    ``r2`` is the forest's on held-out trials (at most 1; 0 is no better than the mean), None where none was fitted.
    ``importances`` is empty exactly where ``reason`` says why.
    """

    objective: str
    trials: int
    r2: float | None
    importances: Sequence[Importance]
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """The mean prediction of an objective, in its own unit, where all trials take one value of a parameter.

    One entry for each of ``values``: numbers in rising order, names as they first appear. ``lows`` and ``highs`` enclose
    the middle 90 % over resampled trials. All are empty where there are too few trials, as `reason` says.
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


def importances(study: StudyRecord, *, seed: int = 0) -> dict[str, list[Importance]]:
    """By objective the parameters that the study varied, the most important first; their shares add up to 1.

    A list is empty where the trials do not carry it; `reason` says why, and `explanations` how good the fit is.
    """
    return {name: list(found.importances) for name, found in explanations(study, seed=seed).items()}


def reason(study: StudyRecord, *, seed: int = 0) -> str:
    """Why an objective has no importances, in a sentence or more; empty where all have some."""
    return " ".join(dict.fromkeys(found.reason for found in explanations(study, seed=seed).values() if found.reason))


def explanations(study: StudyRecord, *, seed: int = 0) -> dict[str, Explanation]:
    """By objective the importances of the parameters and how well they explain it.

    Raises:
        InvalidInput: an objective is unknown.
    """
    directions_of(study.objectives)
    return {objective: _explanation(study, objective, seed) for objective in study.objectives}


def measured(study: StudyRecord, objective: str) -> list[TrialRecord]:
    """The trials that count: complete, of as many epochs as the protocol says, and with a finite value; by number."""
    epochs = study.protocol.get("epochs")
    return sorted(
        (
            record
            for record in study.trials
            if record.status == "complete"
            and math.isfinite(record.values.get(objective, math.nan))
            and (not record.curve or epochs is None or record.curve[-1].get("epoch", epochs) >= epochs)
        ),
        key=lambda record: record.number,
    )


def partial_dependence(study: StudyRecord, parameter: str, objective: str, *, seed: int = 0) -> Dependence:
    """How an objective moves with one parameter, the others as they are in the trials.

    Friedman's partial dependence (doi:10.1214/aos/1013203451) of the same forests. Of more than `MAX_VALUES` numbers, as of
    a learning rate, that many quantiles are taken.

    Raises:
        InvalidInput: the study does not vary the parameter, or has no such objective.
    """
    trials = _trials_of(study, objective)
    varied = varied_parameters(trials)
    if _too_few(trials):
        return Dependence(parameter=parameter, objective=objective, values=(), means=(), lows=(), highs=())
    if parameter not in varied:
        raise unknown_name("varied parameter", parameter, varied)
    table = _Table(trials, varied, objective)
    values = _spread(table.values[parameter])
    curves = np.empty((FORESTS, len(values)))
    generator = np.random.default_rng(seed)
    rows = np.concatenate([table.encoded(table.with_value(parameter, value)) for value in values])
    for index in range(FORESTS):
        predicted = _resampled_forest(table, generator).predict(rows)
        curves[index] = predicted.reshape(len(values), len(trials)).mean(axis=1)
    means = curves.mean(axis=0)
    lows, highs = _around(curves, means)
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
    trials = _trials_of(study, objective)
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
    rows, columns = _ordered(row for row, _ in groups), _ordered(column for _, column in groups)
    cells = tuple(tuple(_cell(groups.get((row, column), ())) for column in columns) for row in rows)
    return Interaction(first=first, second=second, objective=objective, rows=rows, columns=columns, cells=cells)


def value_of(record: TrialRecord, name: str) -> Scalar | None:
    """The value of a parameter in a trial, whether the search varied it or not; None where it has none."""
    fields = family_of(record.arch).values_of(record.arch)
    return fields[name] if name in fields else record.parameters.get(name)


def _cell(scores: Sequence[float]) -> Cell | None:
    return Cell(mean=math.fsum(scores) / len(scores), count=len(scores)) if scores else None


def _trials_of(study: StudyRecord, objective: str) -> list[TrialRecord]:
    if objective not in study.objectives:
        raise unknown_name("objective", objective, study.objectives)
    return measured(study, objective)


def _explanation(study: StudyRecord, objective: str, seed: int) -> Explanation:
    trials = measured(study, objective)
    varied = varied_parameters(trials)
    said = _too_few(trials)
    if not said and len({record.values[objective] for record in trials}) == 1:
        said = f"All trials have the same {quantity(objective)}, so no parameter matters to it."
    if said:
        return Explanation(objective=objective, trials=len(trials), r2=None, importances=(), reason=said)
    table = _Table(trials, varied, objective)
    r2 = _held_out_r2(table, seed)
    if r2 <= 0:
        said = (
            f"The parameters do not explain {quantity(objective)}: on held-out trials a forest predicts it no better than"
            f" the mean does (R² {r2:.2f}, {len(trials)} trials)."
        )
        return Explanation(objective=objective, trials=len(trials), r2=r2, importances=(), reason=said)
    shares = _shares(table, np.random.default_rng(seed))
    means = shares.mean(axis=0) / shares.mean(axis=0).sum()
    lows, highs = _around(shares, means)
    found = [
        Importance(name=name, share=float(share), low=float(low), high=float(high))
        for name, share, low, high in zip(varied, means, lows, highs, strict=True)
    ]
    ranked = sorted(found, key=lambda importance: (-importance.share, importance.name))
    return Explanation(objective=objective, trials=len(trials), r2=r2, importances=tuple(ranked))


def _too_few(trials: Sequence[TrialRecord]) -> str:
    """Why these trials say nothing about parameters, or nothing."""
    points = {tuple(sorted(record.parameters.items())) for record in trials}
    if len(points) < MIN_TRIALS:
        return f"Importances need at least {MIN_TRIALS} different networks trained to the end, got {len(points)}."
    return ""


class _Table:
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


def _forest(seed: int) -> RandomForestRegressor:
    # The import takes a second, which who only reads a study need not wait for.
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_estimators=TREES, max_features=1.0, min_samples_leaf=1, random_state=seed, n_jobs=1)


def _resampled_forest(table: _Table, generator: np.random.Generator) -> RandomForestRegressor:
    rows = generator.integers(len(table.target), size=len(table.target))
    return _forest(int(generator.integers(2**31))).fit(table.matrix[rows], table.target[rows])


def _held_out_r2(table: _Table, seed: int) -> float:
    """R² of predictions for points that the forest has not seen; repeats of a point are held out together."""
    order = np.random.default_rng(seed).permutation(int(table.points.max()) + 1)
    fold = order[table.points] % FOLDS
    predicted = np.empty_like(table.target)
    for held in range(FOLDS):
        rows = fold == held
        predicted[rows] = _forest(seed).fit(table.matrix[~rows], table.target[~rows]).predict(table.matrix[rows])
    residual, total = ((table.target - predicted) ** 2).sum(), ((table.target - table.target.mean()) ** 2).sum()
    return float(1 - residual / total)


def _shares(table: _Table, generator: np.random.Generator) -> Array:
    """Shares (forests, parameters) of the total effects, a row for each resampling of the trials."""
    drawn = {name: _drawn(values, generator) for name, values in table.values.items()}
    others = {name: _drawn(values, generator) for name, values in table.values.items()}
    moved = [table.encoded({**drawn, name: others[name]}) for name in drawn]
    rows = np.concatenate([table.encoded(drawn), *moved])
    effects = np.empty((FORESTS, len(drawn)))
    for index in range(FORESTS):
        predicted = _resampled_forest(table, generator).predict(rows).reshape(1 + len(drawn), DRAWS)
        effects[index] = ((predicted[1:] - predicted[0]) ** 2).mean(axis=1) / 2
    totals = effects.sum(axis=1, keepdims=True)
    # A resampling that lost all differences says nothing about which parameter it is.
    shares: Array = np.where(totals > 0, effects / np.where(totals > 0, totals, 1.0), 1.0 / len(drawn))
    return shares


def _around(resampled: Array, means: Array) -> tuple[Array, Array]:
    """The middle 90 % of each column, wide enough to hold its mean, which a few far ones can draw out of it."""
    lows, highs = np.quantile(resampled, (LOW, HIGH), axis=0)
    return np.minimum(lows, means), np.maximum(highs, means)


def _drawn(values: Sequence[Scalar | None], generator: np.random.Generator) -> list[Scalar | None]:
    return [values[index] for index in generator.integers(len(values), size=DRAWS)]


def _distinct(column: Sequence[Scalar | None]) -> list[Scalar | None]:
    """The values that occur, as `_ordered`; what a trial does not have comes last."""
    present: list[Scalar | None] = list(_ordered(value for value in column if value is not None))
    return present + [None] * (None in column)


def _spread(values: Sequence[Scalar | None]) -> list[Scalar]:
    present = [value for value in values if value is not None]
    if len(present) <= MAX_VALUES or any(isinstance(value, str) for value in present):
        return present
    return [present[index] for index in np.linspace(0, len(present) - 1, MAX_VALUES).round().astype(int)]


def _ordered(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
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
