"""The two sides of a comparison, and the lines and figures of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.errors.predictions import ScoredPredictions
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.objectives import cost_names
from search_spaces.families.architecture import Architecture
from search_spaces.families.cost import Cost
from search_spaces.registry import cost_of

FEW_IMAGES = 100
"""With fewer images than this an interval is a rough guide: see the coverage in docs/comparing.md."""


def shown_costs() -> tuple[str, ...]:
    """Return the names of all costs in the order of a comparison."""
    return ("params", *(name for name in cost_names() if name != "params"))


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedNetwork:
    """One side of a comparison: a network and all that is known of it.

    Args:
        label: The name of the side.
        kind: ``trial``, ``study`` (its most accurate trial), ``export``, ``checkpoint`` or ``network`` (costs only).
        arch: The network.
        curve: The epochs, as in a trial's record.
        metrics: The scores, as in a trial's record.
        parameters: The hyper-parameters.
        protocol: The protocol, as in a study's record.
        study: The study of the trial.
        record: The trial.
        predictions: The predictions for the validation people.
    """

    label: str
    kind: str
    arch: Architecture
    curve: Sequence[Mapping[str, float]] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    study: StudyRecord | None = None
    record: TrialRecord | None = None
    predictions: ScoredPredictions | None = None

    @property
    def cost(self) -> Cost:
        """Parameters and multiply-accumulates of the network, and what else its trial was counted by."""
        return self.record.cost if self.record else cost_of(self.arch)

    @property
    def values(self) -> dict[str, float]:
        """Costs, and every score that is known; those of the predictions where there are some."""
        own = self.predictions.metrics if self.predictions else {}
        return self.cost.objectives | dict(self.metrics) | own


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One row: a name and both values, as text."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One quantity of both, None where it is not known."""

    name: str
    first: float | None
    second: float | None

    @property
    def difference(self) -> float | None:
        """The first less the second."""
        return None if self.first is None or self.second is None else self.first - self.second
