"""The answer: which networks to look at first within a budget, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.pareto.budget_filter import front_within, within
from analysis.pareto.front import scored
from analysis.pareto.recommendations import axis_costs, recommendations
from analysis.report.elements.options import Setup
from analysis.study.labels import architecture_outline, number_words, parameter_words, quantity, short, varied_parameters
from analysis.study.learning import learned
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import format_value, gain

RECOMMENDED = "every complete trial may be recommended"
UNKNOWN = "How far the accuracy would move with another seed is not known."


@dataclass(frozen=True, kw_only=True)
class Card:
    """One recommended network in words."""

    number: int
    reason: str
    facts: tuple[tuple[str, str], ...]
    architecture: str
    uncertainty: str
    varied: str


def cards(study: StudyRecord, setup: Setup, uncertainty: Mapping[int, str]) -> list[Card]:
    """The notable networks of the front within the budget, cheapest first."""
    inside = within(study, setup.budget)
    varied = varied_parameters(study.trials)
    names = quantities(study)
    return [
        Card(
            number=entry.record.number,
            reason=entry.reason[0].upper() + entry.reason[1:],
            facts=tuple((quantity(name), format_value(name, entry.record.values.get(name))) for name in names),
            architecture=architecture_outline(entry.record.arch),
            uncertainty=uncertainty.get(entry.record.number, UNKNOWN),
            varied=parameter_words(entry.record.parameters, varied) or "nothing",
        )
        for entry in recommendations(inside)
        if entry.reason
    ]


def quantities(study: StudyRecord) -> list[str]:
    """The quantities shown of each trial: the objectives, then the costs that some trial has."""
    return list(dict.fromkeys([*study.objectives, *axis_costs(study)]))


def budget_words(study: StudyRecord, setup: Setup) -> str:
    """Describe the networks that the budget leaves; name the least possible budget where it leaves none."""
    constraints = setup.budget.constraints
    if not constraints:
        known = scored(study)
        what = "no complete trial has learned anything" if known and not learned(study, known) else RECOMMENDED
        return f"No budget was given: {what}."
    limits = " and ".join(f"{quantity(c.cost)} {c.bound} {format_value(c.cost, c.limit)}" for c in constraints)
    inside = scored(within(study, setup.budget))
    if inside:
        count = len(front_within(study, setup.budget))
        return (
            f"Within the budget ({limits}) lie {len(inside)} of {number_words(len(scored(study)), 'complete trial')};"
            f" {count} of them are on the front."
        )
    least = []
    for constraint in constraints:
        known = [record for record in scored(study) if math.isfinite(record.values.get(constraint.cost, math.nan))]
        if known:
            record = max(known, key=lambda record: gain(constraint.cost, record.values[constraint.cost]))
            nearest = "highest" if constraint.is_least else "least"
            value = format_value(constraint.cost, record.values[constraint.cost])
            least.append(f"the {nearest} {short(constraint.cost)} is {value} (trial {record.number})")
        else:
            least.append(f"{short(constraint.cost)} was measured in none")
    return f"No complete trial is within the budget ({limits}): {', '.join(least)}."
