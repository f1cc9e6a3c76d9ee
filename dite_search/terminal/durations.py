"""How long work took that cannot be counted, so that the same work can say how long it will take."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import timedelta

from platformdirs import user_cache_path

from search_spaces.common.files import write_json


class Durations:
    """The seconds that pieces of work took last, in a file of the user's cache."""

    def __init__(self) -> None:
        self._path = user_cache_path("dite-search") / "durations.json"

    def words(self, what: str) -> str:
        """Return how long the same work took last time; empty where that is not known, or was less than a second."""
        seconds = self._read().get(_kind(what), 0.0)
        return "" if seconds < 1 else f"of about {timedelta(seconds=math.ceil(seconds))}"

    def keep(self, what: str, seconds: float) -> None:
        """Keep how long some work took. A cache that cannot be written keeps nothing."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, self._read() | {_kind(what): round(seconds, 1)})

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: float(seconds) for name, seconds in found.items() if math.isfinite(seconds)}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}


def _kind(what: str) -> str:
    """Return words without their numbers and names of files: the same kind of work."""
    return " ".join("#" if any(sign in word for sign in "0123456789/.") else word for word in what.split())
