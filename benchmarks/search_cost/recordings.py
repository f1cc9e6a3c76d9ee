"""Searches over tables, recorded once each: every training that ran to its end, for any figure to be computed later.

A recording is a small file of a competitor, a table and a seed; one that is there is not made again.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.study.trial_status import TrialStatus
from benchmarks.search_cost.competitors import Competitor, judged
from benchmarks.search_cost.runs import installed_version, simulation_of
from benchmarks.search_cost.yardstick import TRAININGS, Ended, Yardstick
from dite_search.simulation.simulator import Simulation
from dite_search.simulation.table_reader import RecordedCurves, Trainings
from dite_search.simulation.table_search import RecordedLength, TableSearch
from dite_search.simulation.table_settings import is_table, table_files
from dite_search.simulation.tabular_benchmark import TabularBenchmark, load_table, shipped_tables
from search_spaces.common.files import write_json
from search_spaces.common.objectives import MAXIMIZE
from search_spaces.space.candidate import CandidateCache
from search_spaces.space.listed_space import ListedSpace

DECIDING_FIELDS = ("name", "changes", "moasha", "qnehvi")
"""Fields of a competitor on which its recordings depend."""
PROBE_VALUES, PROBE_PARAMETERS, PROBE_EPOCHS, PROBE_TRAININGS = 5, 5, 9, 25
"""Size of the drawn table on which the behaviour of a search is recognised."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table by its folder, settings file or shipped name, with the name of its curves where it has several."""

    place: str
    curves: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One search: its trainings that ran to their end, counts of all, and processor seconds.

    ``worth`` is the full trainings' worth of epochs at which it ended.
    """

    ended: tuple[Ended, ...]
    spent: int
    trainings: int
    seconds: float
    worth: int = TRAININGS[-1]


def sources(places: Iterable[str]) -> list[Source]:
    """Return every table of some places, with each of its files of curves."""
    found = []
    for place in places:
        if place in shipped_tables() or not is_table(Path(place)):
            found.append(Source(place=place))
        else:
            variants = table_files(Path(place)).variants
            found += [Source(place=place, curves=name or None) for name in variants]
    return found


@functools.cache
def yardstick_of(source: Source) -> Yardstick:
    """Return the yardstick of a table, which is read once in a process."""
    return Yardstick(load_table(source.place, curves=source.curves))


def record(competitor: Competitor, source: Source, *, workers: int, seed: int) -> Recording:
    """Run one search until its epochs are spent."""
    yardstick, began = yardstick_of(source), time.process_time()
    epochs = competitor.worth * yardstick.table.config.train_config.epochs
    ended, simulation = completed(competitor, yardstick, workers=workers, seed=seed, epochs=epochs)
    return Recording(
        ended=ended,
        spent=simulation.epochs,
        trainings=simulation.trainings,
        seconds=round(time.process_time() - began, 2),
        worth=competitor.worth,
    )


def completed(
    competitor: Competitor, yardstick: Yardstick, *, workers: int, seed: int, epochs: int
) -> tuple[tuple[Ended, ...], Simulation]:
    """Run one search until its epochs are spent, and return its whole trainings and the simulation at its end.

    Args:
        competitor: The search.
        yardstick: The table with its truth.
        workers: The trainings side by side.
        seed: The seed.
        epochs: The epochs that all trainings together may spend.
    """
    simulation = simulation_of(
        competitor,
        yardstick.table,
        seed=seed,
        workers=workers,
        max_epochs=epochs,
        curve_of=lambda network, repeat: yardstick.curve(seed, network.arch_id, repeat),
    )
    ended = tuple(
        Ended(
            epochs=one.epochs,
            network=one.arch.arch_id,
            training=yardstick.training(seed, one.arch.arch_id, one.repeat),
        )
        for one in simulation.run()
        if one.status is TrialStatus.COMPLETE
    )
    return ended, simulation


class Archive:
    """The recordings in a folder."""

    def __init__(self, folder: Path, *, workers: int) -> None:
        self._folder, self._workers = folder, workers

    def folder(self, competitor: Competitor, source: Source) -> Path:
        """Return the folder of the recordings of a search; its name follows from all that they depend on."""
        name = yardstick_of(source).table.name.replace("/", "-")
        return self._folder / name / f"{competitor.name}-{digest(competitor, source, self._workers)}"

    def read(self, competitor: Competitor, source: Source) -> dict[int, Recording]:
        """Return the recordings of a search over a table, by seed."""
        folder = self.folder(competitor, source)
        return {int(path.stem): _read(path) for path in sorted(folder.glob("[0-9]*.json"))}

    def missing(
        self, competitors: Sequence[Competitor], tables: Sequence[Source], seeds: int, slow_seeds: int | None = None
    ) -> list[Task]:
        """Return what is to be recorded, seed by seed, so that what is there is balanced at any time.

        ``slow_seeds`` takes the place of the seeds of searches that have a number of their own.
        """
        searches = [(one, table, self.folder(one, table)) for table in tables for one in competitors]
        tasks = [
            Task(competitor=one, source=table, seed=seed, workers=self._workers, path=folder / f"{seed}.json")
            for seed in range(seeds)
            for one, table, folder in searches
            if one.seeds is None or seed < (slow_seeds or one.seeds)
        ]
        return [task for task in tasks if not task.path.is_file()]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One recording to be made."""

    competitor: Competitor
    source: Source
    seed: int
    workers: int
    path: Path

    def run(self) -> str:
        """Make the recording, and return what it is called."""
        if not self.path.is_file():
            made = record(self.competitor, self.source, workers=self.workers, seed=self.seed)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(
                self.path, {**dataclasses.asdict(made), "ended": [[e.epochs, e.network, e.training] for e in made.ended]}
            )
        return f"{self.path.parent.parent.name} {self.competitor.name} seed {self.seed}"


def run_all(tasks: Sequence[Task], *, jobs: int) -> None:
    """Make recordings in so many processes."""
    # One thread a process: the models are too small to share.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if jobs == 1:
        for count, task in enumerate(tasks, start=1):
            print(f"{count}/{len(tasks)} {task.run()}", file=sys.stderr, flush=True)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for count, done in enumerate(as_completed([pool.submit(task.run) for task in tasks]), start=1):
            print(f"{count}/{len(tasks)} {done.result()}", file=sys.stderr, flush=True)


def _read(path: Path) -> Recording:
    kept = json.loads(path.read_text())
    names = ("epochs", "network", "training")
    ended = tuple(Ended(**dict(zip(names, values, strict=True))) for values in kept.pop("ended"))
    return Recording(ended=ended, **kept)


def digest(competitor: Competitor, source: Source, workers: int) -> str:
    """Return in short what a recording depends on: for this search, its behaviour on a drawn table too."""
    table = yardstick_of(source).table
    facts: dict[str, Any] = {
        "competitor": {
            field.name: getattr(competitor, field.name)
            for field in dataclasses.fields(competitor)
            if field.name in DECIDING_FIELDS and getattr(competitor, field.name) != field.default
        },
        "workers": workers,
        "objectives": list(table.config.objectives),
        "epochs": table.config.train_config.epochs,
        "values": yardstick_of(source).fingerprint,
        "versions": {name: installed_version(name) for name in competitor.packages},
    }
    if competitor.group != "peer":
        facts["behaviour"] = behaviour_of(competitor.name)
    text = json.dumps(facts, sort_keys=True, default=dataclasses.asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@functools.cache
def behaviour_of(name: str) -> str:
    """Return a digest of what a search trains on a drawn table: another one after a change that changes searches."""
    competitor = next(one for one in judged() if one.name == name)
    table = probe_table()
    simulation = simulation_of(
        competitor,
        table,
        seed=0,
        workers=4,
        max_epochs=PROBE_TRAININGS * PROBE_EPOCHS,
        curve_of=lambda network, repeat: table.curve(network.arch_id, repeat),
    )
    ended = [(one.arch.arch_id, one.status.value, one.epochs) for one in simulation.run()]
    return hashlib.sha256(json.dumps(ended).encode()).hexdigest()


def probe_table() -> TabularBenchmark:
    """Return a drawn table of more networks than a search looks at for one suggestion."""
    generator = np.random.default_rng(0)
    points = np.array(list(itertools.product(range(PROBE_VALUES), repeat=PROBE_PARAMETERS)))
    final = 0.5 + 0.3 * np.tanh(points @ generator.normal(size=PROBE_PARAMETERS) / 4.0)
    final += generator.normal(0.0, 0.03, len(points))
    parts = np.arange(1, PROBE_EPOCHS + 1) / PROBE_EPOCHS
    scores = final[:, None] * parts**0.3 + generator.normal(0.0, 0.01, (len(points), PROBE_EPOCHS))
    names = [f"n{row}" for row in range(len(points))]
    space = ListedSpace(
        name="probe",
        networks=names,
        columns={f"p{place}": column.tolist() for place, column in enumerate(points.T)},
        costs={"macs": (1.0 + points.sum(axis=1) + points[:, 0] * points[:, 1]).tolist()},
    )
    epochs = tuple(range(1, PROBE_EPOCHS + 1))
    search = TableSearch(
        name="probe",
        search_space=space,
        objectives=("accuracy", "macs"),
        score_direction=MAXIMIZE,
        train_config=RecordedLength(epochs=PROBE_EPOCHS, validated=epochs),
    )
    return TabularBenchmark(
        name="probe",
        config=search,
        points={name: space.point(row) for row, name in enumerate(names)},
        curves=Trainings(
            names, np.arange(len(names) + 1), RecordedCurves(epochs=epochs, figures={"accuracy": np.clip(scores, 0.0, 1.0)})
        ),
        candidates=CandidateCache(space),
    )


def figures_of(recordings: Mapping[int, Recording], yardstick: Yardstick) -> dict[int, list[Any]]:
    """Return the figures of each seed at each of the budgets that its recording reaches."""
    length = yardstick.table.config.train_config.epochs
    return {
        seed: yardstick.figures(
            recording.ended, seed=seed, budgets=[count * length for count in TRAININGS if count <= recording.worth]
        )
        for seed, recording in recordings.items()
    }
