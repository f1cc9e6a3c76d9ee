"""The progress of a running search: a live table of trials with the present front, or a line for each trial."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analysis.comparison.published_baselines import comparison_table
from analysis.pareto.front import front_of
from analysis.study.labels import number_words
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from dite_search.monitor.snapshot import clean
from dite_search.spending.state import extend_options
from search_spaces.common.objectives import format_value
from search_spaces.common.shell import own_command

MAX_ROWS = 24


class Progress:
    """Shows the trials of a study; ``update`` is called whenever something changed.

    In a terminal it redraws one table; elsewhere (a file, a pipe) it prints a line when a trial ends. ``clock`` gives
    seconds.
    """

    def __init__(
        self, console: Console, *, trials: int | None, epochs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._trials, self._epochs, self._clock = console, trials, epochs, clock
        self._began = clock()
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None
        self._printed: set[int] = set()

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def update(self, study: StudyRecord, *, spent: str = "", left: str = "") -> None:
        """Show the study as it stands, in words what is ``spent`` of its budget, and the time ``left`` where it is known."""
        caption = self._caption(study, spent, left)
        if self._live:
            self._live.update(trials_panel(study, caption, epochs=self._epochs))
            return
        for trial in study.trials:
            if trial.status.has_ended and trial.number not in self._printed:
                self._printed.add(trial.number)
                self.note(f"{caption}  {describe_trial(trial, study)}")

    def note(self, text: str) -> None:
        """One line that stays on the screen."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _caption(self, study: StudyRecord, spent: str, left: str) -> str:
        trials = f"{study.spent} trials" if self._trials is None else f"{study.spent}/{self._trials} trials"
        return f"[{', '.join(filter(None, [trials, spent, _duration(self._clock() - self._began), left]))}]"


def trials_panel(study: StudyRecord, caption: str, *, epochs: int) -> Table:
    """The newest trials and those on the front, as a table; the front is marked with a star."""
    front, stops = {trial.number for trial in front_of(study)}, StopReasons(study)
    table = Table(title=f"{study.name}  {caption}", title_justify="left", title_style="bold")
    for column in ("", "trial", "network", *study.objectives, "epochs", "note"):
        # A long note is cut off; numbers stay whole.
        is_note = column == "note"
        justify: Literal["left", "right"] = "right" if column in (*study.objectives, "trial", "epochs") else "left"
        table.add_column(column, justify=justify, no_wrap=not is_note)
    newest = sorted(study.trials, key=lambda trial: trial.number)[-MAX_ROWS:]
    shown = {trial.number for trial in newest}
    kept = [trial for trial in study.trials if trial.number in front and trial.number not in shown]
    for trial in [*kept, *newest]:
        on_front = trial.number in front
        table.add_row(
            "★" if on_front else trial.status.mark,
            str(trial.number),
            trial.arch.arch_id,
            *(format_value(name, latest(trial, name)) for name in study.objectives),
            f"{len(trial.curve)}/{epochs}",
            Text(clean(stops.of(trial)) or trial.status, no_wrap=True, overflow="ellipsis"),
            style="bold green" if on_front else "red" if trial.status is TrialStatus.FAILED else "dim",
        )
    return table


def describe_trial(trial: TrialRecord, study: StudyRecord) -> str:
    """A finished trial in one line."""
    values = ", ".join(f"{name} {format_value(name, latest(trial, name))}" for name in study.objectives)
    told = clean(StopReasons(study).beside_status(trial))
    reason = f" ({told})" if told else ""
    return f"trial {trial.number} {trial.status}{reason}: network {trial.arch.arch_id}, {values}, {trial.seconds:.0f} s"


def front_table(study: StudyRecord) -> Table:
    """The front, cheapest first."""
    table = Table(title="Pareto front", title_justify="left", title_style="bold")
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("network", no_wrap=True)
    for name in study.objectives:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("parameters")
    for trial in front_of(study):
        table.add_row(
            str(trial.number),
            trial.arch.arch_id,
            *(format_value(name, trial.values.get(name)) for name in study.objectives),
            Text(" ".join(f"{name}={value}" for name, value in trial.parameters.items())),
        )
    return table


def pause_words(study: StudyRecord, *, left: int | None, asked: int | None) -> str:
    """Say that a search is paused: how many of the trials ``asked`` for are ``left``, and the command that goes on.

    Both are None where the search asks for any number.
    """
    begun = sum(trial.status is TrialStatus.WAITING for trial in study.trials)
    command = f"Paused; to go on:  {own_command('resume', study.directory)}"
    if left is None or asked is None:
        return f"{command}\n{number_words(begun, 'trial')} begun and not ended" if begun else command
    trials = f"{left} of {number_words(asked, 'trial')} {'is' if left == 1 else 'are'} left, {begun or 'none'} of them begun"
    return f"{command}\n{trials}"


def budget_end_words(study: StudyRecord, *, spent: str, reached: Sequence[str]) -> str:
    """Say that the budget is spent: how much of it, what waits with its checkpoint, and the command that adds to it."""
    begun = sum(trial.status is TrialStatus.WAITING for trial in study.trials)
    waits = f"; {number_words(begun, 'trial')} {'waits' if begun == 1 else 'wait'} with a checkpoint" if begun else ""
    command = own_command("extend", study.directory, *extend_options(reached))
    return f"The budget is spent ({spent}){waits}; to go on:  {command}"


def published_table(study: StudyRecord) -> Group | None:
    """The study's networks beside the published figures, with both protocols; None where none was published."""
    found = comparison_table(study)
    if found is None:
        return None
    # Narrow, for a terminal of 80 columns.
    table = Table(title=Text(found.title, style="bold"), title_justify="left", box=SIMPLE_HEAD, padding=0)
    for index, name in enumerate(found.names):
        table.add_column(Text(name), justify="left" if index == 0 else "right", overflow="fold")
    for cells in found.rows:
        table.add_row(*map(Text, cells))
    return Group(table, *map(Text, found.notes))


def latest(trial: TrialRecord, name: str) -> float | None:
    """A trial's value so far: its final one, or the newest of its curve."""
    if name in trial.values:
        return trial.values[name]
    return next((epoch[name] for epoch in reversed(trial.curve) if name in epoch), None)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"
