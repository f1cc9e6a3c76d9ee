"""The writes that wait while a database does not answer."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from search_spaces.common.retry import RetryPolicy

WRITE_RETRY = RetryPolicy(first_seconds=1.0, longest_seconds=30.0)
"""How long writing waits after a failure."""


class Outbox:
    """Writes in the order in which they were put, each until it succeeds.

    A write may have happened in part when it is tried again, and must bear that.

    Args:
        name: The name of the database in sentences.
        unreachable: The error that says try again.
        note: Takes a sentence when the database goes and when it comes back.
        may_write: Whether a write may be tried now.
        clock: Returns seconds.
    """

    def __init__(
        self,
        name: str,
        unreachable: type[Exception],
        *,
        note: Callable[[str], None] = lambda sentence: None,
        may_write: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._unreachable, self._note, self._clock = name, unreachable, note, clock
        self._may_write = may_write
        self._waiting: deque[Callable[[], None]] = deque()
        self._failures, self._try_at = 0, 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, write: Callable[[], None]) -> bool:
        """Write now, or as soon as what was put before is written; whether all is."""
        self.later(write)
        return self.flush()

    def later(self, write: Callable[[], None]) -> None:
        """Write with the next flush; for what a write of this outbox brings with it."""
        self._waiting.append(write)

    def flush(self) -> bool:
        """Write what waits, unless the last failure is too recent; whether nothing is left."""
        if self._clock() < self._try_at or not self._may_write():
            return False
        while self._waiting:
            try:
                self._waiting[0]()
            except self._unreachable as error:
                self.failed(error)
                return False
            self._waiting.popleft()
            self._answered()
        return True

    def failed(self, error: Exception) -> None:
        """Wait a while before the next try."""
        logging.getLogger(__name__).debug("%s", self._name, exc_info=error)
        if not self._failures:
            trouble = "has no room" if has_no_room(error) else "does not answer"
            self._note(f"{self._name} {trouble}; trainings go on, and what they report waits to be written")
        self._failures += 1
        self._try_at = self._clock() + WRITE_RETRY.pause_after(self._failures)

    def _answered(self) -> None:
        self._try_at = 0.0
        if self._failures:
            self._failures = 0
            self._note(f"{self._name} answers again")


def has_no_room(error: BaseException | None) -> bool:
    """Whether a full disk is behind an error, by what databases call it."""
    while error is not None:
        if "disk is full" in str(error) or "No space left on device" in str(error):
            return True
        error = error.__cause__
    return False
