"""The files of a table from elsewhere, and the meaning of their columns.

`table.yaml` says it where the names of files and columns do not.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from dite_search.config.mistakes.sentences import file_error, sentences_of
from dite_search.config.sections import Section
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import read_mapping, require_file
from search_spaces.common.objectives import MAXIMIZE, MINIMIZE

SETTINGS_FILE = "table.yaml"
NETWORKS_FILE = "networks.csv"
COSTS = (
    "macs|mmacs|gmacs|flops|mflops|gflops|madds",
    "params|parameters|n_params|num_params|mparams|size|size_mb|size_mbytes|model_size",
    "latency.*|energy.*|memory.*|runtime.*",
)
"""Names of columns with costs, in the order in which one is chosen where nothing else is said."""
LARGER = {"acc", "accuracy", "top1", "score", "ap", "map", "iou", "miou", "f1", "auc", "pck", "pckh50", "r2", "psnr", "bleu"}
SMALLER = {"loss", "error", "err", "perplexity", "ppl", "rmse", "mse", "mae", "wer", "cer"}
"""Words in names of columns with scores that are better where larger, and where smaller."""
VALIDATION = {"val", "valid", "validation"}
"""Words in names of scores that a search may see, where there are others of a test."""
TRAINING = {"train", "training"}
"""Words in names of figures of the training itself, which are no scores where there are others."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TableSettings(Section):
    """The fields of ``table.yaml``; each may be left out where the names of files and columns say it."""

    name: Name | None = Field(None, description="name in messages and results; default: that of the folder")
    folder: Name | None = Field(None, description="folder of the files, relative to this one; default: that of this file")
    networks: Name = Field(NETWORKS_FILE, description="file with a row for each network")
    network: Name = Field("network", description="column of the name of a network, in both files")
    parameters: tuple[Name, ...] | None = Field(
        None, description="columns of parameters; default: all that are no costs and not ignored"
    )
    costs: tuple[Name, ...] | None = Field(
        None,
        description="columns of costs that are objectives, at most three, all better where smaller; default: the first"
        " known of MACs, parameters and latency",
    )
    limits: tuple[Name, ...] | None = Field(
        None, description="columns of costs that are no objectives, for --budget; default: the other known ones"
    )
    ignore: tuple[Name, ...] = Field((), description="columns of either file that mean nothing here")
    curves: Name | dict[Name, Name] | None = Field(
        None,
        description="file with a row for each epoch of each training, or several files by a name for each; default:"
        " curves.csv or curves.csv.gz, or all curves_NAME.csv and curves_NAME.csv.gz",
    )
    seed: Name = Field("seed", description="column of the seed of a training")
    epoch: Name = Field("epoch", description="column of the epoch, from 1")
    seconds: Name = Field("seconds", description="column of the seconds since a training began, if there is one")
    score: Name | None = Field(None, description="column of the score; default: the only one with a known name")
    direction: Literal["maximize", "minimize"] | None = Field(
        None, description="whether the score is better where larger or smaller; default: by its name"
    )
    least: float | None = Field(
        None, description="score that a training at a rung must have reached before the rung stops trainings; default: none"
    )
    seeds: int = Field(1, ge=1, le=1000, description="trainings that every network must have at least")


@dataclass(frozen=True, kw_only=True)
class TableFiles:
    """Where the files of a table lie, with what is said of them.

    ``variants`` are the files of curves by name; the only one may be called by the empty name. ``source`` is the file to
    write what is missing to.
    """

    settings: TableSettings
    name: str
    networks: Path
    variants: dict[str, Path]
    source: Path

    def curves(self, variant: str | None) -> tuple[str, Path]:
        """Return a name for the table with one of its files of curves, and the file.

        Raises:
            InvalidInput: there is no such file, or none is chosen and there are several.
        """
        if variant is None and len(self.variants) > 1:
            known = ", ".join(self.variants)
            raise InvalidInput(f"table {self.name} has several files of curves: choose one with --curves ({known})")
        if variant is not None and variant not in self.variants:
            raise unknown_name(f"curves of table {self.name}", variant, self.variants)
        chosen = next(iter(self.variants)) if variant is None else variant
        return f"{self.name}/{chosen}" if chosen else self.name, self.variants[chosen]


def is_table(path: Path) -> bool:
    """Whether a path is a table from elsewhere: its settings, or a folder with them or with its networks."""
    return (path.is_file() and path.suffix in (".yaml", ".yml")) or any(
        (path / name).is_file() for name in (SETTINGS_FILE, NETWORKS_FILE)
    )


def table_files(path: Path) -> TableFiles:
    """Find the files of a table by its folder or its settings.

    Raises:
        InvalidInput: the settings are wrong, or a file is not there; the message names the file or the field.
    """
    source = path if path.is_file() else path / SETTINGS_FILE
    settings = _settings(source) if source.is_file() else TableSettings()
    folder = source.parent / (settings.folder or "")
    networks = folder / settings.networks
    require_file(networks)
    name = settings.name or (folder.resolve().name if path.is_dir() or settings.folder else source.stem)
    return TableFiles(settings=settings, name=name, networks=networks, variants=_variants(settings, folder), source=source)


def _settings(file: Path) -> TableSettings:
    try:
        return TableSettings.model_validate(read_mapping(file))
    except ValidationError as error:
        raise file_error(str(file), sentences_of(error, TableSettings, "a table")) from None


def _variants(settings: TableSettings, folder: Path) -> dict[str, Path]:
    if isinstance(settings.curves, dict):
        found = {name: folder / file for name, file in settings.curves.items()}
    elif settings.curves:
        found = {"": folder / settings.curves}
    else:
        names = {path: re.fullmatch(r"curves(?:_(.+?))?\.csv(?:\.gz)?", path.name) for path in sorted(folder.iterdir())}
        found = {match[1] or "": path for path, match in names.items() if match}
    if not found:
        raise InvalidInput(f"{folder} must hold curves.csv, curves.csv.gz or files called like curves_NAME.csv.gz")
    for path in found.values():
        require_file(path)
    return found


@dataclass(frozen=True, kw_only=True)
class NetworkColumns:
    """The columns of the file of networks: parameters, costs that are objectives, and costs for limits alone."""

    parameters: tuple[str, ...]
    costs: tuple[str, ...]
    limits: tuple[str, ...]


def network_columns(files: TableFiles, columns: Sequence[str]) -> NetworkColumns:
    """Decide on the meaning of the columns of the file of networks.

    Raises:
        InvalidInput: a column that is named is not there, or the names do not say which columns are costs.
    """
    settings, file = files.settings, files.networks
    named = (settings.parameters or (), settings.costs or (), settings.limits or ())
    require(file, columns, [settings.network, *itertools.chain(*named)])
    left = [name for name in columns if name not in (settings.network, *settings.ignore, *(settings.parameters or ()))]
    known = [name for kind in COSTS for name in left if re.fullmatch(kind, name.lower())]
    costs = settings.costs
    if costs is None:
        free = [name for name in known if name not in (settings.limits or ())]
        if not free:
            raise InvalidInput(
                f"{file}: no column has a known name of a cost ({', '.join(left) or 'none left'}):"
                f" name the costs in {files.source}, as in costs: [params]"
            )
        costs = (free[0],)
    if not 1 <= len(costs) <= 3:
        raise InvalidInput(f"{files.source}: costs must name one to three columns, got {len(costs)}")
    limits = tuple(name for name in known if name not in costs) if settings.limits is None else settings.limits
    spoken = (*costs, *limits)
    parameters = settings.parameters or tuple(name for name in left if name not in spoken)
    for name in spoken:
        if spoken.count(name) + parameters.count(name) > 1:
            raise InvalidInput(f"{files.source}: column {name} must mean one thing, got it twice")
    if not parameters:
        raise InvalidInput(f"{file} must have at least one column of a parameter beside {', '.join(columns)}")
    return NetworkColumns(parameters=parameters, costs=costs, limits=limits)


@dataclass(frozen=True, kw_only=True)
class CurveColumns:
    """The columns of a file of curves: the score and its direction, and all figures, the score among them."""

    score: str
    direction: str
    figures: tuple[str, ...]


def curve_columns(files: TableFiles, file: Path, columns: Sequence[str]) -> CurveColumns:
    """Decide on the meaning of the columns of a file of curves.

    Raises:
        InvalidInput: a column that is named is not there, or the names do not say which column is the score.
    """
    settings = files.settings
    index = [settings.network, settings.seed, settings.epoch]
    require(file, columns, [*index, *([settings.score] if settings.score else [])])
    figures = [name for name in columns if name not in (*index, settings.seconds, *settings.ignore)]
    score = settings.score or _score(files, file, figures)
    if score not in figures:
        raise InvalidInput(f"{files.source}: score must be a column of figures ({', '.join(figures)}), got {score}")
    direction = settings.direction or _direction(score)
    if direction is None:
        raise InvalidInput(
            f"{file}: the name of column {score} does not say which way it is better:"
            f" give direction in {files.source}, maximize or minimize"
        )
    return CurveColumns(score=score, direction=direction, figures=tuple(figures))


def _score(files: TableFiles, file: Path, figures: Sequence[str]) -> str:
    """Return the column that can be the score: the only one, or one that is better where larger, or else where smaller.

    Of several the one of a validation is taken.
    """
    if len(figures) == 1:
        return figures[0]
    scores = [name for name in figures if not _words(name) & TRAINING]
    for direction in (MAXIMIZE, MINIMIZE):
        found = [name for name in scores if _direction(name) == direction]
        validated = [name for name in found if _words(name) & VALIDATION]
        if len(found) == 1 or len(validated) == 1:
            return (validated or found)[0]
        scores = found or scores
    raise InvalidInput(
        f"{file}: the names of columns do not say which of {', '.join(scores or figures) or 'none'} is the score:"
        f" give score in {files.source}, or --score"
    )


def _direction(name: str) -> str | None:
    words = _words(name)
    return MINIMIZE if words & SMALLER else MAXIMIZE if words & LARGER else None


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def require(file: Path, columns: Sequence[str], names: Iterable[str]) -> None:
    """Refuse a file that does not have each of some columns once.

    Raises:
        InvalidInput: the message names the file, the column and the columns that there are.
    """
    for name in names:
        if columns.count(name) != 1:
            raise InvalidInput(f"{file} row 1: must name column {name} once, got {', '.join(columns) or 'none'}")


def with_score(files: TableFiles, score: str | None) -> TableFiles:
    """Return the files with another column as the score; its direction then follows from its name."""
    if score is None or score == files.settings.score:
        return files
    settings = files.settings.model_copy(update={"score": score, "direction": None})
    return dataclasses.replace(files, settings=settings)
