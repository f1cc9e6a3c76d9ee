"""Fields of files: variables filled in, and how some fields replace others."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from dite_search.config.data_section import DATA_PATHS, PLACE_PATHS
from dite_search.config.sections import URLS
from dite_search.config.sqlite_url import anchored
from search_spaces.common.errors import InvalidInput
from trainers.data.formats.layout import NAMES


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with some replaced; of a section, only what is given of it."""
    found = dict(values)
    for name, value in changes.items():
        part = isinstance(value, Mapping) and isinstance(found.get(name), dict)
        found[name] = {**found[name], **value} if part else value
    return found


VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
"""``${NAME}`` or ``${NAME:-default}``: an environment variable in a path or a URL."""


def expanded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a search file with environment variables filled in where they hold paths and URLs.

    Raises:
        InvalidInput: a variable is not set.
    """
    data, warm = values.get("data"), values.get("warm_start")
    if isinstance(warm, dict) and isinstance(warm.get("studies"), list | tuple):
        studies = [_expand(name, "warm_start.studies") if isinstance(name, str) else name for name in warm["studies"]]
        values["warm_start"] = warm | {"studies": studies}
    training = values.get("training")
    if isinstance(training, dict):
        teacher = training.get("distill")
        values["training"] = training = dict(training)
        if isinstance(teacher, dict):
            training["distill"] = teacher = dict(teacher)
    else:
        teacher = None
    for section, names in (
        (training, ("start_from",)),
        (teacher, ("teacher",)),
        (values, ("directory", "checkpoints", *URLS)),
        (data, DATA_PATHS),
        *((data.get(name), PLACE_PATHS) for name in NAMES if isinstance(data, dict)),
    ):
        if isinstance(section, dict):
            for name in names:
                if isinstance(section.get(name), str):
                    section[name] = _expand(section[name], name)
    return values | {name: anchored(values[name]) for name in URLS if isinstance(values.get(name), str)}


def _expand(text: str, field: str) -> str:
    def replace(match: re.Match[str]) -> str:
        value = os.environ.get(match[1], match[2])
        if value is None:
            raise InvalidInput(f"{field} needs the environment variable {match[1]}, which is not set")
        return value

    return VARIABLE.sub(replace, text)
