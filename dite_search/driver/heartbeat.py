"""Watch over something that has to answer: what asks it may wait for ever, and is noticed."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

QUESTION_SECONDS = 2.0
"""Seconds between two questions, and between two looks at the answers."""


class ReplacedError(Exception):
    """The peer that answers is another than before, and the former will not come back."""


class Heartbeat:
    """Detects a peer that stops answering, even when the call to it blocks for ever.

    Only the number of vain looks counts. Time for which this process was stopped, or its machine slept, is nobody's silence.

    Args:
        ask: Asks the peer: returns where it answers, and raises or waits where it does not. A `ReplacedError` is told at
            once.
        lost: Is called once, in a thread of its own, because a call that waits for the answer may wait for ever.
        limit: The seconds without an answer after which the peer is lost.
        every: The seconds between two questions.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        ask: Callable[[], object],
        *,
        lost: Callable[[], None],
        limit: float,
        every: float = QUESTION_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask, self._lost, self._limit, self._every, self._sleep = ask, lost, limit, every, sleep
        self._answers, self._over = 0, threading.Event()
        self._silence, self._once = 0.0, threading.Lock()

    @property
    def silence(self) -> float:
        """Seconds since the last answer."""
        return self._silence

    def asking(self) -> None:
        """Ask until the watch is over."""
        while not self._over.is_set():
            try:
                self._ask()
                self._answers += 1
            except ReplacedError:
                self._tell()
                return
            except Exception:
                # Whatever is raised is no answer.
                logging.getLogger(__name__).debug("heartbeat", exc_info=True)
            self._sleep(self._every)

    def looking(self) -> None:
        """Look for answers until the watch is over, or nothing is answered any more."""
        known = self._answers
        while not self._over.is_set():
            self._sleep(self._every)
            self._silence = 0.0 if self._answers > known else self._silence + self._every
            known = self._answers
            if self._silence >= self._limit:
                self._tell()
                return

    def _tell(self) -> None:
        with self._once:
            if not self._over.is_set():
                self._over.set()
                self._lost()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Watch while the block runs. Nothing is waited for at its end: a question may be open for ever."""
        for work in (self.asking, self.looking):
            threading.Thread(target=work, name=f"heartbeat {work.__name__}", daemon=True).start()
        try:
            yield
        finally:
            self._over.set()
