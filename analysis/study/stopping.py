"""Why trials were stopped early, in words: what became of the others at their rung, and which were better at their cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import SIGNS, costs_and_scores, directions_of

MAX_NAMED = 3
"""Trials that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class _Rung:
    """The trials that were scored after an epoch: numbers (n,), objectives to be minimised (n, m), and how many went on."""

    numbers: NDArray[np.int64]
    values: NDArray[np.float64]
    went_on: int


class StopReasons:
    """The reasons for which the trials of a study ended; of those that a scheduler stopped, from what the study knows now.

    A scheduler decides when a trial reaches a rung, and others reach the rung later. So the numbers are those of the study
    as it was read, not those of the decision.
    """

    def __init__(self, study: StudyRecord) -> None:
        self._study = study
        self._score = costs_and_scores(study.objectives)[1][0]
        self._signs = np.array([SIGNS[direction] for direction in directions_of(study.objectives)])
        self._rungs: dict[int, _Rung] = {}

    def of(self, record: TrialRecord) -> str:
        """Return the reason that a trial gave itself, or the words of its stop; nothing where there is neither.

        ``stopped at epoch 12: 3 of 9 went on; better at its cost: trials 0, 3``.
        """
        words = self.at_rung(record)
        better = self._better(record) if words else []
        if not better:
            return words or record.reason
        more = f" and {len(better) - MAX_NAMED} more" if len(better) > MAX_NAMED else ""
        named = ", ".join(map(str, better[:MAX_NAMED]))
        return f"{words}; better at its cost: trial{'s' if len(better) > 1 else ''} {named}{more}"

    def beside_status(self, record: TrialRecord) -> str:
        """Return the reason as it reads after the word for the trial's status."""
        return self.of(record).removeprefix(f"{TrialStatus.STOPPED} ")

    def at_rung(self, record: TrialRecord) -> str:
        """Return how many trials went on where a scheduler stopped this one; nothing for any other trial."""
        if record.reason or record.origin or record.status is not TrialStatus.STOPPED or not record.curve:
            return ""
        words, rung = f"{record.status} at epoch {len(record.curve)}", self._rung(len(record.curve))
        return f"{words}: {rung.went_on} of {len(rung.numbers)} went on" if len(rung.numbers) > 1 else words

    def _better(self, record: TrialRecord) -> list[int]:
        """Return the trials that were better than this one in some objective after its last epoch, and worse in none."""
        rung, own = self._rung(len(record.curve)), self._values(record, len(record.curve))
        if own is None:
            return []
        row = np.array(own) * self._signs
        dominates = (rung.values <= row).all(axis=1) & (rung.values < row).any(axis=1)
        found: list[int] = rung.numbers[dominates].tolist()
        return found

    def _rung(self, epoch: int) -> _Rung:
        if epoch not in self._rungs:
            found = [(record, self._values(record, epoch)) for record in self._study.trials if not record.origin]
            there = [(record, values) for record, values in found if values is not None]
            self._rungs[epoch] = _Rung(
                numbers=np.array([record.number for record, _ in there], np.int64),
                values=np.array([values for _, values in there], np.float64).reshape(-1, len(self._signs)) * self._signs,
                went_on=sum(_went_on(record, epoch) for record, _ in there),
            )
        return self._rungs[epoch]

    def _values(self, record: TrialRecord, epoch: int) -> list[float] | None:
        """Return the objectives of a trial after an epoch, in their order; None where one is not known."""
        if len(record.curve) < epoch or record.epochs_before >= epoch:
            return None
        known = record.values | {self._score: record.curve[epoch - 1].get(self._score, np.nan)}
        values = [known.get(name, np.nan) for name in self._study.objectives]
        return values if np.isfinite(values).all() else None


def _went_on(record: TrialRecord, epoch: int) -> bool:
    """Whether a trial that was scored after an epoch was let go on."""
    return len(record.curve) > epoch or record.status is not TrialStatus.STOPPED
