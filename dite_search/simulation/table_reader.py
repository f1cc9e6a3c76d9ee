"""Tables from elsewhere: `networks.csv` and curves, checked and held as arrays.

Shape legend: n networks, t trainings, e epochs.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dite_search.simulation.table_search import RecordedLength, TableSearch
from dite_search.simulation.table_settings import (
    CurveColumns,
    TableFiles,
    curve_columns,
    network_columns,
    require,
    table_files,
    with_score,
)
from dite_search.study.attributes import EPOCH_KEY
from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.families.architecture import Scalar
from search_spaces.space.listed_space import ListedSpace

Array = NDArray[np.float64]

SECONDS_COLUMN = "seconds"
"""Key of the time in a curve's entries, whatever the column is called; that of the epoch is `EPOCH_KEY`."""


@dataclass(frozen=True, kw_only=True)
class RecordedCurves:
    """All trainings of a table: ``epochs`` (e,), and ``figures`` (t, e) by name, NaN where there is none."""

    epochs: tuple[int, ...]
    figures: Mapping[str, Array]


class RecordedCurve(Sequence[Mapping[str, float]]):
    """The curve of one training, each of whose entries is made when it is asked for."""

    def __init__(self, curves: RecordedCurves, training: int) -> None:
        self._curves, self._training = curves, training

    def __len__(self) -> int:
        return len(self._curves.epochs)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, float]: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, float]]: ...

    def __getitem__(self, place: int | slice) -> Mapping[str, float] | Sequence[Mapping[str, float]]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        entry: dict[str, float] = {EPOCH_KEY: self._curves.epochs[place]}
        for name, values in self._curves.figures.items():
            value = float(values[self._training, place])
            if value == value:
                entry[name] = value
        return entry


class Trainings(Mapping[str, tuple[RecordedCurve, ...]]):
    """The curves of every network by its name, in rising order of seeds; ``first`` (n + 1,) are their places."""

    def __init__(self, names: Sequence[str], first: NDArray[np.intp], curves: RecordedCurves) -> None:
        self._rows = {name: row for row, name in enumerate(names)}
        self._first, self._curves = first, curves

    def __getitem__(self, name: str) -> tuple[RecordedCurve, ...]:
        row = self._rows[name]
        return tuple(RecordedCurve(self._curves, place) for place in range(self._first[row], self._first[row + 1]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, kw_only=True)
class ForeignTable:
    """A table from elsewhere: the search over it, and its curves."""

    search: TableSearch
    curves: Trainings


def read_foreign_table(path: Path, *, variant: str | None = None, score: str | None = None) -> ForeignTable:
    """Read a table by its folder or its settings file.

    ``variant`` is the name of one of several files of curves, and ``score`` a column in place of that of the settings.

    Raises:
        InvalidInput: the message names the file, the row or column, the rule and the value.
    """
    files = with_score(table_files(path), score)
    name, file = files.curves(variant)
    space, costs = _read_networks(files, name)
    frame = _read(file, names=files.settings.network)
    columns = curve_columns(files, file, list(frame.columns))
    curves, trainings = _Curves(files, file, frame, columns, space).read()
    scored = ~np.isnan(curves.figures[columns.score][0])
    search = TableSearch(
        name=name,
        search_space=space,
        objectives=(columns.score, *costs),
        score_direction=columns.direction,
        train_config=RecordedLength(
            epochs=curves.epochs[-1],
            validated=tuple(epoch for epoch, known in zip(curves.epochs, scored, strict=True) if known),
        ),
        least=files.settings.least,
    )
    return ForeignTable(search=search, curves=trainings)


def _read_networks(files: TableFiles, name: str) -> tuple[ListedSpace, tuple[str, ...]]:
    """Return the networks of a table, and the costs that are objectives."""
    file = files.networks
    frame = _read(file, names=files.settings.network)
    columns = network_columns(files, list(frame.columns))
    _require_names(file, frame[files.settings.network])
    costs = {cost: _numbers(file, frame[cost], at_least=0.0) for cost in (*columns.costs, *columns.limits)}
    parameters = {parameter: _values(file, frame[parameter]) for parameter in columns.parameters}
    for parameter, values in parameters.items():
        if len(parameters) > 1 and isinstance(values[0], str) and 2 < len(values) == len(set(values)):
            raise InvalidInput(
                f"{file}: column {parameter} is another name in every row, which says nothing of a network: name it in"
                f" ignore of {files.source}"
            )
    try:
        space = ListedSpace(
            name=name,
            networks=frame[files.settings.network].tolist(),
            columns=parameters,
            costs={cost: values.tolist() for cost, values in costs.items()},
        )
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error}") from None
    return space, columns.costs


class _Curves:
    """The rows of a file of curves, brought into order and checked."""

    def __init__(
        self, files: TableFiles, file: Path, frame: pd.DataFrame, columns: CurveColumns, space: ListedSpace
    ) -> None:
        self._files, self._file, self._frame, self._columns, self._space = files, file, frame, columns, space

    def read(self) -> tuple[RecordedCurves, Trainings]:
        settings, frame, file = self._files.settings, self._frame, self._file
        if not len(frame):
            raise InvalidInput(f"{file} must hold at least one training, got none")
        rows = self._network_rows()
        seeds, epochs = (
            _numbers(file, frame[name], whole=True).astype(np.int64) for name in (settings.seed, settings.epoch)
        )
        order = np.lexsort((epochs, seeds, rows))
        changes = (np.diff(rows[order]) != 0) | (np.diff(seeds[order]) != 0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
        known = self._checked_epochs(rows[order], seeds[order], epochs[order], order, starts)
        names = [*self._columns.figures, *([settings.seconds] if settings.seconds in frame.columns else [])]
        figures = {name: _numbers(file, frame[name], empty=True)[order].reshape(len(starts), -1) for name in names}
        self._check_scores(figures[self._columns.score], order.reshape(len(starts), -1), known)
        if settings.seconds in figures:
            seconds = figures.pop(settings.seconds)
            self._check_seconds(seconds, order.reshape(len(starts), -1))
            figures[SECONDS_COLUMN] = seconds
        curves = RecordedCurves(epochs=tuple(known.tolist()), figures=figures)
        count = self._checked_seeds(rows[order][starts])
        first = np.concatenate([[0], np.cumsum(count)])
        return curves, Trainings([network.arch_id for network in self._space.networks], first, curves)

    def _network_rows(self) -> NDArray[np.int64]:
        """Return the place of each row's network on the list."""
        names = self._frame[self._files.settings.network]
        places = {network.arch_id: network.row for network in self._space.networks}
        _require_names(self._file, names)
        known = np.array([places.get(name, -1) for name in names.cat.categories], np.int64)
        rows = known[names.cat.codes.to_numpy()]
        unknown = np.flatnonzero(rows < 0)
        if len(unknown):
            raise InvalidInput(
                f"{self._file} row {unknown[0] + 2}: {names.name} must be one of {self._files.networks.name},"
                f" got {names.iloc[unknown[0]]!r}"
            )
        found: NDArray[np.int64] = rows
        return found

    def _checked_epochs(
        self,
        rows: NDArray[np.int64],
        seeds: NDArray[np.int64],
        epochs: NDArray[np.int64],
        order: NDArray[np.intp],
        starts: NDArray[np.intp],
    ) -> NDArray[np.int64]:
        """Return the epochs that every training has, after a check that each has all of them once."""
        known = np.unique(epochs).astype(np.int64)
        if known[0] < 1:
            row = order[int(np.argmin(epochs))] + 2
            raise InvalidInput(f"{self._file} row {row}: {self._files.settings.epoch} must be at least 1, got {known[0]}")
        sizes = np.diff(np.append(starts, len(epochs)))
        whole = (sizes == len(known)).all() and (epochs.reshape(len(starts), -1) == known).all()
        if whole:
            return known
        for start, size in zip(starts, sizes, strict=True):
            own = epochs[start : start + size]
            twice = np.flatnonzero(np.diff(own) == 0)
            of = f"of network {self._space.networks[rows[start]].arch_id} with seed {seeds[start]}"
            if len(twice):
                row = order[start + twice[0] + 1] + 2
                raise InvalidInput(f"{self._file} row {row}: epoch {own[twice[0]]} {of} must be given once, got it again")
            missing = known[~np.isin(known, own)]
            if len(missing):
                raise InvalidInput(
                    f"{self._file}: every training must have the same {len(known)} epochs, {known[0]} to {known[-1]},"
                    f" but that {of} has no epoch {missing[0]}"
                )
        raise AssertionError("a training that is not whole lacks an epoch or has one twice")

    def _check_scores(self, scores: Array, order: NDArray[np.intp], epochs: NDArray[np.int64]) -> None:
        """Refuse an epoch that has a score in some trainings only, and a last epoch without one."""
        missing = np.isnan(scores)
        required: NDArray[np.bool_] = np.asarray(~missing.all(axis=0))
        required[-1] = True
        holes = np.argwhere(missing & required)
        if len(holes):
            training, place = holes[0]
            rule = "in the last epoch" if place == len(epochs) - 1 else "in an epoch of all trainings or of none"
            raise InvalidInput(
                f"{self._file} row {order[training, place] + 2}: {self._columns.score} must be given {rule}, got nothing"
            )

    def _check_seconds(self, seconds: Array, order: NDArray[np.intp]) -> None:
        rising = np.diff(seconds, axis=1, prepend=0.0) > 0
        if not rising.all():
            training, place = np.argwhere(~rising)[0]
            raise InvalidInput(
                f"{self._file} row {order[training, place] + 2}: {self._files.settings.seconds} must be given in every epoch"
                f" and be above that of the epoch before, got {seconds[training, place]:g}"
            )

    def _checked_seeds(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many trainings each network has (n,)."""
        count: NDArray[np.int64] = np.bincount(rows, minlength=self._space.count())
        least = self._files.settings.seeds
        few = np.flatnonzero(count < least)
        if len(few):
            others = f" (and {len(few) - 1} more)" if len(few) > 1 else ""
            raise InvalidInput(
                f"{self._file}: every network must have trainings with at least {least} seed{'s' if least > 1 else ''},"
                f" but {self._space.networks[few[0]].arch_id}{others} has {count[few[0]]}"
            )
        return count


def _read(file: Path, *, names: str) -> pd.DataFrame:
    """Return the cells of a CSV file, numbers where a column holds nothing else, and empty cells as NaN.

    The column of ``names`` holds texts, each different one once: a file may have millions of rows.
    """
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        lines = io.StringIO(content.decode("utf-8-sig").rstrip("\r\n"), newline="")
        rows = csv.reader(lines, strict=True)
        columns = next(rows, [])
        if not columns:
            raise InvalidInput(f"{file} row 1: must name its columns, got none")
        require(file, columns, columns)
        width = len(next(rows, columns))
        if width != len(columns):
            raise InvalidInput(f"{file} row 2: must have {len(columns)} cells, got {width}")
        lines.seek(0)
        frame: pd.DataFrame = pd.read_csv(
            lines,
            dtype={name: str for name in columns if name == names},
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            low_memory=False,
        )
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} must be UTF-8 text") from None
    except (OSError, EOFError, zlib.error, csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InvalidInput(f"{file} must be a table of comma-separated values: {first_line(error)}") from None
    if names in frame.columns:
        frame[names] = frame[names].astype("category")
    return frame


def _numbers(
    file: Path, column: pd.Series[Any], *, at_least: float | None = None, whole: bool = False, empty: bool = False
) -> Array:
    """Return a column as finite numbers, ``whole`` ones of at least 0; cells that may be ``empty`` become NaN.

    Raises:
        InvalidInput: a cell holds something else.
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    right = np.isfinite(values)
    if whole:
        at_least = 0.0
        right &= values == np.floor(values)
    if at_least is not None:
        right &= values >= at_least
    if empty:
        right |= column.isna().to_numpy()
    wrong = np.flatnonzero(~right)
    if len(wrong):
        cell = column.iloc[wrong[0]]
        rule = "a whole number" if whole else "a finite number" if at_least is None else "a number of at least 0"
        raise InvalidInput(
            f"{file} row {wrong[0] + 2}: {column.name} must be {rule}, got {'nothing' if pd.isna(cell) else repr(str(cell))}"
        )
    return values


def _require_names(file: Path, column: pd.Series[Any]) -> None:
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise InvalidInput(f"{file} row {missing[0] + 2}: {column.name} must be given, got nothing")


def _values(file: Path, column: pd.Series[Any]) -> list[Scalar]:
    """Return the values of a parameter: whole numbers, numbers, or texts."""
    _require_names(file, column)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return [str(value) for value in column]
    numbers = _numbers(file, column)
    whole = bool((numbers == np.floor(numbers)).all())
    return [int(value) if whole else float(value) for value in numbers]
