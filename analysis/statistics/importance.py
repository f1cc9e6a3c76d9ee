"""The importance of parameters: how much each parameter moves each objective, alone and together with others.

A random forest learns each objective from the parameters of the trials that were trained to the end. The share of a
parameter is its total effect on the forest's prediction, interactions included (Jansen's estimator,
doi:10.1016/S0010-4655(98)00154-4). Every parameter takes each of its values equally often and independently of the others,
as in functional ANOVA (Hutter et al., ICML 2014). The trials of a search, on the contrary, crowd where it is good. How far
the forest may be believed is its R² on trials it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.forest import (
    FORESTS,
    Array,
    TrialTable,
    measured,
    middle_interval,
    new_forest,
    resampled_forest,
    too_few,
)
from analysis.study.labels import quantity, varied_parameters
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import directions_of
from search_spaces.families.architecture import Scalar

FOLDS = 5
DRAWS = 256
"""Points that a total effect is averaged over."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The share (0 to 1) of a parameter in all total effects on an objective, with the middle 90 % over resampled trials."""

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The evidence of the trials about one objective.

    Args:
        objective: The name of the objective.
        trials: The number of trials.
        r2: The forest's R² on held-out trials (at most 1; 0 is no better than the mean), None where none was fitted.
        importances: The importances, empty exactly where there is a ``reason``.
        reason: The reason why there are none.
    """

    objective: str
    trials: int
    r2: float | None
    importances: Sequence[Importance]
    reason: str = ""


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


def _explanation(study: StudyRecord, objective: str, seed: int) -> Explanation:
    trials = measured(study, objective)
    varied = varied_parameters(trials)
    said = too_few(trials)
    if not said and len({record.values[objective] for record in trials}) == 1:
        said = f"All trials have the same {quantity(objective)}, so no parameter matters to it."
    if said:
        return Explanation(objective=objective, trials=len(trials), r2=None, importances=(), reason=said)
    table = TrialTable(trials, varied, objective)
    r2 = _held_out_r2(table, seed)
    if r2 <= 0:
        said = (
            f"The parameters do not explain {quantity(objective)}: on held-out trials a forest predicts it no better than"
            f" the mean does (R² {r2:.2f}, {len(trials)} trials)."
        )
        return Explanation(objective=objective, trials=len(trials), r2=r2, importances=(), reason=said)
    shares = _shares(table, np.random.default_rng(seed))
    means = shares.mean(axis=0) / shares.mean(axis=0).sum()
    lows, highs = middle_interval(shares, means)
    found = [
        Importance(name=name, share=float(share), low=float(low), high=float(high))
        for name, share, low, high in zip(varied, means, lows, highs, strict=True)
    ]
    ranked = sorted(found, key=lambda importance: (-importance.share, importance.name))
    return Explanation(objective=objective, trials=len(trials), r2=r2, importances=tuple(ranked))


def _held_out_r2(table: TrialTable, seed: int) -> float:
    """R² of predictions for points that the forest has not seen; repeats of a point are held out together."""
    order = np.random.default_rng(seed).permutation(int(table.points.max()) + 1)
    fold = order[table.points] % FOLDS
    predicted = np.empty_like(table.target)
    for held in range(FOLDS):
        rows = fold == held
        predicted[rows] = new_forest(seed).fit(table.matrix[~rows], table.target[~rows]).predict(table.matrix[rows])
    residual, total = ((table.target - predicted) ** 2).sum(), ((table.target - table.target.mean()) ** 2).sum()
    return float(1 - residual / total)


def _shares(table: TrialTable, generator: np.random.Generator) -> Array:
    """Shares (forests, parameters) of the total effects, a row for each resampling of the trials."""
    drawn = {name: _drawn(values, generator) for name, values in table.values.items()}
    others = {name: _drawn(values, generator) for name, values in table.values.items()}
    moved = [table.encoded({**drawn, name: others[name]}) for name in drawn]
    rows = np.concatenate([table.encoded(drawn), *moved])
    effects = np.empty((FORESTS, len(drawn)))
    for index in range(FORESTS):
        predicted = resampled_forest(table, generator).predict(rows).reshape(1 + len(drawn), DRAWS)
        effects[index] = ((predicted[1:] - predicted[0]) ** 2).mean(axis=1) / 2
    totals = effects.sum(axis=1, keepdims=True)
    # A resampling that lost all differences says nothing about which parameter it is.
    shares: Array = np.where(totals > 0, effects / np.where(totals > 0, totals, 1.0), 1.0 / len(drawn))
    return shares


def _drawn(values: Sequence[Scalar | None], generator: np.random.Generator) -> list[Scalar | None]:
    return [values[index] for index in generator.integers(len(values), size=DRAWS)]
