"""The content that MLflow should hold of a study, and the part it lacks: pure plans, which `tracking.mirror` carries out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from analysis.pareto.front import front_of
from analysis.study.records import TrialRecord
from analysis.study.trial_status import INTERRUPTED, TrialStatus
from dite_search.study.attributes import SEED, STARTED
from dite_search.study.directory import SEARCH_FILE
from dite_search.tracking.client import (
    FAILED,
    FINISHED,
    GIT_COMMIT,
    GIT_DIRTY,
    KILLED,
    MAX_ENTRIES,
    MAX_METRICS,
    MAX_PARAMS,
    MAX_TAGS,
    MAX_TEXT,
    PARENT,
    RUNNING,
    SCHEDULED,
    SOURCE_NAME,
    SOURCE_TYPE,
    STUDY_TAG,
    TABLES,
    TRIAL_TAG,
    Point,
    RunState,
    UsedData,
)
from dite_search.tracking.source import Key, Snapshot, Source
from search_spaces.common.objectives import is_score
from search_spaces.common.redaction import redacted
from search_spaces.registry import flatten

POINTS_TAG, FILES_TAG, PAGES_TAG = "dite_search.points", "dite_search.files", "dite_search.pages"
"""Tags that spare a comparison: the number of values of a closed run, and digests of the artifacts and of the pages.

Each is set after what it tells of.
"""
BUDGET_SPENT = "the budget of the search is spent"
"""The reason of a trial that was cut off and will not go on, unless the search is extended."""
OPTIONAL_TAGS = ("reason", "stopped_at_epoch", "on_front", "front")
FRONT_FILE, TABLE_FILE = "front.json", "front_table.json"
FINAL = "final_"
"""The beginning of the metric of an accuracy after the last epoch, as in ``final_ap_gt``."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run as the study would have it; times in milliseconds since 1970, ``keeps`` are optional tags left as they are."""

    name: str
    status: str
    started: int
    ended: int | None = None
    noted: str | None = None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: Sequence[Point]
    files: Mapping[str, str]
    data: UsedData | None = None
    keeps: Collection[str] = ()

    @property
    def digest(self) -> str:
        """A digest that changes with any of the files."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def closing_tags(self) -> dict[str, str]:
        """The tags, with the number of values where no more will come."""
        return {**self.tags, **({} if self.status == RUNNING else {POINTS_TAG: str(len(self.points))})}


def wanted_trial(
    record: TrialRecord, snapshot: Snapshot, *, source: Source, parent: str, front: Collection[int] | None
) -> Wanted:
    """The run of a trial; ``front`` is None while the search goes on."""
    attributes = snapshot.attributes[record.number]
    started = attributes.get(STARTED, 0.0)
    status, ending = ending_of(record, driven=source.driven, spent=snapshot.is_spent)
    is_over = record.status.has_ended or record.status is TrialStatus.WAITING
    chosen = {name: record.parameters[name] for name in source.training if name in record.parameters}
    params = {**flatten(record.arch), **chosen, "seed": attributes.get(SEED, ""), "trial": record.number}
    tags = {PARENT: parent, STUDY_TAG: source.tag, TRIAL_TAG: str(record.number), "arch_id": record.arch.arch_id}
    return Wanted(
        name=f"trial-{record.number:05d}",
        status=status,
        started=int(1000 * started),
        ended=int(1000 * (started + record.seconds)) if is_over else None,
        noted=record.mlflow_run_id,
        params=_texts(params),
        tags=tags
        | origin_tags(snapshot.study.provenance)
        | ending
        | ({"on_front": "true"} if front and record.number in front else {}),
        points=points_of(record, started),
        files={"arch.yaml": yaml.safe_dump(record.arch.to_dict(), sort_keys=False, default_flow_style=None)},
        keeps=("on_front",) if front is None else (),
    )


def origin_tags(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return MLflow's own tags for where a run comes from: the command, and the commit of the program."""
    found: dict[str, str] = {}
    if "command" in provenance:
        found |= {SOURCE_NAME: redacted(str(provenance["command"]))[:MAX_TEXT], SOURCE_TYPE: "LOCAL"}
    commit, _, changes = str(provenance.get("git_commit", "")).partition("+")
    if commit:
        found[GIT_COMMIT] = commit
    return found | ({GIT_DIRTY: "true"} if changes else {})


def ending_of(record: TrialRecord, *, driven: bool = True, spent: bool = False) -> tuple[str, dict[str, str]]:
    """Return the status of a trial's run, and the tags that say more.

    A trial that waits goes on later, unless the budget of the search is spent. A trial that nobody trains any more, though
    its driver could not say so, was killed.

    Args:
        record: The trial.
        driven: Whether a driver runs the search.
        spent: Whether the budget of the search is spent.
    """
    if record.status is TrialStatus.RUNNING:
        return (RUNNING, {}) if driven else (KILLED, {"reason": INTERRUPTED})
    if record.status is TrialStatus.WAITING:
        return (KILLED, {"reason": BUDGET_SPENT}) if spent and not driven else (SCHEDULED, {"reason": INTERRUPTED})
    if record.reason == INTERRUPTED:
        return KILLED, {"reason": INTERRUPTED}
    if record.reason or record.status is TrialStatus.FAILED:
        return FAILED, {"reason": record.reason[:MAX_TEXT] or "unknown"}
    if record.status is TrialStatus.STOPPED:
        return FINISHED, {"stopped_at_epoch": str(int(record.curve[-1]["epoch"]) if record.curve else 0)}
    return FINISHED, {}


def search_status(snapshot: Snapshot) -> str:
    """Return the status of the run of a search that nobody drives any more."""
    found = {record.status for record in snapshot.records.values()}
    if TrialStatus.RUNNING in found:
        return KILLED
    waits = TrialStatus.WAITING in found and not snapshot.is_spent
    return SCHEDULED if waits or snapshot.left > 0 else FINISHED


def points_of(record: TrialRecord, started: float) -> list[Point]:
    """Every value of a trial once: its costs at step 0, its epochs, and what was measured besides at the last one.

    The accuracy of a trial that was trained to its end has a name of its own, under which trials may be compared.
    Times follow from the study alone, so that a write which is repeated is the same write.
    """
    values = {(name, 0): (float(value), 0.0) for name, value in record.cost.objectives.items()}
    step, seconds = 0, 0.0
    for epoch in record.curve:
        step, seconds = int(epoch["epoch"]), float(epoch.get("seconds", 0.0))
        values |= {(name, step): (float(value), seconds) for name, value in epoch.items() if name != "epoch"}
    for name, value in record.metrics.items():
        if name != "epoch":
            values.setdefault((name, step), (float(value), seconds))
            if is_score(name) and record.status is TrialStatus.COMPLETE:
                values[f"{FINAL}{name}", step] = (float(value), seconds)
    return [
        Point(name=name, step=at, value=value, timestamp=int(1000 * (started + after)))
        for (name, at), (value, after) in values.items()
    ]


def wanted_search(
    snapshot: Snapshot, *, source: Source, curves: Sequence[Point], runs: Mapping[int, str], closed: bool, now: float
) -> Wanted:
    """The run of the search.

    Args:
        snapshot: The study at one moment.
        source: The study's side.
        curves: The curves over the trials that have ended.
        runs: The runs of the trials.
        closed: Whether nobody drives the search any more; its front and its counts are written then.
        now: Seconds since 1970.
    """
    study, records = snapshot.study, snapshot.records
    started = min((values[STARTED] for values in snapshot.attributes.values() if STARTED in values), default=now)
    wanted = Wanted(
        name=study.name,
        status=RUNNING,
        started=int(1000 * started),
        noted=snapshot.run_id,
        params=_texts({f"protocol.{name}": value for name, value in study.protocol.items()}),
        tags={STUDY_TAG: source.tag} | origin_tags(study.provenance),
        points=curves,
        files={SEARCH_FILE: source.search_file},
        data=source.data,
        keeps=("front",),
    )
    if not closed:
        return wanted
    rows = [
        {"trial": record.number, "arch_id": record.arch.arch_id, "run_id": runs.get(record.number)}
        | {objective: record.values[objective] for objective in study.objectives}
        for record in front_of(study)
    ]
    ends = (snapshot.attributes[number].get(STARTED, 0.0) + record.seconds for number, record in records.items())
    ended = int(1000 * max(ends, default=0.0))
    counts: dict[str, float] = {
        "over_budget": study.over_budget,
        "reused": study.reused,
        "epochs_trained": study.epochs_trained,
    }
    counts |= snapshot.amounts
    table = {"columns": list(rows[0]) if rows else [], "data": [list(row.values()) for row in rows]}
    numbers = {"front": ",".join(str(row["trial"]) for row in rows)[:MAX_TEXT]} if rows else {}
    step = sum(record.status.has_ended for record in records.values())
    counted = [Point(name=name, step=step, value=float(count), timestamp=ended) for name, count in counts.items()]
    return replace(
        wanted,
        status=search_status(snapshot),
        ended=ended or None,
        tags={**wanted.tags, TABLES: json.dumps([{"path": TABLE_FILE, "type": "table"}]), **numbers},
        points=[*curves, *counted],
        files={**wanted.files, FRONT_FILE: json.dumps(rows, indent=2), TABLE_FILE: json.dumps(table)},
        keeps=(),
    )


@dataclass(frozen=True, kw_only=True)
class ServerRun:
    """A run as the server holds it; ``points`` are name and step of its values, or None where they were not read."""

    run: RunState
    points: frozenset[tuple[str, int]] | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The content of one call."""

    points: Sequence[Point] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def key_of(run: RunState) -> Key:
    """Return the trial, or the search, that a run stands for, by its tags."""
    number = run.tags.get(TRIAL_TAG)
    return None if number is None else int(number)


def choose_run(runs: Iterable[RunState], noted: str | None) -> tuple[RunState | None, list[RunState]]:
    """Of the runs that stand for one trial, the one to keep (that which was noted, else the oldest), and the others."""
    ordered = sorted(runs, key=lambda run: (run.run_id != noted, run.started, run.run_id))
    return (ordered[0] if ordered else None), ordered[1:]


def holds_all_points(wanted: Wanted, seen: ServerRun) -> bool:
    """Whether a run says by its tag that no value is missing: its history need not be read."""
    return seen.run.tags.get(POINTS_TAG) == str(len(wanted.points))


def missing(wanted: Wanted, seen: ServerRun) -> list[Batch]:
    """Return the calls that complete a run: values in the order of epochs, in MLflow's sizes, and the tags after all else.

    Parameters cannot be changed in MLflow, and those that are there stay.
    """
    assert seen.points is not None or holds_all_points(wanted, seen), "the history is read before it is compared"
    points = [p for p in wanted.points if (p.name, p.step) not in seen.points] if seen.points is not None else []
    params = {name: value for name, value in wanted.params.items() if name not in seen.run.params}
    tags = {name: value for name, value in wanted.closing_tags.items() if seen.run.tags.get(name) != value}
    return list(batches(points, params, tags))


def batches(points: Sequence[Point], params: Mapping[str, str], tags: Mapping[str, str]) -> Iterator[Batch]:
    """Values and parameters packed into as few calls as may be; tags last and apart: some say what went before."""
    values, names = list(points), list(params)
    while values or names:
        taken, names = names[:MAX_PARAMS], names[MAX_PARAMS:]
        room = min(MAX_METRICS, MAX_ENTRIES - len(taken))
        yield Batch(points=values[:room], params={name: params[name] for name in taken})
        values = values[room:]
    for first in range(0, len(tags), MAX_TAGS):
        yield Batch(tags=dict(list(tags.items())[first : first + MAX_TAGS]))


def stale_tags(wanted: Wanted, seen: ServerRun) -> list[str]:
    """The optional tags that a run has and the study no longer gives it."""
    return [name for name in OPTIONAL_TAGS if name in seen.run.tags and name not in (*wanted.tags, *wanted.keeps)]


def settled(wanted: Wanted, seen: ServerRun) -> ServerRun:
    """A run after all that it lacked was written; the values of a closed one are not kept."""
    kept = {name: value for name, value in seen.run.tags.items() if name not in stale_tags(wanted, seen)}
    run = replace(
        seen.run,
        status=wanted.status,
        params={**wanted.params, **seen.run.params},
        tags={**kept, **wanted.closing_tags, FILES_TAG: wanted.digest},
        data={*seen.run.data, *([wanted.data.digest] if wanted.data else [])},
    )
    points = None if wanted.status != RUNNING else (seen.points or frozenset()) | {(p.name, p.step) for p in wanted.points}
    return ServerRun(run=run, points=points)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value)[:MAX_TEXT] for name, value in values.items()}
