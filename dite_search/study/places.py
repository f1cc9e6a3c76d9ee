"""Where the paths of a study's search file lead, after the study was moved or from another working directory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dite_search.config.data_section import DATA_PATHS, PLACE_PATHS, UNDER_ROOT
from dite_search.config.sections import URLS
from dite_search.config.sqlite_url import sqlite_file, sqlite_url
from trainers.data.formats.layout import NAMES

PROVENANCE_FILE = "provenance.json"
SPLIT_FILE = "split.json"
"""The images of each split, where a share of all was drawn: a list as ``data.split`` takes it."""
REPORT_PAGE = "report/report.html"
"""The page of the report, in the study's folder."""
WORKING_DIRECTORY = "working_directory"
"""In the provenance of a study: from where its search was started."""


def followed(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The fields of the search file in ``folder``, with the paths that lead on from where the folder is now.

    A new study has absolute paths. Where its folder was moved or copied, the files beside it were moved or copied too. A
    path then leads to the same place relative to the folder of the studies, if something is there. A path that leads nowhere
    is looked for below the working directory, if it was below that when the search was started.

    A study of an earlier version has paths as they were given. A relative path is read from the folder in which the search
    was started, as far as its relative ``directory`` tells. Else it is read from the working directory.
    """
    lead = _leader(values, folder)
    found = dict(values)
    for name in ("checkpoints", *URLS):
        if isinstance(found.get(name), str):
            found[name] = _led(found[name], lead)
    data, warm, space = found.get("data"), found.get("warm_start"), found.get("space")
    if isinstance(space, dict) and _is_file(space.get("base")):
        found["space"] = space | {"base": lead(space["base"])}
    elif _is_file(space):
        found["space"] = lead(str(space))
    if isinstance(data, dict):
        found["data"] = _data(data, lead)
    if isinstance(warm, dict) and isinstance(warm.get("studies"), list):
        found["warm_start"] = warm | {"studies": [lead(name) if isinstance(name, str) else name for name in warm["studies"]]}
    return found


def _data(data: dict[str, Any], lead: Callable[[str], str]) -> dict[str, Any]:
    """The section of the data with its paths led on; those that count from the root follow it by themselves."""

    def led(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        paths = {name: path for name in names if isinstance(path := fields.get(name), str)}
        return {name: lead(path) for name, path in paths.items() if name not in UNDER_ROOT or Path(path).is_absolute()}

    places = {name: place | led(place, PLACE_PATHS) for name in NAMES if isinstance(place := data.get(name), dict)}
    return data | led(data, DATA_PATHS) | places


def _is_file(base: Any) -> bool:
    """Whether the base of a space is an architecture file."""
    return isinstance(base, str) and base.endswith((".yaml", ".yml", ".json"))


def _led(text: str, lead: Callable[[str], str]) -> str:
    """A place that may be a URL; what is on a server, or in a variable, stays."""
    if "://" not in text:
        return lead(text)
    file = sqlite_file(text, Path()) if text.startswith("sqlite") and "${" not in text and "?" not in text else None
    return sqlite_url(Path(led)) if file and (led := lead(str(file))) != str(file) else text


def _leader(values: Mapping[str, Any], folder: Path) -> Callable[[str], str]:
    made_in, now = Path(str(values.get("directory", ""))), os.path.normpath(folder.parent)
    before = os.path.normpath(made_in) if made_in.is_absolute() else now
    started = _started(made_in, folder)
    working_directory = _working_directory(folder)

    def lead(path: str) -> str:
        if "${" in path or not path:
            return path
        if not os.path.isabs(path):
            candidate = started / path if started else None
            return str(candidate) if candidate and candidate.exists() else path
        if before != now and os.path.commonpath([os.path.normpath(path), before]) != os.sep:
            candidate = Path(os.path.normpath(os.path.join(now, os.path.relpath(path, before))))
            if candidate.exists():
                return str(candidate)
        if working_directory and not Path(path).exists() and Path(path).is_relative_to(working_directory):
            candidate = Path.cwd() / Path(path).relative_to(working_directory)
            if candidate.exists():
                return str(candidate)
        return path

    return lead


def _started(directory: Path, folder: Path) -> Path | None:
    """The folder in which a search was started that keeps its studies in a relative ``directory``."""
    parts, there = directory.parts, folder.parent.parts
    if directory.is_absolute() or not parts or ".." in parts or there[-len(parts) :] != parts:
        return None
    return Path(*there[: -len(parts)])


def _working_directory(folder: Path) -> Path | None:
    try:
        found = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))[WORKING_DIRECTORY]
        return Path(found) if os.path.isabs(found) else None
    except (OSError, ValueError, LookupError, TypeError):
        # It says where to look for what is gone; without it nothing is looked for.
        return None
