"""Fields of files: what is wrong with them in one sentence, and how some replace others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from search_spaces.common.errors import unknown_name


def first_sentence(
    error: ValidationError, section_at: Callable[[tuple[Any, ...]], type[BaseModel]], whole: str = "the search file"
) -> str:
    """Return the first problem in one sentence; an unknown field is answered with the nearest known one.

    ``section_at`` gives the model at a path of fields; the empty path is that of the ``whole``.
    """
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        section = section_at(problem["loc"][:-1])
        return str(
            unknown_name(
                f"field of {'.'.join(map(str, problem['loc'][:-1])) or whole}",
                str(problem["loc"][-1]),
                section.model_fields,
            )
        )
    if problem["type"] == "missing":
        return f"{where} must be given"
    message = str(problem.get("ctx", {}).get("error", problem["msg"]))
    if not where or problem["type"] == "value_error":
        return f"{where}: {message}" if where and where not in message else message
    return f"{where}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with some replaced; of a section, only what is given of it."""
    found = dict(values)
    for name, value in changes.items():
        part = isinstance(value, Mapping) and isinstance(found.get(name), dict)
        found[name] = {**found[name], **value} if part else value
    return found
