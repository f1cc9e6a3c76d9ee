"""Search files as commands read them: weights that trainings begin or learn from may be those of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dite_search.config.search_config import SearchConfig, load_search
from dite_search.config.validation import VARIABLE, expanded
from dite_search.tasks.network_reference import weights_named
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping


def read_search(
    path: str | Path,
    *,
    data_root: str | None = None,
    changes: Mapping[str, Any] | None = None,
    data_changes: Mapping[str, Any] | None = None,
) -> SearchConfig:
    """Read a search file as `load_search` does, with ``STUDY:TRIAL`` for ``start_from`` and for the teacher.

    Args:
        path: The search file.
        data_root: The folder of the data, in place of ``data.root``.
        changes: Top-level fields in place of the file's.
        data_changes: Fields of ``data`` in place of the file's.

    Raises:
        InvalidInput: as `load_search`; a trial does not exist, or has no checkpoint.
    """
    given = {name: value for name, value in (changes or {}).items() if value is not None}
    values = read_mapping(path) | given
    named = with_trials(values, str(path))
    if named != values:
        given["training"] = named["training"]
    return load_search(path, data_root=data_root, changes=given, data_changes=data_changes)


def with_trials(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the fields of a search with the checkpoints of the trials that ``training`` names.

    Raises:
        InvalidInput: a trial does not exist, or has no checkpoint.
    """
    training, directory = values.get("training"), values.get("directory", "runs")
    if not isinstance(training, dict) or not isinstance(directory, str):
        return dict(values)
    try:
        directory = expanded({"directory": directory})["directory"]
    except InvalidInput as error:
        raise InvalidInput(f"{source}: {error}") from None
    try:
        return {**values, "training": _with_trials(training, directory)}
    except InvalidInput as error:
        raise InvalidInput(f"{source}: training.{error}") from None


def _with_trials(training: Mapping[str, Any], directory: str) -> dict[str, Any]:
    """Return the section with the checkpoints of the trials that it names; the message names the field."""
    found = dict(training)
    if "start_from" in found:
        found["start_from"] = _file(found["start_from"], "start_from", directory)
    distill = found.get("distill")
    if isinstance(distill, dict) and "teacher" in distill:
        found["distill"] = distill | {"teacher": _file(distill["teacher"], "distill.teacher", directory)}
    return found


def _file(value: Any, field: str, directory: str) -> Any:
    if not isinstance(value, str) or VARIABLE.search(value):
        return value
    try:
        return weights_named(value, directory=directory)
    except InvalidInput as error:
        raise InvalidInput(f"{field}: {error}") from None
