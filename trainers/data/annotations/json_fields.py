"""Fields of entries in JSON files that users supply: each is checked, and a broken one named."""

from __future__ import annotations

import math
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import Box

LARGEST_COORDINATE = 1e15
"""Of any coordinate, in pixels either way: beyond, a float does not tell a pixel from its neighbours."""
_KINDS = {int: "a whole number", float: "a finite number", str: "text", list: "a list", dict: "an object"}


def field(entry: Any, key: str, kind: type, where: str) -> Any:
    """``entry[key]``, which must be of that kind; ``where`` names the entry in the InvalidInput it raises otherwise."""
    if not isinstance(entry, dict):
        raise InvalidInput(f"{where} must be an object, got {shown(entry)}")
    if key not in entry:
        raise InvalidInput(f"{where} must have {key!r}, got only {sorted(entry)}")
    value = entry[key]
    fits = is_finite(value) if kind is float else isinstance(value, kind) and not isinstance(value, bool)
    if not fits:
        raise InvalidInput(f"{key!r} of {where} must be {_KINDS[kind]}, got {shown(value)}")
    return value


def box_field(entry: Any, where: str) -> Box:
    """``entry["bbox"]``: x, y, width, height, the sizes not negative."""
    values = field(entry, "bbox", list, where)
    if len(values) != 4 or not all(is_finite(value) for value in values) or values[2] < 0 or values[3] < 0:
        raise InvalidInput(f"'bbox' of {where} must be 4 finite numbers x, y, width >= 0, height >= 0, got {shown(values)}")
    if not all(is_coordinate(value) for value in values):
        raise InvalidInput(f"'bbox' of {where} must be of numbers up to {LARGEST_COORDINATE:g}, got {shown(values)}")
    x, y, width, height = (float(value) for value in values)
    return x, y, width, height


def file_name_field(entry: Any, key: str, where: str) -> str:
    """``entry[key]``, a relative path that stays inside the folder it is meant for, on POSIX and on Windows."""
    file_name: str = field(entry, key, str, where)
    parts = {*PurePosixPath(file_name).parts, *PureWindowsPath(file_name).parts}
    anchored = file_name.startswith(("/", "\\")) or PureWindowsPath(file_name).drive
    if not parts or anchored or ".." in parts or "\0" in file_name:
        raise InvalidInput(f"{key!r} of {where} must stay inside the image folder, got {file_name!r}")
    return file_name


def is_finite(value: object) -> bool:
    """Whether a value read from JSON is a number that is neither infinite nor too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_coordinate(value: float) -> bool:
    """Whether a finite number can be a coordinate or a length in pixels."""
    return abs(value) <= LARGEST_COORDINATE


def shown(value: Any) -> str:
    """A value as a message quotes it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
