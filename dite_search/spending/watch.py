"""The watch over the account of a running search: it is written every few seconds, and its end stops what still runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from dite_search.spending.allowance import Allowance
from dite_search.spending.ledger import Ledger, write_ledger
from dite_search.spending.limits import amount_words
from dite_search.storage.pause import Pause

LOOK_SECONDS = 0.5
"""Seconds between two looks at the account."""
WRITE_SECONDS = 5.0
"""Seconds between two writes of the account, which are what a kill can cost."""


class Watch:
    """Writes the account of a search, and stops the search at the end of its time.

    Args:
        allowance: The account and the limits.
        folder: The folder of the study.
        pause: Is asked to stop everything once nothing is left; a driver that lost its study writes no more.
    """

    def __init__(self, allowance: Allowance, folder: Path, pause: Pause) -> None:
        self._allowance, self._folder, self._pause = allowance, folder, pause
        self._over, self._lock = threading.Event(), threading.Lock()
        self._next_write = 0.0
        self.stopped_by: list[str] = []

    def look(self) -> None:
        """Write the account where it is time, and stop the search where nothing is left."""
        spent = self._allowance.account.spent()
        if spent.seconds >= self._next_write:
            self.write(reserve=True)
        over = self._allowance.over()
        if over and not self.stopped_by:
            self.stopped_by = over
            limit = self._allowance.limits.known[over[0]]
            self._pause.stop_now(f"the budget of {amount_words(over[0], limit)} is spent")

    def write(self, *, reserve: bool, ended: list[str] | None = None) -> None:
        """Write the account.

        Args:
            reserve: Whether the time to the next write is counted already, for a search that is killed before.
            ended: The fields of the limits at which the search ends.
        """
        if self._pause.superseded:
            return
        account, known = self._allowance.account, self._allowance.limits.known
        with self._lock:
            spent, seconds = account.spent(), WRITE_SECONDS if reserve else 0.0
            self._next_write = spent.seconds + WRITE_SECONDS
            ledger = Ledger(
                began=self._allowance.began,
                seconds=spent.seconds,
                gpu_seconds=spent.gpu_seconds,
                reserved_seconds=seconds,
                reserved_gpu_seconds=seconds * account.gpus_held,
                ended={name: known[name] for name in ended or ()},
            )
            write_ledger(self._folder, ledger)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Watch in a thread while the block runs."""

        def watch(look: Callable[[], None] = self.look) -> None:
            while not self._over.wait(LOOK_SECONDS):
                look()

        self.look()
        thread = threading.Thread(target=watch, name="account of the search", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
