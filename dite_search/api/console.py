"""Where a search that was begun in Python shows its progress."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


def console_for_python(*, quiet: bool) -> Console:
    """Return the console of a search: a table in a terminal, plain lines in a notebook or a file; none where ``quiet``."""
    if quiet:
        return Console(quiet=True)
    found = Console()
    # A notebook shows HTML and colours of its own, which a file of it then holds: lines of plain text can be read anywhere.
    return Console(force_jupyter=False, force_terminal=False, no_color=True) if found.is_jupyter else found


@contextmanager
def quietly() -> Iterator[None]:
    """Keep warnings and log lines of libraries from the screen inside the block, as the command line does."""
    root = logging.getLogger()
    before = root.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.setLevel(logging.ERROR)
        try:
            yield
        finally:
            root.setLevel(before)
