"""The account of a running search: its time by a clock that runs evenly, the GPUs that its trials hold, its epochs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from dite_search.spending.limits import Spent


class Account:
    """Adds up what a search spends, from what earlier starts spent; any thread may ask.

    Args:
        earlier: The amounts that earlier starts spent.
        clock: Seconds of a clock that runs evenly, whatever becomes of the time of day.
        began: The reading of the clock from which on time counts; by default now.
    """

    def __init__(self, earlier: Spent | None = None, *, clock: Callable[[], float], began: float | None = None) -> None:
        self._earlier, self._clock = earlier or Spent(), clock
        self._began = clock() if began is None else began
        self._holders: dict[Hashable, tuple[float, float]] = {}
        self._gpu_seconds, self._epochs = 0.0, 0
        self._lock = threading.Lock()

    def hold(self, trial: Hashable, gpus: float) -> None:
        """Count the GPUs of a trial from now on; a trial that holds them already goes on."""
        with self._lock:
            self._holders.setdefault(trial, (self._clock(), gpus))

    def release(self, trial: Hashable) -> None:
        """Count the GPUs of a trial no longer."""
        with self._lock:
            since, gpus = self._holders.pop(trial, (0.0, 0.0))
            self._gpu_seconds += gpus * (self._clock() - since)

    def add_epochs(self, count: int) -> None:
        """Count epochs that were trained."""
        with self._lock:
            self._epochs += count

    @property
    def gpus_held(self) -> float:
        """The GPUs that trials hold now."""
        with self._lock:
            return sum(gpus for _, gpus in self._holders.values())

    def spent(self) -> Spent:
        """Return all that the search has spent by now, in all its starts."""
        with self._lock:
            now = self._clock()
            held = sum(gpus * (now - since) for since, gpus in self._holders.values())
            return Spent(
                seconds=self._earlier.seconds + now - self._began,
                gpu_seconds=self._earlier.gpu_seconds + self._gpu_seconds + held,
                epochs=self._earlier.epochs + self._epochs,
            )
