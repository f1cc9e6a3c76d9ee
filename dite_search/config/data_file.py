"""The data of a command: a folder, or a file with the fields of ``data`` of a search file, and options that go before."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dite_search.config.data_section import DataSection
from dite_search.config.mistakes.sentences import file_error, sentences_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping
from trainers.data.config import DataConfig
from trainers.data.formats.own_keypoints import REPEATED

DATA_FILES = (".yaml", ".yml", ".json")
"""Endings of a file with the fields of ``data``."""


def data_config_of(place: str | Path, options: Mapping[str, Any]) -> DataConfig:
    """Return the data set in a folder, or of a file with the fields of ``data``.

    Args:
        place: The folder, or the file; relative paths in the file count from the folder of the file.
        options: Fields of ``data`` by their names that a user gives besides. A value of None, and one that is the default of
            its field, leaves the file's.

    Raises:
        InvalidInput: a field breaks its rule; the message names it.
    """
    file = Path(place)
    values: dict[str, Any] = {"root": str(file.absolute())}
    if file.suffix in DATA_FILES and file.is_file():
        given = read_mapping(file)
        if given.get("synthetic") is not None:
            raise InvalidInput(f"{file} must name people that are there: synthetic ones are of a search file")
        values = {**given, "root": str((file.parent / str(given.get("root") or ".")).absolute())}
        if isinstance(values.get("keypoints"), str):
            values["keypoints"] = str(file.parent / values["keypoints"])
        values = _with_repeated(values, file.parent)
    defaults = {field.name: field.default for field in dataclasses.fields(DataConfig)} | {"split": None}
    values |= {name: value for name, value in options.items() if value is not None and value != defaults.get(name)}
    try:
        section = DataSection.model_validate(values)
    except ValidationError as error:
        raise file_error(str(place), _sentences(error)) from None
    return section.data_config(Path(values["root"]))


def _with_repeated(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return fields of ``data`` whose second file of labels, where there is one, counts from a folder."""
    points = values.get("keypoints")
    if not isinstance(points, dict):
        return values
    sigmas = points.get("sigmas")
    if not isinstance(sigmas, dict) or not isinstance(sigmas.get(REPEATED), str):
        return values
    return values | {"keypoints": {**points, "sigmas": {REPEATED: str(folder / sigmas[REPEATED])}}}


def _sentences(error: ValidationError) -> list[str]:
    """Return every problem in one sentence; the option names the format already."""
    found = sentences_of(error, DataSection, "the data")
    return [re.sub(r"^(unknown \w+_split) of format \w+", r"\1", sentence) for sentence in found]
