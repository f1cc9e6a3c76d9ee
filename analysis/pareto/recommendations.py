"""The answer of a study in words: which networks to look at first, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.pareto.budget_filter import within
from analysis.pareto.front import Array, front_of, matrix_of, reference_point, scored
from analysis.study.labels import (
    format_seconds,
    learned_and_scored_on,
    number_words,
    parameter_words,
    quantity,
    short,
    varied_parameters,
)
from analysis.study.learning import few_images, few_images_words, learned, nothing_learned_words
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores, directions_of, format_value, gain
from search_spaces.space.budget import Budget

MOST_NAMED = 8
"""Networks that a sentence names by their trials."""


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A network of the front, what speaks for it (empty for the rest of the front), and its parameters in words."""

    record: TrialRecord
    reason: str
    parameters: str


def recommendations(study: StudyRecord) -> list[Recommendation]:
    """Every network of the front, cheapest first, the notable ones with their reason; what has learned nothing has none."""
    front = front_of(study)
    notable = learned(study, front)
    varied = varied_parameters(study.trials)
    costs, scores = costs_and_scores(study.objectives)
    reasons: dict[int, list[str]] = {}
    if scores and notable:
        best = max(notable, key=lambda record: gain(scores[0], record.values[scores[0]]))
        reasons.setdefault(best.number, []).append("most accurate")
    for cost in costs:
        if len(notable) > 1:
            least = max(notable, key=lambda record: gain(cost, record.values[cost]))
            reasons.setdefault(least.number, []).append(_least(cost))
    knee = knee_of(study)
    if knee is not None and knee.number not in reasons:
        reasons[knee.number] = ["best balance"]
    return [
        Recommendation(
            record=record,
            reason=", ".join(reasons.get(record.number, [])),
            parameters=parameter_words(record.parameters, varied),
        )
        for record in front
    ]


def axis_costs(study: StudyRecord) -> list[str]:
    """The costs that accuracy is shown against: the objectives, then MACs, parameters and, where measured, latency."""
    known = {name for record in study.trials for name in record.values}
    usual = [row.name for row in OBJECTIVES.values() if not row.is_learned and row.common and row.name in known]
    return list(dict.fromkeys([*costs_and_scores(study.objectives)[0], *usual]))


def knee_of(study: StudyRecord) -> TrialRecord | None:
    """Return the trial where the front bends: furthest above the straight line between its cheapest and most accurate trial.

    The plane is that of the first accuracy and the first cost, each scaled to run from 0 to 1 over the front. None with
    fewer than three networks that learned something or no bend outwards.
    """
    front = learned(study, front_of(study))
    costs, scores = costs_and_scores(study.objectives)
    if len(front) < 3 or not costs or not scores:
        return None
    points = matrix_of(front, (costs[0], scores[0])) * (-gain(costs[0], 1.0), gain(scores[0], 1.0))
    low, high = points.min(axis=0), points.max(axis=0)
    if (high == low).any():
        return None
    scaled: Array = (points - low) / (high - low)
    above = scaled[:, 1] - scaled[:, 0]
    index = int(np.argmax(above))
    ends = {int(np.argmin(scaled[:, 0])), int(np.argmax(scaled[:, 1]))}
    return front[index] if index not in ends and above[index] > 0 else None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One paragraph in three parts: what ran, what was found, and how sure that is; a part may be empty."""

    ran: str
    found: str = ""
    notes: str = ""

    @property
    def sentences(self) -> list[str]:
        """The parts that say something."""
        return [part for part in (self.ran, self.found, self.notes) if part]


def summary(study: StudyRecord, budget: Budget | None = None) -> Summary:
    """Summarise the results of a study, within a budget where there is one, and their certainty."""
    counts = status_counts(study)
    compute = format_seconds(sum(record.seconds for record in study.trials))
    ran = f"{number_words(len(study.trials), 'trial')} ran for {compute} of compute"
    spared = _spared(study)
    tally = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    if not scored(study):
        return Summary(
            ran="There is no network to recommend: no trial is complete with every objective measured."
            f" {ran}{f' ({tally})' if tally else ''}.",
            notes=f"{spared}The table below says what became of each.",
        )
    notes = []
    images = few_images(study)
    if images is not None and learned(study, scored(study)):
        notes.append(few_images_words(images))
    notes.append(_trainings_words(study))
    split = learned_and_scored_on(study.protocol)
    if split:
        notes.append(f"They were scored on what they learned from (split {split}): how they do on others is not known.")
    budget = budget or Budget()
    return Summary(
        ran=" ".join([f"{ran} ({tally}).", *([spared.strip()] if spared else [])]),
        found=" ".join(_found(within(study, budget), "Within the budget, " if budget.constraints else "")),
        notes=" ".join(notes),
    )


def _trainings_words(study: StudyRecord) -> str:
    """Say which networks were trained more than once, and so how sure their scores are."""
    networks = scored(study)
    again = [record for record in networks if record.trainings > 1]
    if not again and len(networks) == 1:
        return "It was trained once: another training of it may score otherwise."
    if not again:
        return "Each network was trained once, so a small difference in accuracy may be chance."
    counts = sorted({record.trainings for record in again})
    times = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    which = ", ".join(str(record.number) for record in again)
    named = (
        f"{len(again)} networks" if len(again) > MOST_NAMED else f"trial {which}" if len(again) == 1 else f"trials {which}"
    )
    others = "; every other network was trained once" if len(again) < len(networks) else ""
    return f"The scores of {named} are means of {times} trainings{others}."


def _found(study: StudyRecord, where: str) -> list[str]:
    """Sentences on the front."""
    front = front_of(study)
    if not front:
        return [f"{where}there is no network to recommend."]
    costs, scores = costs_and_scores(study.objectives)
    notable = learned(study, front)
    if not notable:
        sentence = nothing_learned_words(study, front)
        return [f"{where}{sentence[0].lower()}{sentence[1:]}" if where else sentence]
    names = ", ".join(quantity(name) for name in study.objectives)
    if len(front) == 1:
        one = "one network" if where else "One network"
        if len(scored(study)) == 1:
            return [f"{where}{one} was trained to its end, trial {front[0].number}: there is none to compare it with."]
        return [f"{where}{one}, trial {front[0].number}, is at least as good as every other in all of these: {names}."]
    sentences = [
        f"{where}{len(front)} networks are on the front: among the complete trials, none is better than one of "
        f"them in any of these without being worse in another: {names}."
    ]
    if scores and costs:
        score, cost = scores[0], costs[0]
        best, least = (max(notable, key=lambda r: gain(name, r.values[name])) for name in (score, cost))
        sentences.append(f"The most accurate is {_trial_words(best, score, cost)}.")
        which = f"The one with the {_least(cost)}" if OBJECTIVES[cost].is_better_high else "The cheapest"
        learners = "" if len(notable) == len(front) else " that has learned something"
        sentences.append(f"{which}{learners} is {_trial_words(least, score, cost)}.")
        knee = knee_of(study)
        if knee is not None:
            sentences.append(f"The front bends at {_trial_words(knee, score, cost)}; past it, accuracy costs more.")
    return sentences


def _spared(study: StudyRecord) -> str:
    """Count suggestions that cost nothing, in a sentence that ends with a space; empty where there was none."""
    parts = []
    if study.over_budget:
        parts.append(f"{study.over_budget} beyond the budget")
    if study.reused:
        parts.append(f"{study.reused} trained before")
    earlier = sum(bool(record.origin) for record in study.trials)
    known = f"{number_words(earlier, 'result')} came from earlier studies. ".capitalize() if earlier else ""
    spared = f"Further suggestions cost nothing: {', '.join(parts)}. " if parts else ""
    return known + spared


def status_counts(study: StudyRecord) -> dict[str, int]:
    """How many trials have each status."""
    return {status: sum(record.status == status for record in study.trials) for status in TrialStatus}


def reference_words(study: StudyRecord) -> str:
    """The corner that hypervolume is measured from."""
    values = matrix_of(scored(study), study.objectives)
    corner = reference_point(values, directions_of(study.objectives))
    return ", ".join(
        f"{short(name)} {format_value(name, value) if value else '0'}"
        for name, value in zip(study.objectives, corner.tolist(), strict=True)
    )


def _least(cost: str) -> str:
    return (OBJECTIVES[cost].least if cost in OBJECTIVES else "") or f"fewest {quantity(cost)}"


def _trial_words(record: TrialRecord, score: str, cost: str) -> str:
    return (
        f"trial {record.number}: {short(score)} {format_value(score, record.values[score])} for "
        f"{format_value(cost, record.values[cost])} {short(cost)}"
    )
