"""The summary in Markdown: what one pastes into a message or a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.pareto.budget_filter import front_within, within
from analysis.pareto.front import scored
from analysis.pareto.recommendations import recommendations, summary
from analysis.report.elements.options import Setup
from analysis.report.sections.progress import saved_words, tallies
from analysis.report.sections.provenance import protocol_pairs, provenance_pairs
from analysis.report.sections.recommendations import budget_words, quantities
from analysis.study.labels import architecture_outline, quantity
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import format_value

MAX_ROWS = 20
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(study: StudyRecord, setup: Setup) -> str:
    """The answer, the front (at most `MAX_ROWS` rows), the tallies, protocol and provenance."""
    inside = within(study, setup.budget)
    names = quantities(study)
    found = recommendations(inside)
    shown = found if len(found) <= MAX_ROWS else [entry for entry in found if entry.reason]
    answer = " ".join(summary(study, setup.budget).sentences)
    lines = [f"# {_text(study.name)}", "", _text(answer), "", _text(budget_words(study, setup)), ""]
    if any(entry.reason for entry in shown):
        lines += ["## Networks to look at first", ""]
        head = ["trial", "what speaks for it", *map(quantity, names), "network"]
        lines += _table(
            head,
            [
                [
                    str(entry.record.number),
                    entry.reason,
                    *(format_value(name, entry.record.values.get(name)) for name in names),
                    architecture_outline(entry.record.arch),
                ]
                for entry in shown
            ],
        )
        if len(shown) < len(found):
            lines += ["", f"{len(found) - len(shown)} more networks are on the front: report.html and trials.csv have them."]
    if scored(study) and front_within(study, setup.budget):
        lines += ["", "![The front](front.png)"]
    lines += ["", "## How the search went", ""]
    lines += _table(
        ["what became of it", "trials", "compute", "not trained"],
        [[line.what, str(line.count), line.compute, line.saved] for line in tallies(study, setup)],
    )
    lines += ["", _text(saved_words(study, setup)), "", "## Protocol and provenance", ""]
    lines += _table(["", ""], [list(pair) for pair in [*protocol_pairs(study), *provenance_pairs(study, setup)]])
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["Nothing was recorded."]
    cells = [[_text(cell) for cell in row] for row in (head, *rows)]
    text = ["| " + " | ".join(row) + " |" for row in cells]
    return [text[0], "| " + " | ".join("---" for _ in head) + " |", *text[1:]]


def _text(value: str) -> str:
    """Text from outside, on one line and without markup."""
    return _MARKUP.sub(r"\\\1", " ".join(value.split()))
