"""The studies of a folder: their state, how far they are, and the room that they take."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.pareto.front import scored
from analysis.study.records import StudyRecord
from dite_search.config.search_config import SearchConfig
from dite_search.spending.state import budget_state
from dite_search.storage.lease import holder_of
from dite_search.study.directory import DELETION_FILE, SEARCH_FILE, load_config
from dite_search.study.reader import read_study
from dite_search.study.study import storage_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import gain

RUNNING, FINISHED, PAUSED, CUT_OFF = "running", "finished", "paused", "cut off"
NEW, DELETING, UNREADABLE = "not begun", "being deleted", "unreadable"
"""States of a study. One with trials left was paused, or cut off where its driver died."""


@dataclass(frozen=True, kw_only=True)
class ListedStudy:
    """A study as it is listed.

    Args:
        name: The name of its folder.
        state: One of the states above.
        size: Bytes of its folder.
        trials: The trials that have ended, of those asked for.
        asked: The trials that the search asks for; None for any number.
        accuracy: The name of the accuracy that networks are ranked by.
        best: The best accuracy; None before a trial is complete.
        best_trial: The trial that has it.
        problem: The sentence on a study that cannot be read.
    """

    name: str
    state: str
    size: int
    trials: int = 0
    asked: int | None = 0
    accuracy: str = ""
    best: float | None = None
    best_trial: int | None = None
    problem: str = ""

    def to_dict(self) -> Mapping[str, Any]:
        """Return plain values."""
        return vars(self)


def studies_in(directory: Path) -> list[ListedStudy]:
    """Return the studies of a folder by name; one that cannot be read is listed with the reason."""
    folders = sorted(file.parent for file in directory.glob(f"*/{SEARCH_FILE}"))
    return [_listed(folder) for folder in folders]


def _listed(folder: Path) -> ListedStudy:
    size = size_of(folder)
    if (folder / DELETION_FILE).exists():
        return ListedStudy(name=folder.name, state=DELETING, size=size)
    try:
        config = load_config(folder)
        record = read_study(config)
        state = _state_of(config, record)
    except InvalidInput as error:
        return ListedStudy(name=folder.name, state=UNREADABLE, size=size, problem=str(error))
    score = config.accuracy
    best = max(scored(record), key=lambda trial: gain(score, trial.values[score]), default=None)
    return ListedStudy(
        name=folder.name,
        state=state,
        size=size,
        trials=record.spent,
        asked=config.trials,
        accuracy=score,
        best=best.values[score] if best else None,
        best_trial=best.number if best else None,
    )


def _state_of(config: SearchConfig, record: StudyRecord) -> str:
    holder = holder_of(config.name, storage_of(config))
    if holder and holder.state == "drives":
        return RUNNING
    if not budget_state(config, record, time.time()).has_work:
        return FINISHED
    if holder is None:
        return PAUSED if record.trials else NEW
    return CUT_OFF if holder.state == "gone" else PAUSED


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder, links not followed; a file that goes meanwhile counts for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def size_words(size: float) -> str:
    """Return bytes in the unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
