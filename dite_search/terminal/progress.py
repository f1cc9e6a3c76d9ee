"""Signs of life on a terminal while a command takes more than a moment; a file and a pipe see none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

from search_spaces.common.follow import Parts

T = TypeVar("T")


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show what is done while the block runs, for how long already, and how long the same took last time.

    It is for work that cannot be counted. Times are kept in the user's cache, and only those that a terminal saw.
    """
    if not console.is_terminal:
        yield
        return
    # Help does not wait for these imports.
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    from dite_search.terminal.durations import Durations

    # On a narrow screen the words go on in a second line, and the times stay whole.
    words = TextColumn("{task.description}", table_column=Column())
    columns = (SpinnerColumn(), words, TimeElapsedColumn(), TextColumn("{task.fields[before]}"))
    kept = Durations()
    with Progress(*columns, console=console, transient=True) as shown:
        shown.add_task(_plain(what), total=None, before=kept.words(what))
        began = time.monotonic()
        yield
    kept.keep(what, time.monotonic() - began)


def counted(console: Console, what: str) -> Counted:
    """Return what yields the items of a sequence, and shows how many are done and the time that is left."""
    return Counted(console, what)


class Counted:
    """The items of some work, and their parts, with a bar and the time that is left.

    Args:
        console: The place of the bar; only a terminal has one.
        what: The words beside the bar.
    """

    def __init__(self, console: Console, what: str) -> None:
        self._console, self._what = console, what
        self._show: Callable[[float], None] = lambda done: None
        self._done = 0

    def __call__(self, items: Sequence[T], /) -> Iterator[T]:
        """Yield each item, whose work is done when the next one is asked for."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as shown:
            task = shown.add_task(_plain(self._what), total=len(items))
            self._show = lambda done: shown.update(task, completed=done)
            for self._done, item in enumerate(items):
                yield item
                self._show(self._done + 1)

    def within(self, parts: Parts[T], /) -> Iterator[T]:
        """Yield the parts of the present item, each of which moves the bar by its share of one."""
        for number, part in enumerate(parts, start=1):
            yield part
            self._show(self._done + number / len(parts))


def _plain(text: str) -> str:
    """Return text whose brackets are no markup."""
    return text.replace("[", r"\[")
