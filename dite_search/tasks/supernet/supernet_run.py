"""The run of shared weights in MLflow: of its own kind, beside the searches and their trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dite_search.tracking.client import FAILED, FINISHED, RUNNING, SUPERNET_TAG, Point, Refused, Tracker, Unreachable
from dite_search.tracking.plan import batches

KIND_TAG, SUPERNET = "dite_search.kind", "supernet"
INHERITED_RESULTS = "inherited figures are none of a network's own training"
"""The note of every such run: figures of networks that inherit weights must not be read as results."""


class SupernetRun:
    """The run of one training of shared weights, found again by its study's name.

    A server that does not answer delays figures, and never the training. Every report brings what is missing.

    Args:
        tracker: The experiment.
        study: The name of the study.
        params: The parameters of the run.
        clock: The time in seconds since 1970.
    """

    def __init__(
        self, tracker: Tracker, study: str, params: Mapping[str, Any], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._tracker, self._study, self._clock = tracker, study, clock
        self._params = {name: str(value) for name, value in params.items()}
        self._run_id, self._started, self._sent, self._lacks = "", 0, 0, ""

    @property
    def run_id(self) -> str:
        """The id of the run; empty while no server has answered."""
        return self._run_id

    @property
    def lacks(self) -> str:
        """The reason why the run lacks figures; empty where it has them all."""
        return self._lacks

    def report(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Bring the figures of all epochs so far that the run lacks.

        Args:
            curve: The figures of every epoch from the first on.
        """
        self._answered(lambda: self._bring(curve))

    def end(self, curve: Sequence[Mapping[str, float]], *, failed: str = "") -> None:
        """Bring what is missing, and close the run.

        Args:
            curve: The figures of every epoch.
            failed: The reason why the training ended early; empty where it is finished.
        """
        self.report(curve)

        def close() -> None:
            if failed:
                self._tracker.log_batch(self._run_id, tags={"reason": failed})
            self._tracker.set_status(self._run_id, FAILED if failed else FINISHED, ended=int(1000 * self._clock()))

        if self._run_id:
            self._answered(close)

    def attach(self, files: Mapping[str, str]) -> None:
        """Store texts as artifacts of the run, in place of those of the same names; ``report`` has opened the run.

        Args:
            files: The texts by the names of their files.
        """
        if self._run_id:
            self._answered(lambda: self._tracker.upload(self._run_id, files))

    def _answered(self, call: Callable[[], None]) -> None:
        try:
            call()
            self._lacks = ""
        except (Unreachable, Refused) as error:
            self._lacks = str(error) or type(error).__name__

    def _bring(self, curve: Sequence[Mapping[str, float]]) -> None:
        if not self._run_id:
            self._open(curve)
        # Times follow from the curve alone, so that a figure which is brought twice is one figure.
        points = [
            Point(
                name=name,
                step=int(epoch["epoch"]),
                value=float(value),
                timestamp=self._started + int(1000 * epoch["seconds"]),
            )
            for epoch in curve[self._sent :]
            for name, value in epoch.items()
            if name != "epoch"
        ]
        for batch in batches(points, {}, {}):
            self._tracker.log_batch(self._run_id, points=batch.points)
        self._sent = len(curve)

    def _open(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Find the run of an earlier process, or make it."""
        found, known = self._tracker.find_tagged({SUPERNET_TAG: self._study}), set[str]()
        if found:
            known = set(found[0].params)
            self._run_id, self._started = found[0].run_id, found[0].started
            self._tracker.set_status(self._run_id, RUNNING)
        else:
            passed = curve[-1]["seconds"] if curve else 0.0
            started = int(1000 * (self._clock() - passed))
            tags = {KIND_TAG: SUPERNET, SUPERNET_TAG: self._study, "note": INHERITED_RESULTS}
            self._run_id = self._tracker.create_run(f"{self._study}-supernet", tags, started=started)
            self._started = started
        for batch in batches([], {name: value for name, value in self._params.items() if name not in known}, {}):
            self._tracker.log_batch(self._run_id, params=batch.params)
