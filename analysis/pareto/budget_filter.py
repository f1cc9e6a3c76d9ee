"""The trials of a study that a budget leaves."""

from __future__ import annotations

import dataclasses
import math

from analysis.pareto.front import front_of
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.space.budget import Budget


def within(study: StudyRecord, budget: Budget) -> StudyRecord:
    """The study with the trials of a budget alone; what was not measured is not within a limit."""
    return dataclasses.replace(study, trials=[record for record in study.trials if allows(budget, record)])


def allows(budget: Budget, record: TrialRecord) -> bool:
    """Whether every limited cost of a trial is known and within its limit."""
    values = record.values
    return all(math.isfinite(values.get(name, math.nan)) for name in budget.costs) and budget.allows(values)


def front_within(study: StudyRecord, budget: Budget) -> list[TrialRecord]:
    """The front among the trials of a budget, cheapest first."""
    return front_of(within(study, budget))
