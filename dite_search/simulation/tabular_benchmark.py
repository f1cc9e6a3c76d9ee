"""Recorded tables: every network of a space with its learning curves, for searches that are replayed instead of trained.

A shipped table is a folder of ``tables/`` with ``curves.csv`` and the search file that recorded it. A table from elsewhere
has networks and costs of its own (`table_reader`). Else it is the result of a finished study: its complete trials, as far as
their curves are whole.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array, hypervolume, non_dominated, reference_point
from analysis.study.published_results import PUBLISHED_TABLES, PublishedNetwork
from analysis.study.records import TrialRecord
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.simulation.table_reader import read_foreign_table
from dite_search.simulation.table_search import TableSearch
from dite_search.simulation.table_settings import NETWORKS_FILE, is_table
from dite_search.study.attributes import SEED
from dite_search.study.directory import SEARCH_FILE, load_config
from dite_search.study.study import open_study, read_study
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.objectives import DIRECTIONS
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from search_spaces.space.search_space import SearchSpace, describe

TABLES = Path(__file__).parents[1] / "tables"
CURVES_FILE = "curves.csv"
PUBLISHED: Mapping[str, Sequence[PublishedNetwork]] = {"table5": PUBLISHED_TABLES["table5"]}
"""Shipped tables whose scores are those of a published table."""

Curve = Sequence[Mapping[str, float]]
"""One mapping an epoch, as a training reports it: ``epoch`` from 1, the accuracy (a fraction), ``loss`` and ``seconds``.

Loss and seconds since the start of the training are left out where they are not known. Where only the last epoch is known,
it is the only entry.
"""


@dataclass(frozen=True, kw_only=True)
class TabularBenchmark:
    """The recorded trainings of networks of a space, each trained to its end.

    Args:
        name: The name of the table.
        config: The search that recorded it, or that a table from elsewhere defines: space, objectives and epochs.
        points: The point of each network, by ``arch_id``.
        curves: The curves of each network, by ``arch_id``; of several seeds the first counts as its value.
        left_out: The number of complete trials of a study whose curves have gaps.
    """

    name: str
    config: SearchConfig | TableSearch
    points: Mapping[str, Point]
    curves: Mapping[str, tuple[Curve, ...]]
    left_out: int = 0

    def __contains__(self, network: object) -> bool:
        """Whether a network, as its architecture or its ``arch_id``, is in the table."""
        return getattr(network, "arch_id", network) in self.points

    def __len__(self) -> int:
        """The number of networks."""
        return len(self.points)

    def curve(self, arch_id: str, repeat: int = 0) -> Curve:
        """The curve of a network's training number ``repeat`` (from 0); past the seeds that there are it begins anew."""
        curves = self.curves[arch_id]
        return curves[repeat % len(curves)]

    @cached_property
    def finals(self) -> dict[str, dict[str, float]]:
        """The final values of every network by ``arch_id``: the last epoch of its first seed, and its costs."""
        return {arch_id: {**self.curve(arch_id)[-1], **self.costs(arch_id)} for arch_id in self.points}

    def costs(self, arch_id: str) -> Mapping[str, float]:
        """Return the exact costs of a network by name."""
        # The two kinds of searches take networks of their own space alone, which the types cannot say.
        config: Any = self.config
        known: Mapping[str, float] = config.costs_of(config.search_space.build(self.points[arch_id]))
        return known

    def values(self) -> Array:
        """The objectives (n, m): a row a network in the order of ``points``, a column an objective of the search."""
        return self.matrix(self.points)

    def matrix(self, networks: Iterable[str]) -> Array:
        """The objectives of some networks by ``arch_id``, as (n, m)."""
        objectives = self.config.objectives
        rows = [[self.finals[arch_id][objective] for objective in objectives] for arch_id in networks]
        return np.array(rows, np.float64).reshape(len(rows), len(objectives))

    @cached_property
    def directions(self) -> list[str]:
        """Which way each objective is better."""
        return list(self.config.directions)

    @cached_property
    def front(self) -> tuple[str, ...]:
        """The networks, by ``arch_id``, that no other of the table dominates."""
        mask: NDArray[np.bool_] = non_dominated(self.values(), self.directions)
        return tuple(arch_id for arch_id, kept in zip(self.points, mask, strict=True) if kept)

    @cached_property
    def reference(self) -> Array:
        """The corner (m,) that every hypervolume of this table is measured from: `reference_point` of the whole table."""
        return reference_point(self.values(), self.directions)

    @cached_property
    def hypervolume(self) -> float:
        """The hypervolume of the whole table, which a search can reach and not exceed."""
        return hypervolume(self.values(), self.reference, self.directions)

    @cached_property
    def seeds(self) -> Mapping[str, int]:
        """With how many seeds each network was trained, by ``arch_id``."""
        return {arch_id: len(curves) for arch_id, curves in self.curves.items()}

    @cached_property
    def epochs(self) -> int:
        """Epochs of training every network once."""
        return len(self.points) * self.config.train_config.epochs

    @cached_property
    def timed(self) -> bool:
        """Whether every training has its ``seconds``."""
        return all("seconds" in curve[-1] for curves in self.curves.values() for curve in curves)


def shipped_tables() -> tuple[str, ...]:
    """The names of the tables that come with the program."""
    return tuple(sorted(path.parent.name for path in TABLES.glob(f"*/{SEARCH_FILE}")))


def load_table(
    name: str | Path, *, directory: str | Path = "runs", curves: str | None = None, score: str | None = None
) -> TabularBenchmark:
    """A shipped table by its name, a folder that holds one, or a finished study by its folder or its name in ``directory``.

    A table from elsewhere is named by its folder or its settings file; ``curves`` chooses one of several files of curves,
    and ``score`` a column.

    Raises:
        InvalidInput: there is none, the file is broken, or the study has no trial that can be replayed.
    """
    path = Path(name)
    if str(name) not in shipped_tables() and not (path / SEARCH_FILE).is_file() and is_table(path):
        return _foreign_table(path, curves=curves, score=score)
    for option, value in (("--curves", curves), ("--score", score)):
        if value is not None:
            raise InvalidInput(f"{option} must be left out for {name}, which has no {NETWORKS_FILE}, got {value}")
    if str(name) in shipped_tables():
        return read_table(TABLES / name)
    if (path / CURVES_FILE).is_file():
        return read_table(path)
    try:
        config = load_config(name, directory=directory)
    except InvalidInput as error:
        raise InvalidInput(f"{error}; recorded tables: {', '.join(shipped_tables())}") from None
    return _table_of_study(config)


def _foreign_table(path: Path, *, curves: str | None, score: str | None) -> TabularBenchmark:
    found = read_foreign_table(path, variant=curves, score=score)
    space = found.search.search_space
    return TabularBenchmark(
        name=found.search.name,
        config=found.search,
        points={network.arch_id: space.point(network.row) for network in space.networks},
        curves=found.curves,
    )


def read_table(folder: Path) -> TabularBenchmark:
    """The table in a folder: its search file and its curves.

    ``curves.csv`` has a row for each epoch of each training, in order: the parameters of the space, ``seed``, ``epoch``, the
    accuracy, ``loss`` and ``seconds``.

    Raises:
        InvalidInput: the message names the file, the row, the rule and the value.
    """
    config = load_search(folder / SEARCH_FILE)
    _check_space(config, str(folder / SEARCH_FILE))
    if config.name in PUBLISHED and not (folder / CURVES_FILE).exists():
        return _published_table(config, PUBLISHED[config.name])
    return _Reader(config, folder / CURVES_FILE).table()


def _check_space(config: SearchConfig, source: str) -> None:
    """A network is what a table looks up: what varies beside it cannot be told apart."""
    varied = next(iter(config.search_space.training_parameters), None)
    if varied:
        raise InvalidInput(f"{source}: a search that is replayed must vary the network alone, but its space has {varied}")


def _published_table(config: SearchConfig, networks: Sequence[PublishedNetwork]) -> TabularBenchmark:
    points: dict[str, Point] = {}
    curves: dict[str, tuple[Curve, ...]] = {}
    for network in networks:
        point = config.search_space.point_of(network.arch)
        assert point is not None, f"{network.label} is a point of space {config.search_space.name}"
        assert network.epochs == config.train_config.epochs, f"{network.label} was trained as {config.name} says"
        points[network.arch.arch_id] = point
        curves[network.arch.arch_id] = ([{"epoch": network.epochs, network.metric: network.score}],)
    return TabularBenchmark(name=config.name, config=config, points=points, curves=curves)


class _Reader:
    """``curves.csv``, row by row."""

    def __init__(self, config: SearchConfig, path: Path) -> None:
        self._config, self._path = config, path
        self._parameters = list(config.search_space.parameters)
        measured = [name for name in config.objectives if name not in cost_of(config.search_space.base).objectives]
        self._required = [*self._parameters, "seed", "epoch", *measured]
        self._figures = [*measured, "loss", "seconds"]
        self._points: dict[str, Point] = {}
        self._ids: dict[tuple[str, ...], str] = {}
        self._curves: dict[str, dict[int, list[dict[str, float]]]] = {}

    def table(self) -> TabularBenchmark:
        """The whole file."""
        for number, row in self._rows():
            try:
                self._take(row)
            except InvalidInput as error:
                raise InvalidInput(f"{self._path} row {number}: {error}") from None
        self._check_whole()
        curves = {arch_id: tuple(curve for _, curve in sorted(by_seed.items())) for arch_id, by_seed in self._curves.items()}
        return TabularBenchmark(name=self._config.name, config=self._config, points=self._points, curves=curves)

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Row number (the heading is row 1) and cells by column."""
        if not self._path.is_file():
            raise InvalidInput(f"{self._path} does not exist or is not a file")
        try:
            with self._path.open(newline="", encoding="utf-8") as file:
                reader = csv.reader(file, strict=True)
                columns = next(reader, [])
                self._check_columns(columns)
                for number, cells in enumerate(reader, start=2):
                    if len(cells) != len(columns):
                        raise InvalidInput(f"{self._path} row {number}: must have {len(columns)} cells, got {len(cells)}")
                    yield number, dict(zip(columns, cells, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidInput(f"{self._path} must be UTF-8 text with comma-separated values: {error}") from None

    def _check_columns(self, columns: list[str]) -> None:
        for name in self._required:
            if columns.count(name) != 1:
                raise InvalidInput(f"{self._path} row 1: must name column {name} once, got {', '.join(columns) or 'none'}")
        for name in columns:
            if name not in self._required and name not in self._figures:
                raise InvalidInput(f"{self._path} row 1: {unknown_name('column', name, {*self._required, *self._figures})}")

    def _take(self, row: Mapping[str, str]) -> None:
        arch_id = self._network(tuple(row[name] for name in self._parameters))
        seed, epoch = _integer("seed", row["seed"]), _integer("epoch", row["epoch"])
        curve = self._curves.setdefault(arch_id, {}).setdefault(seed, [])
        epochs = self._config.train_config.epochs
        if epoch != len(curve) + 1 or epoch > epochs:
            rule = f"{len(curve) + 1}, the next one of this training" if len(curve) < epochs else f"at most {epochs}"
            raise InvalidInput(f"epoch must be {rule}, got {epoch}")
        metrics = {name: _figure(name, row[name]) for name in self._figures if row.get(name)}
        if "seconds" in row:
            _check_time(metrics, curve)
        missing = [name for name in self._config.objectives if name in self._figures and name not in metrics]
        if epoch == epochs and missing:
            raise InvalidInput(f"{missing[0]} must be given in the last epoch")
        curve.append({"epoch": epoch, **metrics})

    def _network(self, cells: tuple[str, ...]) -> str:
        if cells not in self._ids:
            point = _point(self._config.search_space, dict(zip(self._parameters, cells, strict=True)))
            arch_id = self._config.search_space.build(point).arch_id
            self._ids[cells] = arch_id
            self._points.setdefault(arch_id, point)
        return self._ids[cells]

    def _check_whole(self) -> None:
        epochs = self._config.train_config.epochs
        for arch_id, by_seed in self._curves.items():
            for seed, curve in by_seed.items():
                if len(curve) != epochs:
                    raise InvalidInput(
                        f"{self._path}: every training must have epochs 1 to {epochs},"
                        f" but that of network {arch_id} with seed {seed} ends after {len(curve)}"
                    )
        if not self._curves:
            raise InvalidInput(f"{self._path} must hold at least one training, got none")


def _point(space: SearchSpace, cells: Mapping[str, str]) -> Point:
    point: Point = {}
    for name, text in cells.items():
        values = {str(value): value for value in space.choices[name].values}
        if text not in values:
            raise InvalidInput(f"{name} must be {describe(space.choices[name])}, got {text!r}")
        point[name] = values[text]
    return point


def _integer(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(f"{name} must be a whole number, got {text!r}")
    return int(text)


def _figure(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    highest = 1.0 if DIRECTIONS.get(name) == "maximize" else math.inf
    if not 0 <= value <= highest or math.isinf(value):
        rule = "a fraction from 0 to 1" if highest == 1.0 else "a number of at least 0"
        raise InvalidInput(f"{name} must be {rule}, got {text!r}")
    return value


def _check_time(metrics: Mapping[str, float], before: Curve) -> None:
    if "seconds" not in metrics:
        raise InvalidInput("seconds must be given in every epoch, or their column left out")
    earlier = before[-1]["seconds"] if before else 0.0
    if metrics["seconds"] <= earlier:
        raise InvalidInput(f"seconds must be above {earlier:g}, those of the epoch before, got {metrics['seconds']:g}")


def _table_of_study(config: SearchConfig) -> TabularBenchmark:
    """The complete trials of a study; of several with one seed the first."""
    _check_space(config, f"study {config.name}")
    complete = [record for record in read_study(config).trials if record.status == "complete"]
    trials = open_study(config).get_trials(deepcopy=False)
    seeds = {trial.number: trial.user_attrs.get(SEED, config.seed) for trial in trials}
    whole = [record for record in complete if _is_whole(config, record)]
    if not whole:
        raise InvalidInput(
            f"study {config.name} cannot be replayed: none of its trials is complete with a curve for every epoch"
        )
    points: dict[str, Point] = {}
    curves: dict[str, dict[int, Curve]] = {}
    for record in whole:
        arch_id = record.arch.arch_id
        points.setdefault(arch_id, dict(record.parameters))
        # A latency is measured once, not epoch by epoch: it stands beside the scores of the last one.
        last = {**record.curve[-1], **{name: record.values[name] for name in config.objectives if name in record.metrics}}
        curves.setdefault(arch_id, {}).setdefault(seeds[record.number], [*record.curve[:-1], last])
    return TabularBenchmark(
        name=config.name,
        config=config,
        points=points,
        curves={arch_id: tuple(curve for _, curve in sorted(by_seed.items())) for arch_id, by_seed in curves.items()},
        left_out=len(complete) - len(whole),
    )


def _is_whole(config: SearchConfig, record: TrialRecord) -> bool:
    epochs = [metrics.get("epoch") for metrics in record.curve]
    scored = all(math.isfinite(record.values.get(objective, math.nan)) for objective in config.objectives)
    return scored and epochs == list(range(1, config.train_config.epochs + 1))
