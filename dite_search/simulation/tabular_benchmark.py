"""Recorded tables: every network of a space with its learning curves, for searches that are replayed instead of trained.

A shipped table is a folder of ``tables/`` with ``curves.csv`` and the search file that recorded it. A table from elsewhere
has networks and costs of its own (`table_reader`). Else it is the result of a finished study: its complete trials, as far as
their curves are whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array, hypervolume, non_dominated, reference_point, score_floor
from analysis.study.published_results import PUBLISHED_TABLES, PublishedNetwork
from analysis.study.records import TrialRecord
from analysis.study.trial_status import TrialStatus
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.simulation.recorded_curves import Curve, CurvesFile
from dite_search.simulation.table_reader import read_foreign_table
from dite_search.simulation.table_search import TableSearch
from dite_search.simulation.table_settings import NETWORKS_FILE, is_table
from dite_search.study.attributes import SEED
from dite_search.study.directory import SEARCH_FILE, load_config
from dite_search.study.reader import read_study
from dite_search.study.study import open_study
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import MAXIMIZE
from search_spaces.families.parameter import Point
from search_spaces.space.candidate import CandidateCache

TABLES = Path(__file__).parents[1] / "tables"
CURVES_FILE = "curves.csv"
PUBLISHED: Mapping[str, Sequence[PublishedNetwork]] = {"table5": PUBLISHED_TABLES["table5"]}
"""Shipped tables whose scores are those of a published table."""


@dataclass(frozen=True, kw_only=True)
class TabularBenchmark:
    """The recorded trainings of networks of a space, each trained to its end.

    Args:
        name: The name of the table.
        config: The search that recorded it, or that a table from elsewhere defines: space, objectives and epochs.
        points: The point of each network, by ``arch_id``.
        curves: The curves of each network, by ``arch_id``; of several seeds the first counts as its value.
        candidates: The networks of the space that were built, with their costs; a replay goes on with them.
        left_out: The number of complete trials of a study whose curves have gaps.
    """

    name: str
    config: SearchConfig | TableSearch
    points: Mapping[str, Point]
    curves: Mapping[str, tuple[Curve, ...]]
    candidates: CandidateCache = field(repr=False, compare=False)
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
        return {
            arch_id: dict(self.curve(arch_id)[-1]) | self.candidates(point).cost.objectives
            for arch_id, point in self.points.items()
        }

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
        """The corner (m,) that every hypervolume of this table is measured from: `reference_point` of the whole table.

        A score that is better where larger may be below 0 in a table from elsewhere: its corner then lies a little below the
        worst.
        """
        values = self.values()
        corner = reference_point(values, self.directions)
        for place, (side, column) in enumerate(zip(self.directions, values.T, strict=True)):
            if side == MAXIMIZE:
                corner[place] = score_floor(column)
        return corner

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
    """Read a shipped table by its name, a folder that holds one, or a finished study.

    Args:
        name: The name of the table or study, its folder, or the settings file of a table from elsewhere.
        directory: The folder of the studies.
        curves: The file of curves, where a table has several.
        score: The column of the score, where a table has several.

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
    if (path / SEARCH_FILE).is_file() and (path / CURVES_FILE).is_file():
        return read_table(path)
    if not (path / SEARCH_FILE).is_file() and any(path.glob("curves*.csv*")):
        raise InvalidInput(f"{path} must hold {NETWORKS_FILE} or {SEARCH_FILE} beside its curves")
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
        candidates=CandidateCache(space),
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
    recorded = CurvesFile(config, folder / CURVES_FILE).read()
    return TabularBenchmark(
        name=config.name,
        config=config,
        points=recorded.points,
        curves=recorded.curves,
        candidates=recorded.candidates,
    )


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
    candidates = CandidateCache(config.search_space)
    return TabularBenchmark(name=config.name, config=config, points=points, curves=curves, candidates=candidates)


def _table_of_study(config: SearchConfig) -> TabularBenchmark:
    """The complete trials of a study; of several with one seed the first."""
    _check_space(config, f"study {config.name}")
    complete = [record for record in read_study(config).trials if record.status is TrialStatus.COMPLETE]
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
        candidates=CandidateCache(config.search_space),
        left_out=len(complete) - len(whole),
    )


def _is_whole(config: SearchConfig, record: TrialRecord) -> bool:
    epochs = [metrics.get("epoch") for metrics in record.curve]
    scored = all(math.isfinite(record.values.get(objective, math.nan)) for objective in config.objectives)
    return scored and epochs == list(range(1, config.train_config.epochs + 1))
