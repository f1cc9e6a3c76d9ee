"""MLflow follows the study: a thread writes what it lacks, and blocks no training.

The study is the one record. News only names the trial that changed, and the values are then read from the study. So nothing
is lost while a server is down, and an hour of epochs goes out in a few calls once it is back.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace

from analysis.pareto.front import front_of
from analysis.study.records import StudyRecord
from analysis.study.trial_status import TrialStatus
from dite_search.tracking.client import DESCRIPTION, RUNNING, STUDY_TAG, Refused, RunState, Tracker
from dite_search.tracking.pages import PageFiles
from dite_search.tracking.plan import (
    FILES_TAG,
    PAGES_TAG,
    ServerRun,
    Wanted,
    choose_run,
    holds_all_points,
    key_of,
    missing,
    settled,
    stale_tags,
    wanted_search,
    wanted_trial,
)
from dite_search.tracking.progress import SearchCurves
from dite_search.tracking.source import Key, Snapshot, Source
from search_spaces.common.retry import RetryPolicy

SEARCH_RETRY = RetryPolicy(first_seconds=1.0, longest_seconds=60.0)
"""How long the mirror waits for the server while the search goes on."""
END_RETRY = RetryPolicy(first_seconds=1.0, longest_seconds=2.0)
"""How long the mirror waits for the server once the search has ended."""
GRACE_SECONDS = 30.0
"""Seconds from the end of the search to giving up."""
RENEWAL_SECONDS, RENEWAL_FACTOR = 60.0, 20.0
"""The pages of a search are renewed after a minute at the earliest, and take a twentieth of the thread's time at most."""


class Mirror:
    """Keeps MLflow equal to a study, from its start on.

    ``refused`` says why MLflow does not take a trial, and ``refusal`` why it takes nothing.

    ``tell`` names a trial that changed, and returns at once. `step` works off what is due; a thread (as a context manager)
    gives one step after the other. A call that got no answer leaves its run unknown: it is looked up, and its history read,
    before anything is written to it again. ``clock`` and ``sleep`` are in seconds; ``sleep`` may end early.
    """

    def __init__(
        self,
        tracker: Tracker,
        source: Source,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float | None], None] | None = None,
    ) -> None:
        self.tracker, self.source = tracker, source
        self.written: Counter[str] = Counter()
        self.refused: dict[int, str] = {}
        self.refusal = ""
        self._curves = SearchCurves(source.reference, source.budget, source.ideal)
        self._shown, self._renew_at, self._sending = 0, -math.inf, False
        self._made: tuple[str, PageFiles] | None = None
        self._clock, self._sleep = clock, sleep or self._wait_for_news
        self._seen: dict[Key, ServerRun] = {}
        self._unknown: set[Key] = set()
        self._lock, self._news = threading.Lock(), threading.Event()
        self._due: dict[int, None] = {}
        self._settled: set[int] = set()
        self._compare, self._ended, self._closed, self._stopped = True, False, False, False
        self._failures, self._retry_at = 0, 0.0
        self._thread = threading.Thread(target=self.run, name="mlflow-mirror", daemon=True)

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(grace=GRACE_SECONDS if kind is None else 0.0)

    def tell(self, number: int) -> None:
        """News of a trial: it started, had an epoch, or ended."""
        with self._lock:
            self._due[number] = None
            self._settled.discard(number)
        self._news.set()

    def end(self) -> None:
        """News of the search: it ended. Everything is compared once more, at once."""
        with self._lock:
            self._compare = self._ended = True
            self._failures, self._retry_at = 0, 0.0
        self._news.set()

    def close(self, *, grace: float = GRACE_SECONDS) -> None:
        """Give the thread so many seconds to write the rest, and end it; an interrupt cuts them short."""
        self.end()
        try:
            self._thread.join(grace)
        except KeyboardInterrupt:
            logging.getLogger(__name__).debug("the user does not wait for the tracking server")
        self._stopped = True
        self._news.set()

    def lacks(self) -> str:
        """Say in words which parts of the study MLflow lacks; empty when the two are equal."""
        ended = {number for number, record in self.source.read().records.items() if record.status is not TrialStatus.RUNNING}
        behind = (ended - self._settled) | (ended & set(self._due))
        parts = [f"{len(behind)} of {len(ended)} trials"] if behind else []
        parts += [] if self._closed else ["the front"]
        reasons = [self.refusal, *(reason for number, reason in self.refused.items() if number in behind)]
        reason = next((reason for reason in reasons if reason), "")
        return " and ".join(parts) + (f" (refused: {reason})" if parts and reason else "")

    def with_runs(self, study: StudyRecord) -> StudyRecord:
        """Return a study that was read before the last runs were noted, with the runs of all its trials that are known."""
        runs = self._runs
        trials = [replace(trial, mlflow_run_id=trial.mlflow_run_id or runs.get(trial.number)) for trial in study.trials]
        return replace(study, trials=trials)

    def reconcile(self) -> None:
        """Compare everything once, and write what is missing, in this thread.

        Raises:
            Unreachable, Refused: the server stopped answering, or takes nothing.
        """
        self.end()
        self._follow()

    def recount(self) -> None:
        """Write the counts of a search that has ended once more, where its trials have changed since; the last write holds.

        Raises:
            Unreachable, Refused: as `reconcile`, which comes before.
        """
        seen = self._seen[None]
        if seen.run.status != RUNNING:
            search = self._wanted_search(self.source.read(), closed=True)
            self.tracker.log_batch(seen.run.run_id, points=search.points)

    def run(self) -> None:
        """Step after step, until the search has ended and all is written."""
        while not self._stopped:
            delay = self.step()
            if delay is None and self._ended:
                return
            if delay != 0:
                self._sleep(delay)

    def step(self) -> float | None:
        """Work off what is due; seconds until more can be done, or None where that waits for news."""
        left = self._retry_at - self._clock()
        if left > 0:
            return left
        if not (self._due or self._compare or self._sending or (self._ended and not self._closed)):
            return None
        try:
            self._follow()
        except Exception as error:
            # Whatever it was, a thread that ended here would leave the rest of the search unwritten.
            self.refusal = str(error) if isinstance(error, Refused) else ""
            logging.getLogger(__name__).debug("tracking", exc_info=True)
            with self._lock:
                self._failures += 1
                delay = (END_RETRY if self._ended else SEARCH_RETRY).pause_after(self._failures)
                self._retry_at = self._clock() + delay
            return delay
        self._failures, self.refusal = 0, ""
        return 0.0

    def _follow(self) -> None:
        """Write what changed; what was not written is due again, the trial that failed after the others."""
        with self._lock:
            due, self._due = self._due, {}
            compare, self._compare, ended = self._compare, False, self._ended
        try:
            snapshot = self.source.read()
            if compare:
                self._compare_all(snapshot)
                due, compare = dict.fromkeys(snapshot.records), False
            running = any(record.status is TrialStatus.RUNNING for record in snapshot.records.values())
            closed = ended and not (running and self.source.driven)
            if not closed or None not in self._seen:
                self._settle(None, self._wanted_search(snapshot, closed=False))
            front = {record.number for record in front_of(snapshot.study)} if closed else None
            for number in list(due):
                if self._stopped:
                    return
                due[number] = due.pop(number)
                if number in snapshot.records:
                    self._settle_trial(number, snapshot, front)
                del due[number]
            if closed:
                self._settle(None, self._wanted_search(snapshot, closed=True))
            self._renew_pages(snapshot, closed=closed)
            self._closed = ended
        finally:
            with self._lock:
                self._due = due | self._due
                self._compare = self._compare or compare

    def _compare_all(self, snapshot: Snapshot) -> None:
        """Find the run of every trial: by its tags, or where the study noted one that has none."""
        groups: dict[Key, list[RunState]] = defaultdict(list)
        for run in self.tracker.find_runs(self.source.tag):
            groups[key_of(run)].append(run)
        noted = {None: snapshot.run_id} | {number: record.mlflow_run_id for number, record in snapshot.records.items()}
        found = {key: self._adopted(groups[key], run_id) for key, run_id in noted.items()}
        self._seen = {key: seen for key, seen in found.items() if seen}
        if snapshot.experiment != self.tracker.experiment:
            self.source.note_experiment(self.tracker.experiment)
        self._unknown.clear()
        self.refused.clear()

    def _adopted(self, runs: list[RunState], noted: str | None) -> ServerRun | None:
        """Return the run that stands for a trial, and delete the others, made by calls whose answer was lost."""
        known = self.tracker.get_run(noted) if noted and noted not in {run.run_id for run in runs} else None
        if known and known.tags.get(STUDY_TAG, self.source.tag) != self.source.tag:
            # The study is a copy, and the run is of the one that it was copied from.
            known = None
        chosen, twins = choose_run([*runs, known] if known else runs, noted)
        for twin in twins:
            self.tracker.delete_run(twin.run_id)
            self.written["twins deleted"] += 1
        return ServerRun(run=chosen, points=None) if chosen else None

    @property
    def _runs(self) -> dict[int, str]:
        """The runs of the trials that are known."""
        return {key: seen.run.run_id for key, seen in dict(self._seen).items() if key is not None}

    def _renew_pages(self, snapshot: Snapshot, *, closed: bool) -> None:
        """Upload the front, the report and the description where trials have ended since, if that is due."""
        spent = snapshot.study.spent
        if not closed and (spent == self._shown or self._clock() < self._renew_at):
            return
        self._sending = True
        began, seen = self._clock(), self._seen[None]
        pages = self.source.pages(snapshot.study, uri=self.tracker.uri, experiment=self.tracker.experiment, runs=self._runs)
        if seen.run.tags.get(PAGES_TAG) != pages.digest:
            if self._made is None or self._made[0] != pages.digest:
                self._made = pages.digest, pages.make()
            made, run_id = self._made[1], seen.run.run_id
            self.tracker.upload(run_id, made.files)
            tags = {DESCRIPTION: made.description, PAGES_TAG: pages.digest}
            self.tracker.log_batch(run_id, tags=tags)
            self._seen[None] = replace(seen, run=replace(seen.run, tags={**seen.run.tags, **tags}))
            self.written["pages renewed"] += 1
        self._sending, self._shown, self._made = False, spent, None
        self._renew_at = self._clock() + max(RENEWAL_SECONDS, RENEWAL_FACTOR * (self._clock() - began))

    def _wanted_search(self, snapshot: Snapshot, *, closed: bool) -> Wanted:
        curves = self._curves.points(snapshot.study, snapshot.attributes)
        runs = self._runs
        return wanted_search(snapshot, source=self.source, curves=curves, runs=runs, closed=closed, now=time.time())

    def _settle_trial(self, number: int, snapshot: Snapshot, front: Collection[int] | None) -> None:
        """Write what the run of a trial lacks; a refusal concerns this trial alone."""
        record, parent = snapshot.records[number], self._seen[None].run.run_id
        try:
            self._settle(number, wanted_trial(record, snapshot, source=self.source, parent=parent, front=front))
        except Refused as error:
            self.refused[number] = str(error)
            return
        self.refused.pop(number, None)
        if record.status is not TrialStatus.RUNNING:
            self._settled.add(number)

    def _settle(self, key: Key, wanted: Wanted) -> None:
        """Write what a run lacks. Until all of it was answered, the run counts as unknown."""
        seen = self._seen.pop(key, None)
        if seen is None and key in self._unknown:
            runs = [run for run in self.tracker.find_runs(self.source.tag, trial=key) if key_of(run) == key]
            seen = self._adopted(runs, wanted.noted)
        self._unknown.add(key)
        seen = seen or self._created(wanted)
        run_id = seen.run.run_id
        if run_id != wanted.noted:
            self.source.note(key, run_id)
        if seen.points is None and not holds_all_points(wanted, seen):
            names = sorted({point.name for point in wanted.points})
            seen = replace(seen, points=frozenset(self.tracker.history(run_id, names)))
        for batch in missing(wanted, seen):
            self.tracker.log_batch(run_id, points=batch.points, params=batch.params, tags=batch.tags)
            self.written["metric values"] += len(batch.points)
        if wanted.data and wanted.data.digest not in seen.run.data:
            self.tracker.log_data(run_id, wanted.data)
        for name in stale_tags(wanted, seen):
            self.tracker.delete_tag(run_id, name)
        if seen.run.status != wanted.status:
            self.tracker.set_status(run_id, wanted.status, ended=wanted.ended)
            self.written["runs closed"] += wanted.status != RUNNING
        if seen.run.tags.get(FILES_TAG) != wanted.digest:
            self.tracker.upload(run_id, wanted.files)
            self.tracker.log_batch(run_id, tags={FILES_TAG: wanted.digest})
        self._seen[key] = settled(wanted, seen)
        self._unknown.discard(key)

    def _created(self, wanted: Wanted) -> ServerRun:
        run_id = self.tracker.create_run(wanted.name, wanted.tags, started=wanted.started)
        self.written["runs created"] += 1
        run = RunState(run_id=run_id, status=RUNNING, started=wanted.started, tags=wanted.tags)
        return ServerRun(run=run, points=frozenset())

    def _wait_for_news(self, seconds: float | None) -> None:
        self._news.wait(seconds)
        self._news.clear()
