"""A search that is asked to end early: at the end of each running epoch, or at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Pause:
    """The requests to pause a running search, from any thread.

    The ``listener`` is given one sentence for each change. After the first request (`asked`) the running epochs end, are
    checkpointed and reported, and no new trial begins. The second request (`immediate`) stops everything as it stands.
    Epochs since the last checkpoint are then trained again when the search goes on. A driver that may have lost its study to
    another driver writes nothing (`doubtful`) until it knows. If the study is lost (`superseded`), it never writes again.
    """

    def __init__(self, listener: Callable[[str], None] = lambda sentence: None) -> None:
        self.listener = listener
        self._asked, self._immediate = threading.Event(), threading.Event()
        self._superseded = threading.Event()
        self.doubtful = False

    @property
    def asked(self) -> bool:
        """Whether no epoch is to begin any more."""
        return self._asked.is_set()

    @property
    def immediate(self) -> bool:
        """Whether the running epochs are not waited for either."""
        return self._immediate.is_set()

    @property
    def superseded(self) -> bool:
        """Whether another driver has the study now."""
        return self._superseded.is_set()

    def supersede(self) -> None:
        """Stop everything as it stands, and leave the study to another driver."""
        self._superseded.set()
        self.stop_now("another driver has taken over the study")

    def ask(self, by: str) -> None:
        """Let the running epochs end, and begin none."""
        if not self.asked:
            self._asked.set()
            self.listener(f"{by}: pausing as soon as the running epochs have ended and are saved; Ctrl-C stops at once")

    def stop_now(self, why: str) -> None:
        """Stop everything as it stands."""
        if not self.immediate:
            self._asked.set()
            self._immediate.set()
            self.listener(f"{why}: stopping at once; trainings go on from their last checkpoints")

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM: the first pauses, the second stops at once, and the third is Python's own again."""

        def handle(number: int, frame: FrameType | None) -> None:
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            if not self.asked:
                self.ask(name)
                return
            self.stop_now(name)
            restore()

        before: dict[signal.Signals, Any] = {}

        def restore() -> None:
            for known, handler in before.items():
                signal.signal(known, handler)

        if threading.current_thread() is not threading.main_thread():
            # Only the main thread may set handlers; a search inside another program leaves its signals alone.
            yield
            return
        before.update({number: signal.signal(number, handle) for number in SIGNALS})
        try:
            yield
        finally:
            restore()
