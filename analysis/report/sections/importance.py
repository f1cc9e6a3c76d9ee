"""The influence of parameters: importances, partial dependence, and the interactions that the family shows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.report.elements.figures import dependence_figure, importance_figure
from analysis.report.elements.section import Chart, Section, Table
from analysis.statistics.dependence import Dependence, interaction, partial_dependence
from analysis.statistics.forest import measured, value_of
from analysis.statistics.importance import Explanation, Importance, explanations
from analysis.study.labels import conventions, families_of, number_words, quantity
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import costs_and_scores, format_value
from search_spaces.families.architecture import Scalar
from search_spaces.families.family import Pair
from search_spaces.registry import DEFAULT_FAMILY

MAX_LEARNED = 400
"""Trials that the forests learn from: of more, so many are drawn."""
CURVES = {"score": 4, "cost": 1}
"""Of so many parameters the partial dependence is drawn, for the accuracy and for each cost."""
MAX_SIDE = 8
"""Rows and columns of a table of an interaction."""
SEED = 0


def what_matters(study: StudyRecord) -> Section:
    """Importances of every parameter for every objective, how objectives move with the first of them, and interactions."""
    learned, drawn = _sample(study)
    found = explanations(learned, seed=SEED)
    words = [_introduction(found, drawn)] if any(each.importances for each in found.values()) else []
    words += list(dict.fromkeys(each.reason for each in found.values() if each.reason))
    tables = []
    for pair in _pairs(study):
        table = interaction_table(study, pair)
        if table is None:
            both = " and ".join(pair.letters)
            words.append(f"The interaction of {both} cannot be shown: the trained networks do not differ in both.")
        else:
            tables.append(table)
    charts = [*_importance_charts(found), *_dependence_charts(learned, found)]
    return Section(words=words, tables=[*_importance_tables(found), *tables], charts=charts)


def interaction_table(study: StudyRecord, pair: Pair) -> Table | None:
    """Return the mean accuracy for each pair of values; None where one of the two parameters never changed."""
    scores = costs_and_scores(study.objectives)[1]
    trials = measured(study, scores[0]) if scores else []
    known = {name: [value_of(record, name) for record in trials] for name in (pair.rows, pair.columns)}
    common = {name: Counter(value for value in values if value is not None) for name, values in known.items()}
    if min(map(len, common.values())) < 2:
        return None
    kept = {name: {value for value, _ in counts.most_common(MAX_SIDE)} for name, counts in common.items()}
    inside = [record for record in trials if all(value_of(record, name) in kept[name] for name in kept)]
    found = interaction(dataclasses.replace(study, trials=inside), pair.rows, pair.columns, scores[0])
    row_letter, column_letter = pair.letters
    hidden = [
        f"{number_words(len(counts) - MAX_SIDE, 'rarer value')} of {letter}"
        for letter, counts in zip(pair.letters, common.values(), strict=True)
        if len(counts) > MAX_SIDE
    ]
    left_out = f" {' and '.join(hidden)} {'are' if len(hidden) > 1 else 'is'} left out." if hidden else ""
    rows = [
        (f"{row_letter} {row}", *(f"{format_value(scores[0], cell.mean)} ({cell.count})" if cell else "–" for cell in cells))
        for row, cells in zip(found.rows, found.cells, strict=True)
    ]
    return Table(
        title=f"Interaction of {row_letter} and {column_letter}: {quantity(scores[0])}",
        columns=(f"{row_letter} by {column_letter}", *(f"{column_letter} {column}" for column in found.columns)),
        rows=rows,
        note=f"The mean over the trials trained to the end that have both, and their number, {pair.note}. The trials of a"
        f" cell may differ in other parameters. A mean of few is noisy.{left_out}",
    )


def _pairs(study: StudyRecord) -> list[Pair]:
    """Return the pairs of parameters that the families of the study's networks show together."""
    return [pair for family in families_of(study) or [DEFAULT_FAMILY] for pair in family.pairs]


def _sample(study: StudyRecord) -> tuple[StudyRecord, bool]:
    """The study with at most `MAX_LEARNED` of its measured trials, and whether it lost some."""
    numbers = sorted({record.number for name in study.objectives for record in measured(study, name)})
    if len(numbers) <= MAX_LEARNED:
        return study, False
    kept = set(np.random.default_rng(SEED).choice(numbers, MAX_LEARNED, replace=False).tolist())
    return dataclasses.replace(study, trials=[record for record in study.trials if record.number in kept]), True


def _introduction(found: Mapping[str, Explanation], drawn: bool) -> str:
    fits = [
        f"{quantity(name)}: R² {each.r2:.2f} from {number_words(each.trials, 'trial')}"
        for name, each in found.items()
        if each.r2 is not None
    ]
    sample = f" {MAX_LEARNED} trials were drawn at random to learn from." if drawn else ""
    return (
        "A random forest learned each objective from the parameters of the trials trained to the end. The share of a"
        " parameter is its part in all that the forest's predictions vary, its interactions with others included. The range"
        " beside it is the middle 90 % over resampled trials. How well the forest predicts trials that it has not seen tells"
        f" how far to believe it (1 is perfect, 0 no better than the mean): {'; '.join(fits)}.{sample}"
    )


def _importance_tables(found: Mapping[str, Explanation]) -> list[Table]:
    shares = {name: {entry.name: entry for entry in each.importances} for name, each in found.items() if each.importances}
    if not shares:
        return []
    first = next(iter(shares.values()))
    names = list(dict.fromkeys([*first, *(name for entries in shares.values() for name in entries)]))
    rows = [
        (
            name.replace("_", " "),
            *(_share(entries[name]) if name in entries else "–" for entries in shares.values()),
        )
        for name in names
    ]
    return [Table(title="Importance of each parameter", columns=("parameter", *map(quantity, shares)), rows=rows)]


def _share(entry: Importance) -> str:
    return f"{entry.share:.0%} ({entry.low:.0%} to {entry.high:.0%})"


def _importance_charts(found: Mapping[str, Explanation]) -> list[Chart]:
    return [
        Chart(
            key=f"importance-{name}",
            title=f"Importance for {quantity(name)}",
            caption=conventions().get(name, ""),
            alt="; ".join(f"{entry.name.replace('_', ' ')} {entry.share:.0%}" for entry in each.importances),
            figure=importance_figure(each.importances),
        )
        for name, each in found.items()
        if each.importances
    ]


def _dependence_charts(study: StudyRecord, found: Mapping[str, Explanation]) -> list[Chart]:
    scores = costs_and_scores(study.objectives)[1]
    charts = []
    for objective, each in found.items():
        for entry in each.importances[: CURVES["score" if objective in scores else "cost"]]:
            dependence = partial_dependence(study, entry.name, objective, seed=SEED)
            if not dependence.values:
                continue
            words = entry.name.replace("_", " ")
            charts.append(
                Chart(
                    key=f"dependence-{objective}-{entry.name}",
                    title=f"{quantity(objective)} against {words}",
                    caption="Partial dependence: the mean prediction were this parameter the same in all trials and the"
                    " others as they are. The band is the middle 90 % over resampled trials.",
                    alt=_dependence_alt(dependence, objective),
                    figure=dependence_figure(dependence),
                )
            )
    return charts


def _dependence_alt(dependence: Dependence, objective: str) -> str:
    pairs: Sequence[tuple[Scalar, float]] = list(zip(dependence.values, dependence.means, strict=True))
    return "; ".join(f"{value}: {format_value(objective, mean)}" for value, mean in pairs)
