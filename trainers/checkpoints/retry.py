"""Waiting for a storage that is full or does not answer."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from search_spaces.common.errors import InvalidInput, StorageFull, StorageUnavailable
from search_spaces.common.retry import RetryPolicy

T = TypeVar("T")

Note = Callable[[str], None]
"""Takes one sentence for whoever watches a training."""

FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT)
PASSING_ERRORS = (errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH)
"""Error numbers of a network file system whose server is away."""

STORAGE_RETRY = RetryPolicy(first_seconds=1.0, longest_seconds=60.0, total_seconds=3600.0)
"""How a training waits until a storage takes or gives its checkpoint."""


def until_done(action: Callable[[], T], note: Note, retry: RetryPolicy = STORAGE_RETRY) -> T:
    """Return the value of an action, tried again while its storage has no room or no answer.

    Args:
        action: writes to a storage, or reads from one.
        note: is told once of each kind of trouble, and once of its end.
        retry: how long each pause and all together may take.

    Raises:
        StorageUnavailable: the last one, when the time is over.
    """
    told: list[type[Exception]] = []

    def tell(error: Exception) -> None:
        if told[-1:] != [type(error)]:
            told.append(type(error))
            note(f"{error}; goes on once {'there is' if told[-1] is StorageFull else 'it can be'}")

    value = retry.call(action, is_passing=lambda error: isinstance(error, StorageUnavailable), tell=tell)
    if told:
        note("the storage is there again: going on")
    return value


def until_written(write: Callable[[], T], path: Path, note: Note, retry: RetryPolicy = STORAGE_RETRY) -> T:
    """Return the value of ``write``, which puts a file at ``path``, tried again as in `until_done`.

    Raises:
        StorageUnavailable: the last one, when the time is over.
        InvalidInput: the file cannot be written, for a reason that waiting does not change.
    """

    def attempt() -> T:
        try:
            return write()
        except OSError as error:
            raise storage_error(str(path), path, error) from error

    return until_done(attempt, note, retry)


def storage_error(what: str, path: Path, error: OSError) -> InvalidInput:
    """The error for a file that could not be written: one that says to try again where that may help."""
    sentence = f"{what} cannot be written: "
    if error.errno in FULL_DISK_ERRORS:
        return StorageFull(f"{sentence}no space left in {path.parent}")
    kind = StorageUnavailable if error.errno in PASSING_ERRORS else InvalidInput
    return kind(sentence + (error.strerror or str(error)))
