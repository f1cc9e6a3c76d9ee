"""Waiting for a storage that is full or does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from search_spaces.errors import StorageFull, StorageUnavailable

T = TypeVar("T")

Note = Callable[[str], None]
"""Takes one sentence for whoever watches a training."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries: the first, doubled with each, and the most."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """For how many ``seconds`` a training waits until a storage takes or gives its checkpoint."""

    seconds: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_done(self, action: Callable[[], T], note: Note) -> T:
        """The value of ``action``, tried again while its storage has no room or no answer; ``note`` is told once of each.

        Raises:
            StorageUnavailable: the last one, when the time is over.
        """
        began, pause = self.clock(), FIRST_PAUSE
        told: type[StorageUnavailable] | None = None
        while True:
            try:
                value = action()
            except StorageUnavailable as error:
                left = began + self.seconds - self.clock()
                if left <= 0:
                    raise
                if told is not type(error):
                    told = type(error)
                    note(f"{error}; goes on once {'there is' if told is StorageFull else 'it can be'}")
                self.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if told:
                note("the storage is there again: going on")
            return value
