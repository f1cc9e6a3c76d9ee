"""Waiting for a storage: told once, tried with longer and longer pauses, and not for ever."""

from __future__ import annotations

import dataclasses
import errno
import os

import pytest

from search_spaces.common.errors import InvalidInput, StorageFull, StorageUnavailable
from search_spaces.common.retry import RetryPolicy
from trainers.checkpoints.retry import STORAGE_RETRY, until_done, until_written


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def on(time: Time) -> RetryPolicy:
    """The policy of storages on a clock of its own."""
    return dataclasses.replace(STORAGE_RETRY, clock=lambda: time.now, sleep=time.sleep)


def attempts(*outcomes):
    """An action with these outcomes in turn, the last for ever."""
    left = list(outcomes)

    def action():
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return action


FULL = StorageFull("checkpoint x cannot be written: no space left in y")
AWAY = StorageUnavailable("checkpoint x cannot be written: the service is away")


def test_what_succeeds_is_not_waited_for():
    time, notes = Time(), []
    assert until_done(attempts(3), notes.append, on(time)) == 3
    assert (time.pauses, notes) == ([], [])


def test_it_goes_on_once_there_is_room_and_says_so_once():
    time, notes = Time(), []
    assert until_done(attempts(FULL, FULL, FULL, "done"), notes.append, on(time)) == "done"
    assert time.pauses == [1.0, 2.0, 4.0]
    assert notes == [f"{FULL}; goes on once there is", "the storage is there again: going on"]


def test_another_trouble_is_told_too():
    time, notes = Time(), []
    until_done(attempts(FULL, AWAY, AWAY, 1), notes.append, on(time))
    assert notes[:2] == [f"{FULL}; goes on once there is", f"{AWAY}; goes on once it can be"]


@pytest.mark.parametrize("seconds", [0.0, 10.0, 3600.0])
def test_it_does_not_wait_for_ever(seconds):
    time = Time()
    with pytest.raises(StorageFull, match="checkpoint x cannot be written: no space left in y"):
        until_done(attempts(FULL), lambda _: None, dataclasses.replace(on(time), total_seconds=seconds))
    assert sum(time.pauses) == seconds
    assert max(time.pauses, default=0.0) <= 60.0


def test_what_waiting_does_not_mend_is_not_waited_for():
    time = Time()
    with pytest.raises(InvalidInput, match="denied"):
        until_done(attempts(InvalidInput("denied")), lambda _: None, on(time))
    assert time.pauses == []


def refusing(path, *numbers):
    """Writes a file, after it was refused for these reasons."""
    left = list(numbers)

    def write():
        if left:
            raise OSError(number := left.pop(0), os.strerror(number))
        path.write_text("whole")

    return write


def test_a_small_file_is_waited_for_too(tmp_path):
    time, notes, path = Time(), [], tmp_path / "x"
    write = refusing(path, errno.ENOSPC, errno.EDQUOT, errno.ESTALE)
    until_written(write, path, notes.append, on(time))
    assert path.read_text() == "whole"
    assert time.pauses == [1.0, 2.0, 4.0]
    assert notes == [
        f"{path} cannot be written: no space left in {tmp_path}; goes on once there is",
        f"{path} cannot be written: Stale file handle; goes on once it can be",
        "the storage is there again: going on",
    ]


def test_what_waiting_does_not_change_is_told_at_once(tmp_path):
    time, path = Time(), tmp_path / "x"
    with pytest.raises(InvalidInput, match=rf"^{path} cannot be written: Read-only file system$") as caught:
        until_written(refusing(path, errno.EROFS), path, print, on(time))
    assert type(caught.value) is InvalidInput
    assert time.pauses == []
