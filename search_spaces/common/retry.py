"""`RetryPolicy`: how long a caller waits before it tries again what failed for a moment, and when it gives up."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

MAX_EXPONENT = 64
"""Doublings after which a pause grows no more, so that years of failures overflow no number."""


def _ignore(error: Exception) -> None:
    """Take an error of which nobody is told."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Pauses that double from ``first_seconds`` up to ``longest_seconds``.

    Args:
        first_seconds: the pause after the first failure.
        longest_seconds: no pause is longer.
        total_seconds: time from the first try after which a failure is final; the last pause is shortened to end then.
        tries: number of tries after which a failure is final.
        clock: seconds of any clock that runs evenly.
        sleep: what waits for a number of seconds.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    total_seconds: float = math.inf
    tries: float = math.inf
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def pause_after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, from 1."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, MAX_EXPONENT))

    def call(
        self,
        action: Callable[[], T],
        *,
        is_passing: Callable[[Exception], bool],
        tell: Callable[[Exception], None] = _ignore,
    ) -> T:
        """Return the value of an action, which is tried again while it fails for a moment.

        Args:
            action: what is tried; it may have happened in part when it is tried again.
            is_passing: whether an error of the action may go away by itself; any other is raised at once.
            tell: is given each error that is waited for, before the pause.

        Raises:
            Exception: the last error of the action, once the time or the tries are used up.
        """
        began = self.clock()
        for failures in itertools.count(1):
            try:
                return action()
            except Exception as error:
                if not is_passing(error):
                    raise
                left = began + self.total_seconds - self.clock()
                if left <= 0 or failures >= self.tries:
                    raise
                tell(error)
                self.sleep(min(self.pause_after(failures), left))
        raise AssertionError("the loop ends with a value or an error")
