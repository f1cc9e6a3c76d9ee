"""The rows of the one table, and their forms: Markdown for people and pages, JSON for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEADINGS = ("part", "what", "figure", "note")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, or the reason why there is none.

    Args:
        part: the part of the benchmark that measured it.
        what: what was measured.
        value: the figure; None where it could not be measured, and ``note`` says why.
        unit: of the figure.
        note: what else belongs to it, such as a range or a goal.
    """

    part: str
    what: str
    value: float | None
    unit: str = ""
    note: str = ""

    @property
    def figure(self) -> str:
        """The value to three digits with its unit; a dash where there is none."""
        if self.value is None:
            return "–"
        digits = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{digits} {self.unit}".strip()


def at_least(goal: float, value: float) -> str:
    """Return the note of a figure that should not be below its goal."""
    return f"at least {goal:g}: {_verdict(value >= goal)}"


def at_most(goal: float, value: float) -> str:
    """Return the note of a figure that should not be above its goal."""
    return f"at most {goal:g}: {_verdict(value <= goal)}"


def same(found: float, expected: float) -> str:
    """Return the note of a figure that should be another one."""
    return f"the same: {_verdict(found == expected)}"


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as one Markdown table, which `docs/benchmarks.md` takes as it is."""
    cells = [HEADINGS, *((row.part, row.what, row.figure, row.note) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + " |"
        for row in cells
    ]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in HEADINGS) + " |", *lines[1:]])


def document(machine: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """Return the machine and the rows as plain JSON types."""
    return {"machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
