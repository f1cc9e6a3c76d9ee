"""Which trial to ship: a rule that a person writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real

from analysis.pareto.budget_filter import allows
from analysis.pareto.front import means_by_network
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.objectives import DIRECTIONS, costs_and_scores, gain
from search_spaces.space.budget import Budget, Constraint

AP = "ap"
"""Short for the study's first accuracy objective."""


def choose(
    study: StudyRecord,
    *,
    best: str | None = None,
    trial: int | None = None,
    limits: Mapping[str, float] | None = None,
) -> TrialRecord:
    """Return the trial of a number, or the best complete trial within the limits.

    ``best`` names an accuracy (``ap``) or any objective; the study's first accuracy is the default. ``limits`` holds the
    largest value of any cost by its name, or the smallest of one that is better high, inclusive. A network that was trained
    with several seeds is judged by the mean of its scores, and stands for its first trial. Among equals the trial with fewer
    multiply-accumulates is chosen, then the earlier one. A trial asked for by number may have been stopped early.

    Raises:
        InvalidInput: no trial qualifies, the rule contradicts itself, or the trial has no checkpoint. The message says which
            trials there are, or what the cheapest one costs.
    """
    limits = limits or {}
    for name, limit in limits.items():
        if not (isinstance(limit, Real) and math.isfinite(limit) and limit > 0):
            raise InvalidInput(f"{_field(name)} must be a positive number, got {limit!r}")
    if trial is None:
        budget = Budget(constraints=tuple(Constraint(cost=name, limit=limit) for name, limit in limits.items()))
        return _with_checkpoint(_best_within(study, _objective(study, best), budget))
    if best is not None or limits:
        raise InvalidInput(f"trial {trial} is asked for by number, which leaves nothing to best or to limits: drop one")
    return _with_checkpoint(_by_number(study.trials, trial))


def _by_number(trials: Sequence[TrialRecord], number: int) -> TrialRecord:
    found = {record.number: record for record in trials}
    if number not in found:
        known = f"they run from {min(found)} to {max(found)}" if found else "it has none"
        raise InvalidInput(f"trial {number} is not one of the {len(found)} trials of this study: {known}")
    record = found[number]
    if record.status not in (TrialStatus.COMPLETE, TrialStatus.STOPPED):
        reason = f": {record.reason}" if record.reason else ""
        raise InvalidInput(f"trial {number} must be complete to be exported, but is {record.status}{reason}")
    return record


def _objective(study: StudyRecord, best: str | None) -> str:
    scores = costs_and_scores(study.objectives)[1]
    if best is not None and best != AP:
        if best not in DIRECTIONS:
            raise unknown_name("objective", best, (AP, *DIRECTIONS))
        return best
    if not scores:
        raise InvalidInput(f"best must be named, since this study has no accuracy: {', '.join(study.objectives)}")
    return scores[0]


def _best_within(study: StudyRecord, name: str, budget: Budget) -> TrialRecord:
    complete = [record for record in study.trials if record.status is TrialStatus.COMPLETE]
    if not complete:
        raise InvalidInput(f"study {study.name} has no complete trial to choose from ({len(study.trials)} trials in all)")
    measured = [record for record in complete if math.isfinite(record.values.get(name, math.nan))]
    if not measured:
        raise InvalidInput(f"no complete trial of study {study.name} has a value of {name}")
    within = [record for record in measured if allows(budget, record)]
    if not within:
        raise InvalidInput(_nothing_within(measured, budget.constraints))
    best = min(
        means_by_network(within), key=lambda record: (-gain(name, record.values[name]), record.cost.macs, record.number)
    )
    # Its own scores are those of its checkpoint.
    return next(record for record in within if record.number == best.number)


def _is_known(record: TrialRecord, limit: Constraint) -> bool:
    return math.isfinite(record.values.get(limit.cost, math.nan))


def _field(name: str) -> str:
    return f"{'min' if Constraint(cost=name, limit=1.0).is_least else 'max'}_{name}"


def _nothing_within(trials: Sequence[TrialRecord], limits: Sequence[Constraint]) -> str:
    asked = " and ".join(f"{_field(limit.cost)} {limit.limit:g}" for limit in limits)
    parts = []
    for limit in limits:
        known = [record for record in trials if _is_known(record, limit)]
        if not known:
            return f"no complete trial is within {asked}: {limit.cost} was measured in none"
        nearest = min(known, key=lambda record: (-gain(limit.cost, record.values[limit.cost]), record.number))
        which = "highest" if limit.is_least else "lowest"
        parts.append(f"the {which} {limit.cost} is {nearest.values[limit.cost]:.6g} (trial {nearest.number})")
    return f"no complete trial is within {asked}: {', '.join(parts)}"


def _with_checkpoint(record: TrialRecord) -> TrialRecord:
    if record.checkpoint is None:
        raise InvalidInput(f"trial {record.number} has no checkpoint to export: ask for another trial by its number")
    return record
