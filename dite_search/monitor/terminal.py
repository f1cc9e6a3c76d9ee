"""One frame of a watched search, for a terminal of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analysis.pareto.front import front_of
from analysis.study.labels import short
from analysis.study.records import TrialRecord
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from dite_search.monitor.snapshot import (
    StudySnapshot,
    advice,
    budget_words,
    clean,
    curve_metric,
    curve_points,
    curve_range,
    eta_words,
    state_of,
    state_words,
    tally_words,
    throughput,
)
from dite_search.monitor.sparkline import sparkline
from search_spaces.common.objectives import format_value

ROOMY_COLUMNS = 72
"""Columns from which on a frame also says where a trial runs, and why one ended."""
BAR = 60
"""Columns of the bar."""
MOST_ROWS, FIXED_LINES, TABLE_LINES = 12, 7, 5
"""Rows of a table where there is no height to keep to; lines above the tables, and those of a table without its rows."""
STYLES = {
    "running": "green",
    "pausing": "yellow",
    "finished": "green",
    "stopped": "yellow",
    "dead": "bold red",
    "idle": "yellow",
}
GAP = 2
"""Blanks that each column of a table takes: between two columns, and at the ends together."""
LEAST_BARS, MOST_BARS = 6, 24
"""Bars of a curve: with fewer the curve is left out."""
LEAST_WORDS, MOST_WORDS = 8, 30
"""Columns of a remark: with fewer it is left out, and for more no bar of a curve gives way."""


def frame(moment: StudySnapshot, *, width: int, height: int | None = None, problem: str = "") -> RenderableType:
    """The search in at most ``height`` lines, of which ``problem`` is one; any height where none is given."""
    speed = throughput(moment)
    words = [str(speed) if speed else "no epoch has ended yet", budget_words(moment), eta_words(moment)]
    pace = ", ".join(filter(None, words))
    head = Text(f"{clean(moment.study.name)} ", style="bold")
    head.append(clean(state_words(moment)), style=STYLES[state_of(moment)])
    parts: list[RenderableType] = [
        head,
        Text(tally_words(moment)),
        _bar(moment, min(width, BAR)),
        Text(pace[0].upper() + pace[1:]),
    ]
    if advice(moment):
        parts.append(Text(f"To go on:  {clean(advice(moment))}", style="bold", overflow="fold"))
    if moment.shared_weights:
        parts.append(Text(clean(moment.shared_weights), no_wrap=True, overflow="ellipsis"))
    if problem:
        parts.append(Text(clean(problem), style="bold red"))
    running, front = moment.running, front_of(moment.study)
    shown = {record.number for record in (*running, *front)}
    others = [record for record in reversed(moment.own) if record.number not in shown]
    rows = _shares([len(running), len(front), len(others)], height, extra=bool(problem) + bool(moment.shared_weights))
    for title, records, count in zip(
        ("Running", "The front now", "Newest of the others"), (running, front, others), rows, strict=True
    ):
        if records and count:
            parts.append(_table(moment, title, records, count, width))
    return Group(*parts)


def _bar(moment: StudySnapshot, width: int) -> Text:
    """The share of the search that is done."""
    done = round(width * min(1.0, moment.share))
    return Text.assemble(("━" * done, "green"), ("─" * (width - done), "dim"))


def _shares(wanted: Sequence[int], height: int | None, *, extra: int) -> list[int]:
    """Rows for each table beside so many ``extra`` lines; where lines are scarce, the last tables have fewer."""
    if height is None:
        return [min(count, MOST_ROWS) for count in wanted]
    left = height - FIXED_LINES - extra
    found = []
    for index, count in enumerate(wanted):
        tables_after = sum(later > 0 for later in wanted[index + 1 :])
        # Every table that follows keeps room for two rows.
        room = left - TABLE_LINES - tables_after * (TABLE_LINES + 2)
        if count and room < 1:
            room = min(2, left - TABLE_LINES)
        rows = max(0, min(count, room)) if count else 0
        found.append(rows)
        left -= rows + TABLE_LINES if rows else 0
    return found


def _table(moment: StudySnapshot, title: str, records: Sequence[TrialRecord], count: int, width: int) -> Table:
    """Return a table of the first ``count`` trials: numbers are whole at any width, words and curves take what is left."""
    metric, roomy = curve_metric(moment), width >= ROOMY_COLUMNS
    shown, is_front = records[:count], title.startswith("The front")
    left_out = f", {count} of {len(records)}" if count < len(records) else ""
    table = Table(
        title=Text(f"{title}{left_out}", style="bold"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.pad_edge = False
    numbers = _number_columns(moment, shown, is_front=is_front, roomy=roomy, width=width)
    for column in numbers:
        table.add_column(column.head, justify="right", no_wrap=True)
    left = width - sum(column.width + GAP for column in numbers)
    curves = [[value for _, value in curve_points(record, metric)] for record in shown]
    head = f"{short(metric)} by epoch" if roomy else "curve"
    stops = StopReasons(moment.study)
    remarks = [_remark(moment, record, title, stops) for record in shown] if roomy else []
    bars = _curve_width(left, longest=max(len(head), *map(len, curves)), remarks=remarks)
    if bars:
        table.add_column(head if len(head) <= bars else "curve", no_wrap=True, width=bars)
    words = left - (bars + GAP if bars else 0) - GAP
    has_words = bool(remarks) and words >= LEAST_WORDS
    if has_words:
        table.add_column("where" if title == "Running" else "", no_wrap=True, max_width=words)
    low, high = curve_range(moment, metric)
    for row, record in enumerate(shown):
        cells = [Text(column.cells[row]) for column in numbers]
        if bars:
            cells.append(Text(sparkline(curves[row], low=low, high=high, width=bars), style="cyan"))
        if has_words:
            cells.append(Text(remarks[row], overflow="ellipsis", no_wrap=True))
        table.add_row(*cells, style="green" if is_front else "red" if record.status is TrialStatus.FAILED else "")
    return table


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Numbers of a table, as text."""

    head: str
    cells: Sequence[str]

    @property
    def width(self) -> int:
        """The terminal columns of the widest text."""
        return max(map(cell_len, (self.head, *self.cells)))


def _number_columns(
    moment: StudySnapshot, records: Sequence[TrialRecord], *, is_front: bool, roomy: bool, width: int
) -> list[_Column]:
    """Return the columns of numbers, as many as fit: the last ones are left out first, but never trial and accuracy."""
    names = list(moment.study.objectives) if is_front or roomy else [moment.score]
    kept = [
        _Column(head="trial", cells=[f"{'★' if is_front else record.status.mark} {record.number}" for record in records])
    ]
    kept += [
        _Column(head=short(name), cells=[format_value(name, _value(record, name)) for record in records]) for name in names
    ]
    if roomy or not is_front:
        kept.append(_Column(head="epochs", cells=[f"{len(record.curve)}/{moment.epochs}" for record in records]))
    while sum(column.width + GAP for column in kept) > width:
        others = [column for column in kept[1:] if column.head != short(moment.score)]
        if not others:
            break
        kept.remove(others[-1])
    return kept


def _curve_width(left: int, *, longest: int, remarks: Sequence[str]) -> int:
    """Return the columns of the curves, of ``left`` ones that the remarks want too; 0 where there is no room."""
    words = min(MOST_WORDS, max(map(cell_len, remarks), default=0))
    room = left - GAP - (words + GAP if words else 0)
    bars = min(MOST_BARS, longest, max(room, min(LEAST_BARS, left - GAP)))
    return bars if bars >= min(LEAST_BARS, longest) else 0


def _remark(moment: StudySnapshot, record: TrialRecord, title: str, stops: StopReasons) -> str:
    if title == "Running":
        return moment.where.get(record.number, "not heard of yet")
    if record.status is TrialStatus.RUNNING:
        return "cut off"
    reason = clean(stops.of(record))
    return reason or ("" if record.status is TrialStatus.COMPLETE else record.status)


def _value(record: TrialRecord, name: str) -> float | None:
    """A trial's value so far."""
    if name in record.values:
        return record.values[name]
    return next((point[name] for point in reversed(record.curve) if name in point), None)
