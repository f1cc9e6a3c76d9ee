"""Watch over something that has to answer: what asks it may wait for ever, and is noticed."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

EVERY = 2.0
"""Seconds between two questions, and between two looks at the answers."""


class ReplacedError(Exception):
    """The peer that answers is another than before, and the former will not come back."""


class Heartbeat:
    """Asks again and again, and calls ``lost`` once when nothing was answered for ``limit`` seconds.

    ``ask`` returns where it is answered, and raises or waits where it is not; a `ReplacedError` is told at once. What counts
    is how often the watch has looked in vain: time for which this process was stopped, or its machine slept, is nobody's
    silence. ``lost`` is called in a thread of the watch's, as whatever waits for the answer may wait for ever.
    """

    def __init__(
        self,
        ask: Callable[[], object],
        *,
        lost: Callable[[], None],
        limit: float,
        every: float = EVERY,
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
