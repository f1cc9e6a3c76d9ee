"""Signs of life on a terminal while a command takes more than a moment; a file and a pipe see none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

T = TypeVar("T")


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show what is done, and for how long already, while the block runs; for work that cannot be counted."""
    # Help does not wait for this import.
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        shown.add_task(_plain(what), total=None)
        yield


def counted(console: Console, what: str) -> Callable[[Sequence[T]], Iterator[T]]:
    """Return a function that yields the items of a sequence, and shows how many are done and the time that is left."""

    def follow(items: Sequence[T]) -> Iterator[T]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
            task = shown.add_task(_plain(what), total=len(items))
            for item in items:
                yield item
                shown.advance(task)

    return follow


def _plain(text: str) -> str:
    """Return text whose brackets are no markup."""
    return text.replace("[", r"\[")
