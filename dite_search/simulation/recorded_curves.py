"""`curves.csv` of a search: the recorded trainings of networks that a search file's space describes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dite_search.config.search_config import SearchConfig
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import require_file
from search_spaces.common.objectives import COUNTED, OBJECTIVES, named
from search_spaces.families.parameter import Point
from search_spaces.space.candidate import CandidateCache
from search_spaces.space.search_space import SearchSpace, describe

Curve = Sequence[Mapping[str, float]]
"""One mapping an epoch, as a training reports it: ``epoch`` from 1, the accuracy (a fraction), ``loss`` and ``seconds``.

Loss and seconds since the start of the training are left out where they are not known. Where only the last epoch is known,
it is the only entry.
"""


@dataclass(frozen=True, kw_only=True)
class RecordedTrainings:
    """The points and curves of networks by ``arch_id``, with the networks that were built.

    The curves of a network are in rising order of seeds.
    """

    points: Mapping[str, Point]
    curves: Mapping[str, tuple[Curve, ...]]
    candidates: CandidateCache


class CurvesFile:
    """A file of curves that belongs to a search file, read row by row."""

    def __init__(self, config: SearchConfig, path: Path) -> None:
        self._config, self._path = config, path
        self._parameters = list(config.search_space.parameters)
        self._candidates = CandidateCache(config.search_space)
        measured = [name for name in config.objectives if name not in named(source=COUNTED)]
        self._required = [*self._parameters, "seed", "epoch", *measured]
        self._figures = [*measured, "loss", "seconds"]
        self._points: dict[str, Point] = {}
        self._ids: dict[tuple[str, ...], str] = {}
        self._curves: dict[str, dict[int, list[dict[str, float]]]] = {}

    def read(self) -> RecordedTrainings:
        """Return all that the file holds.

        Raises:
            InvalidInput: the message names the file, the row, the rule and the value.
        """
        for number, row in self._rows():
            try:
                self._take(row)
            except InvalidInput as error:
                raise InvalidInput(f"{self._path} row {number}: {error}") from None
        self._check_whole()
        curves = {arch_id: tuple(curve for _, curve in sorted(by_seed.items())) for arch_id, by_seed in self._curves.items()}
        return RecordedTrainings(points=self._points, curves=curves, candidates=self._candidates)

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Row number (the heading is row 1) and cells by column."""
        require_file(self._path)
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
            arch_id = self._candidates(point).arch.arch_id
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
    highest = OBJECTIVES[name].highest if name in OBJECTIVES else math.inf
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
