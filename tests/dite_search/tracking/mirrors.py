"""A tracking server and a study that live in memory; calls to the server can get lost on either way, or arrive late."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.pareto.front import front_of
from analysis.study.records import StudyRecord, TrialRecord
from dite_search.tracking.client import DESCRIPTION, STUDY_TAG, TRIAL_TAG, Point, Refused, RunState, Unreachable, UsedData
from dite_search.tracking.pages import PageFiles, Pages
from dite_search.tracking.plan import PAGES_TAG, key_of, wanted_search, wanted_trial
from dite_search.tracking.progress import SearchCurves
from dite_search.tracking.source import Snapshot
from search_spaces.registry import cost_of, preset
from search_spaces.space.budget import Budget

ARCH = preset("lite_hrnet_18")
COST = cost_of(ARCH)
COUNTS = ("over_budget", "reused", "epochs_trained")
"""The metrics of a search that each of its ends writes."""


@dataclass
class Run:
    """A run with all that was written to it."""

    state: RunState
    points: list[Point] = field(default_factory=list)
    files: dict[str, str | bytes] = field(default_factory=dict)


class MemoryTracker:
    """Does what `Tracker` does. Each call draws its fate: ok, lost (no effect), unheard (an effect, but no answer), late.

    Of several values that are equal in everything MLflow keeps one; with ``keeps_equal`` this server keeps all.
    """

    shown = uri = "memory"
    experiment = "1"

    def __init__(self, fates: Iterator[str] | None = None, *, keeps_equal: bool = False) -> None:
        self.keeps_equal = keeps_equal
        self.runs: dict[str, Run] = {}
        self.fates = fates or iter(())
        self.down = False
        self.calls: list[str] = []
        self._late: list[Callable[[], Any]] = []
        self._made = 0

    def _call(self, name: str, effect: Callable[[], Any], *, writes: bool = True) -> Any:
        self.calls.append(name)
        fate = "lost" if self.down else next(self.fates, "ok")
        if fate == "ok":
            return effect()
        arrived, self._late = self._late, []
        if fate == "unheard":
            effect()
        elif fate == "late" and writes:
            self._late.append(effect)
        for late in arrived:
            late()
        raise Unreachable("no answer from http://***@memory")

    def land(self) -> None:
        """Let what is under way arrive."""
        while self._late:
            self._late.pop()()

    def _run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise Refused(f"run {run_id} does not exist")
        return self.runs[run_id]

    def find_runs(self, study: str, *, trial: int | None = None) -> list[RunState]:
        def found() -> list[RunState]:
            states = [run.state for run in self.runs.values() if run.state.tags.get(STUDY_TAG) == study]
            return [state for state in states if trial is None or state.tags.get(TRIAL_TAG) == str(trial)]

        return self._call("find_runs", found, writes=False)

    def get_run(self, run_id: str) -> RunState | None:
        found = self.runs.get(run_id)
        return self._call("get_run", lambda: found.state if found else None, writes=False)

    def create_run(self, name: str, tags: dict[str, str], *, started: int) -> str:
        def create() -> str:
            self._made += 1
            run_id = f"run{self._made}"
            self.runs[run_id] = Run(RunState(run_id=run_id, status="RUNNING", started=started, tags=dict(tags)))
            return run_id

        return self._call("create_run", create)

    def history(self, run_id: str, names: list[str]) -> set[tuple[str, int]]:
        points = self._run(run_id).points
        return self._call("history", lambda: {(p.name, p.step) for p in points if p.name in names}, writes=False)

    def log_batch(self, run_id: str, *, points: Any = (), params: Any = None, tags: Any = None) -> None:
        assert len(points) <= 1000
        assert len(params or {}) <= 100
        assert len(tags or {}) <= 100
        assert len(points) + len(params or {}) + len(tags or {}) <= 1000

        def log() -> None:
            run = self._run(run_id)
            assert not set(run.state.params) & set(params or {}), "a parameter is written once"
            run.points += [point for point in points if self.keeps_equal or point not in run.points]
            run.state = replace(
                run.state, params={**run.state.params, **(params or {})}, tags={**run.state.tags, **(tags or {})}
            )

        # A parameter that arrives late is the same, and the server takes it once more.
        self._call("log_batch", log if not params else lambda: self._with_params(run_id, log, points, params, tags))

    def _with_params(self, run_id: str, log: Callable[[], None], points: Any, params: Any, tags: Any) -> None:
        run = self._run(run_id)
        same = {name: value for name, value in params.items() if run.state.params.get(name) == value}
        run.state = replace(run.state, params={n: v for n, v in run.state.params.items() if n not in same})
        log()

    def delete_tag(self, run_id: str, name: str) -> None:
        def delete() -> None:
            run = self._run(run_id)
            run.state = replace(run.state, tags={n: v for n, v in run.state.tags.items() if n != name})

        self._call("delete_tag", delete)

    def set_status(self, run_id: str, status: str, *, ended: int | None = None) -> None:
        def set_status() -> None:
            self._run(run_id).state = replace(self._run(run_id).state, status=status)

        self._call("set_status", set_status)

    def log_data(self, run_id: str, data: UsedData) -> None:
        def log() -> None:
            run = self._run(run_id)
            run.state = replace(run.state, data={*run.state.data, data.digest})

        self._call("log_data", log)

    def upload(self, run_id: str, files: dict[str, str | bytes]) -> None:
        self._call("upload", lambda: self._run(run_id).files.update(files))

    def delete_run(self, run_id: str) -> None:
        self._call("delete_run", lambda: self.runs.pop(run_id, None))


class MemoryStudy:
    """A study whose trials start, have epochs and end as they are told; the source of a mirror."""

    tag, search_file, training = "drawn-1", "name: drawn\n", ("learning_rate",)
    budget = Budget()
    data = UsedData(name="synthetic", digest="0123abcd", place="drawn", profile={})

    def __init__(self) -> None:
        self.trials: list[TrialRecord] = []
        self.driven = True
        self.reference = {"ap_gt": 0.0, "mmacs": 400.0}
        self.ideal: dict[str, float] = {}
        self.run_id: str | None = None
        self.experiment: str | None = None
        self.made = 0
        self._last_end = 0.0

    def start(self) -> int:
        number = len(self.trials)
        parameters = {"learning_rate": 0.1 * number, "kernels_branch1": 1}
        self.trials.append(TrialRecord(number=number, status="running", arch=ARCH, cost=COST, parameters=parameters))
        return number

    def epoch(self, number: int) -> None:
        trial = self.trials[number]
        epoch = len(trial.curve) + 1
        values = {"epoch": epoch, "loss": 1 / epoch, "seconds": 2.0 * epoch} | ({"ap_gt": 0.1} if epoch % 2 else {})
        self._change(number, curve=[*trial.curve, values])

    def end(self, number: int, status: str) -> None:
        metrics = {"ap_gt": 0.01 * number, "latency_ms": 3.0} if status == "complete" else {}
        # Trials end one after the other, whatever their numbers.
        self._last_end = max(self._last_end + 0.5, number + 9.0)
        reason = "burst" if status == "failed" else ""
        self._change(number, status=status, metrics=metrics, reason=reason, seconds=self._last_end - number)

    def go_on(self, number: int) -> None:
        self._change(number, status="running")

    def _change(self, number: int, **changes: Any) -> None:
        self.trials[number] = replace(self.trials[number], **changes)

    def read(self) -> Snapshot:
        study = StudyRecord(
            name="drawn",
            directory=Path("drawn"),
            objectives=("ap_gt", "mmacs"),
            trials=list(self.trials),
            protocol={"dataset": "synthetic", "epochs": 3},
        )
        attributes = {trial.number: {"started": 1000.0 + trial.number, "seed": 7} for trial in self.trials}
        return Snapshot(study=study, attributes=attributes, run_id=self.run_id, experiment=self.experiment)

    def note_experiment(self, experiment: str) -> None:
        self.experiment = experiment

    def pages(self, study: StudyRecord, *, uri: str, experiment: str, runs: dict[int, str]) -> Pages:
        told = f"{uri} {experiment} {sorted(runs.items())} {study.trials!r}"

        def make() -> PageFiles:
            self.made += 1
            return PageFiles(files={"front.html": told, "front.png": b"drawn"}, description=f"of {len(study.trials)}")

        return Pages(digest=hashlib.sha256(told.encode()).hexdigest()[:16], make=make)

    def note(self, key: int | None, run_id: str) -> None:
        if key is None:
            self.run_id = run_id
        elif self.trials[key].status == "running":
            self._change(key, mlflow_run_id=run_id)


def differences(tracker: MemoryTracker, study: MemoryStudy) -> list[str]:
    """Where a server differs from a study whose search has ended, with nothing under way; each run and each value once."""
    snapshot, runs = study.read(), list(tracker.runs.values())
    by_key = {key_of(run.state): run for run in runs}
    if len(by_key) < len(runs) or set(by_key) != {None, *snapshot.records}:
        return [f"runs for {sorted(str(key_of(run.state)) for run in runs)}"]
    parent = by_key[None]
    front = {record.number for record in front_of(snapshot.study)}
    ids = {key: run.state.run_id for key, run in by_key.items() if key is not None}
    running = study.driven and any(record.status == "running" for record in snapshot.records.values())
    curves = SearchCurves(study.reference, study.budget, study.ideal).points(snapshot.study, snapshot.attributes)
    wanted = {None: wanted_search(snapshot, source=study, curves=curves, runs=ids, closed=not running, now=0.0)} | {
        number: wanted_trial(record, snapshot, source=study, parent=parent.state.run_id, front=None if running else front)
        for number, record in snapshot.records.items()
    }
    found = []
    for key, run in by_key.items():
        goal = wanted[key]
        values = [(point.name, point.step, point.value) for point in run.points]
        if key is None:
            # The counts of each end of a search stay; those of the last one are there once.
            last = {point.step for point in goal.points if point.name in COUNTS}
            values = [value for value in values if value[0] not in COUNTS or value[1] in last]
        checks = {
            "status": (run.state.status, goal.status),
            "params": (run.state.params, goal.params),
            "points": (sorted(values), sorted((point.name, point.step, point.value) for point in goal.points)),
            "tags": ({n: run.state.tags.get(n) for n in goal.closing_tags}, goal.closing_tags),
            "stale": ({"reason", "stopped_at_epoch"} & set(run.state.tags) - set(goal.tags), set()),
            "on_front": (running or ("on_front" in run.state.tags) == (key in front), True),
            "files": ({name: run.files.get(name) for name in goal.files}, goal.files),
            "data": (set(run.state.data), {goal.data.digest} if goal.data else set()),
        }
        if key is None and not running:
            pages = study.pages(snapshot.study, uri=tracker.uri, experiment=tracker.experiment, runs=ids)
            made = pages.make()
            checks |= {
                "pages": ({name: run.files.get(name) for name in made.files}, made.files),
                "described": (run.state.tags.get(DESCRIPTION), made.description),
                "digest": (run.state.tags.get(PAGES_TAG), pages.digest),
            }
        found += [f"{key} {name}: {is_!r} is not {ought!r}" for name, (is_, ought) in checks.items() if is_ != ought]
    return found
