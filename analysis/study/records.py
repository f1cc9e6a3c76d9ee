"""Finished trials as records, and as one tidy table: a row a trial, a column a quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.study.trial_status import INTERRUPTED, TrialStatus
from search_spaces.common.objectives import OBJECTIVES, PUBLISHED_FLOPS
from search_spaces.families.architecture import Architecture, Scalar
from search_spaces.families.cost import Cost
from search_spaces.starting_weights import WEIGHTS_TAKEN
from trainers.checkpoints.location import Location


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial as it stands in the study.

    Args:
        number: The number of the trial.
        status: The status of the trial.
        reason: The reason of a failure.
        arch: The network.
        cost: The costs of the network.
        parameters: The point of the space.
        seed: The seed of the training: of its weights, its samples and their order.
        metrics: The scores of the last finished epoch, and ``latency_ms`` where it was measured.
        curve: One mapping for each epoch, with ``epoch`` (from 1), ``loss`` and ``seconds`` since the start of the trial.
            Validated epochs have scores such as ``ap_gt``.
        seconds: The wall-clock time of the whole trial.
        checkpoint: The last checkpoint.
        mlflow_run_id: The run in MLflow.
        origin: The trial of an earlier study whose result this is; empty for a trial of this study.
        confirms: The trial whose network this one trains again, to confirm its score; None for any other trial.
        trainings: The number of trainings whose mean the learned ``metrics`` are.
        epochs_before: The number of epochs at the start of the curve that an earlier trial trained. That trial was stopped,
            and this one continues it.
    """

    number: int
    status: TrialStatus
    reason: str = ""
    arch: Architecture
    cost: Cost
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    seed: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()
    seconds: float = 0.0
    checkpoint: Location | None = None
    mlflow_run_id: str | None = None
    origin: str = ""
    epochs_before: int = 0
    confirms: int | None = None
    trainings: int = 1

    def __post_init__(self) -> None:
        # A record that is made from a file or by hand has the spelling.
        object.__setattr__(self, "status", TrialStatus(self.status))

    @property
    def is_spent(self) -> bool:
        """Whether the trial is one of the networks that the search asks for, and has ended.

        A trial that continues a stopped one trains no other network, and neither does one that confirms a score.
        """
        is_own = not self.origin and not self.epochs_before and self.confirms is None
        return is_own and self.status.has_ended and self.reason != INTERRUPTED

    @property
    def epochs_trained(self) -> int:
        """The epochs that this trial itself spent."""
        return 0 if self.origin else len(self.curve) - self.epochs_before

    @property
    def weights_taken(self) -> float | None:
        """The share of the network's parameters that were taken of other weights; None from scratch, or before an epoch."""
        return next((metrics[WEIGHTS_TAKEN] for metrics in self.curve if WEIGHTS_TAKEN in metrics), None)

    @property
    def values(self) -> dict[str, float]:
        """Every quantity that may be an objective, costs included, where it is known."""
        return self.cost.objectives | {name: value for name, value in self.metrics.items() if name in OBJECTIVES}


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A whole study: its trials, what it optimised, and under which protocol.

    Args:
        name: The name of the study.
        directory: The folder of the study.
        objectives: The direction of each objective, by name.
        trials: The trials.
        protocol: The settings that make scores comparable, as plain values: ``dataset``, ``boxes``, ``input_size``,
            ``epochs``, ``flip_test`` and the like.
        provenance: The facts that a reader needs to repeat the study: command, versions, seed, device.
        over_budget: The number of suggestions that were not trained, because they were over the budget.
        reused: The number of suggestions that were not trained, because they had been.
    """

    name: str
    directory: Path
    objectives: tuple[str, ...]
    trials: Sequence[TrialRecord]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    over_budget: int = 0
    reused: int = 0

    @property
    def spent(self) -> int:
        """The number of networks that have ended, of those that the search asks for."""
        return sum(record.is_spent for record in self.trials)

    @property
    def unfinished(self) -> int:
        """The number of trials that were begun here and have not ended."""
        return sum(not record.origin and not record.status.has_ended for record in self.trials)

    @property
    def epochs_trained(self) -> int:
        """The epochs that all trials spent in this search."""
        return sum(record.epochs_trained for record in self.trials)


COLUMNS = ("trial", "status", "reason", "arch_id")
"""The columns that every table of trials begins with, even one without rows."""


def trials_table(trials: Sequence[TrialRecord], *, objectives: Sequence[str] = ()) -> pd.DataFrame:
    """One row a trial, in order of number: status, costs, metrics, varied parameters and where the rest lies.

    Published figures have a column where the study's ``objectives`` name them, since families count them in other ways.
    """
    left_out = {PUBLISHED_FLOPS} - set(objectives)
    rows = [
        {
            "trial": record.number,
            "status": record.status.value,
            "reason": record.reason,
            "arch_id": record.arch.arch_id,
            **{name: value for name, value in record.values.items() if name not in left_out},
            **{name: value for name, value in record.metrics.items() if name not in OBJECTIVES},
            **record.parameters,
            "seed": record.seed,
            **({} if record.weights_taken is None else {WEIGHTS_TAKEN: record.weights_taken}),
            "epochs": len(record.curve),
            "seconds": record.seconds,
            "checkpoint": str(record.checkpoint) if record.checkpoint else None,
            "mlflow_run_id": record.mlflow_run_id,
        }
        for record in sorted(trials, key=lambda record: record.number)
    ]
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.DataFrame(rows)
    for name in table.columns:
        values = [row.get(name) for row in rows]
        if _are_whole_with_gaps(values):
            # Not as floating-point numbers, which pandas makes of integers where some are missing.
            table[name] = pd.Series(values, dtype="Int64", index=table.index)
    return table


def _are_whole_with_gaps(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return 0 < len(known) < len(values) and all(type(value) is int and abs(value) < 2**63 for value in known)


def read_trials_table(path: Path) -> pd.DataFrame:
    """The table of a ``trials.csv``; ids of digits alone, or with one ``e`` in them, stay text."""
    texts = ("status", "reason", "arch_id", "checkpoint", "mlflow_run_id")
    types = dict.fromkeys(texts, str)
    table = pd.read_csv(path, dtype=types, float_precision="round_trip")
    nullable = pd.read_csv(path, dtype=types, dtype_backend="numpy_nullable")
    for name in table.select_dtypes("float64"):
        if table[name].notna().any() and nullable[name].dtype == "Int64":
            table[name] = nullable[name]
    table["reason"] = table["reason"].fillna("")
    return table
