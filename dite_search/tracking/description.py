"""The description of a search in MLflow: the answer in a sentence, the front as a table, and the command that ships it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from analysis.pareto.budget_filter import front_within, within
from analysis.pareto.recommendations import recommendations, summary
from analysis.report.elements.options import Setup
from analysis.report.sections.recommendations import quantities
from analysis.study.labels import quantity
from analysis.study.learning import learned
from analysis.study.records import StudyRecord, TrialRecord
from dite_search.tracking.address import run_path
from search_spaces.common.objectives import costs_and_scores, format_value, gain
from search_spaces.common.shell import own_command

MAX_CHARACTERS = 4900
"""The length of a description: a tag of MLflow holds 5000."""
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def description(study: StudyRecord, setup: Setup, runs: Mapping[int, str], experiment: str) -> str:
    """Return the description in Markdown; ``runs`` are those of the trials, by number, in the experiment.

    Rows of a long front that do not fit are counted, those that speak for themselves first. Where no network has learned
    anything, the answer says so, and there is no table and no command.
    """
    answer = summary(study, setup.budget)
    front = front_within(study, setup.budget)
    lines = [_text(answer.found or answer.ran), ""]
    notable = learned(study, front)
    if not notable:
        return "\n".join(lines)
    best = _best(study, notable)
    command = own_command("export", study.directory, "--trial", best.number)
    ending = ["", f"To ship the most accurate of them, trial {best.number}:", "", "```", command, "```", ""]
    names = quantities(study)
    head = ["trial", *map(quantity, names), "what speaks for it"]
    table = [f"| {' | '.join(map(_text, head))} |", f"| {' | '.join('---' for _ in head)} |"]
    found = sorted(recommendations(within(study, setup.budget)), key=lambda entry: not entry.reason)
    rows: dict[int, str] = {}
    room = MAX_CHARACTERS - sum(len(line) + 1 for line in [*lines, *table, *ending]) - 80
    for entry in found:
        record = entry.record
        run_id = runs.get(record.number)
        name = f"[{record.number}]({run_path(experiment, run_id)})" if run_id else str(record.number)
        values = [format_value(name, record.values.get(name)) for name in names]
        row = f"| {' | '.join([name, *values, _text(entry.reason) or '–'])} |"
        room -= len(row) + 1
        if room < 0:
            break
        rows[record.number] = row
    table += [rows[record.number] for record in front if record.number in rows]
    more = len(front) - len(rows)
    return "\n".join([*lines, *table, *([f"\n{more} more are in front.html."] if more else []), *ending])


def _best(study: StudyRecord, front: list[TrialRecord]) -> TrialRecord:
    scores = costs_and_scores(study.objectives)[1]
    return max(front, key=lambda record: gain(scores[0], record.values[scores[0]]))


def _text(value: str) -> str:
    """Return text from outside on one line and without markup."""
    return _MARKUP.sub(r"\\\1", " ".join(value.split()))
