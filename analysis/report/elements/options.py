"""The options of a report: the budget of its reader, and the machine of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.statistics.bootstrap import Interval
from search_spaces.space.budget import Budget

if TYPE_CHECKING:
    # Its tables are of this package, which would import itself.
    from analysis.report.elements.people import People


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The setup of a report: the reader's budget, and the processors of one trial.

    Args:
        budget: The budget of the reader.
        workers: The number of processes of one trial; None where it is not known, or changes while a trial runs.
        gpus_per_worker: The GPUs of each process.
        cpus_per_worker: The CPU cores of each process.
        search: The settings of the search as plain values: space, sampler, scheduler and the like.
        intervals: The intervals of the accuracy over images, by trial.
        people: The validation people in pictures, where they were asked for.
        run_page: The address of a trial's run in MLflow, ``{run}`` in the place of its id; empty where it is not known.
        inherited: The scores that networks have with the weights of a supernet, by their ids; larger is better.
    """

    budget: Budget = field(default_factory=Budget)
    workers: int | None = None
    gpus_per_worker: float = 0.0
    cpus_per_worker: int = 1
    search: Mapping[str, Any] = field(default_factory=dict)
    intervals: Mapping[int, Interval] = field(default_factory=dict)
    people: People | None = None
    run_page: str = ""
    inherited: Mapping[str, float] = field(default_factory=dict)

    @property
    def processors(self) -> float:
        """By how much an hour of a trial counts."""
        if self.workers is None:
            return 1.0
        return self.workers * (self.gpus_per_worker or self.cpus_per_worker)

    @property
    def unit(self) -> str:
        """Return the unit of compute, to be followed by ``hours`` or the like."""
        if self.workers is None:
            return "trial"
        return "GPU" if self.gpus_per_worker else "CPU core"
