"""Waiting for a storage that is full or does not answer."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from search_spaces.common.errors import InvalidInput, StorageFull, StorageUnavailable

T = TypeVar("T")

Note = Callable[[str], None]
"""Takes one sentence for whoever watches a training."""

FULL = (errno.ENOSPC, errno.EDQUOT)
PASSING = (errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH)
"""Error numbers of a network file system whose server is away."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries: the first, doubled with each, and the most."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """For how many ``seconds`` a training waits until a storage takes or gives its checkpoint."""

    seconds: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_done(self, action: Callable[[], T], note: Note) -> T:
        """The value of ``action``, tried again while its storage has no room or no answer; ``note`` is told once of each.

        Raises:
            StorageUnavailable: the last one, when the time is over.
        """
        began, pause = self.clock(), FIRST_PAUSE
        told: type[StorageUnavailable] | None = None
        while True:
            try:
                value = action()
            except StorageUnavailable as error:
                left = began + self.seconds - self.clock()
                if left <= 0:
                    raise
                if told is not type(error):
                    told = type(error)
                    note(f"{error}; goes on once {'there is' if told is StorageFull else 'it can be'}")
                self.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if told:
                note("the storage is there again: going on")
            return value

    def until_written(self, write: Callable[[], T], path: Path, note: Note) -> T:
        """The value of ``write``, which puts a file at ``path``, tried again as in `until_done`.

        Raises:
            StorageUnavailable: the last one, when the time is over.
            InvalidInput: the file cannot be written, for a reason that waiting does not change.
        """

        def attempt() -> T:
            try:
                return write()
            except OSError as error:
                raise storage_error(str(path), path, error) from error

        return self.until_done(attempt, note)


def storage_error(what: str, path: Path, error: OSError) -> InvalidInput:
    """The error for a file that could not be written: one that says to try again where that may help."""
    sentence = f"{what} cannot be written: "
    if error.errno in FULL:
        return StorageFull(f"{sentence}no space left in {path.parent}")
    kind = StorageUnavailable if error.errno in PASSING else InvalidInput
    return kind(sentence + (error.strerror or str(error)))
