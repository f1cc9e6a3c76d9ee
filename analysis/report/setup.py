"""What a report is told besides the study: the budget of its reader, and what a trial ran on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.bootstrap import Interval
from analysis.pareto import front_of
from analysis.trials import StudyRecord, TrialRecord
from search_spaces.budget import Budget

if TYPE_CHECKING:
    # Its tables are of this package, which would import itself.
    from analysis.pictures.parts import People


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The reader's ``budget``, and the processors of one trial: ``workers`` processes with so many GPUs or cores each.

    ``workers`` is None where it is not known, or changes while a trial runs. ``search`` is how the search was set up, as
    plain values: space, sampler, scheduler and the like. ``intervals`` are of the accuracy over images, by trial. ``people``
    are the validation people in pictures, where they were asked for.
    """

    budget: Budget = field(default_factory=Budget)
    workers: int | None = None
    gpus_per_worker: float = 0.0
    cpus_per_worker: int = 1
    search: Mapping[str, Any] = field(default_factory=dict)
    intervals: Mapping[int, Interval] = field(default_factory=dict)
    people: People | None = None

    @property
    def processors(self) -> float:
        """By how much an hour of a trial counts."""
        if self.workers is None:
            return 1.0
        return self.workers * (self.gpus_per_worker or self.cpus_per_worker)

    @property
    def unit(self) -> str:
        """What compute is counted in, to be followed by ``hours`` or the like."""
        if self.workers is None:
            return "trial"
        return "GPU" if self.gpus_per_worker else "CPU core"


def within(study: StudyRecord, budget: Budget) -> StudyRecord:
    """The study with the trials of a budget alone; what was not measured is not within a limit."""
    return dataclasses.replace(study, trials=[record for record in study.trials if allows(budget, record)])


def allows(budget: Budget, record: TrialRecord) -> bool:
    """Whether every limited cost of a trial is known and within its limit."""
    values = record.values
    return budget.allows({name: values.get(name, math.inf) for name in budget.costs})


def front_within(study: StudyRecord, budget: Budget) -> list[TrialRecord]:
    """The front among the trials of a budget, cheapest first."""
    return front_of(within(study, budget) if budget.constraints else study)
