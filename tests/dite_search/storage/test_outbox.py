"""Writes that wait for a database."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.storage.outbox import WRITE_RETRY, Outbox


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_writes_wait_in_order_and_are_tried_ever_less_often():
    clock, told, written, tries = Clock(), [], [], []
    there = [False]

    def write(name):
        tries.append(clock.now)
        if not there[0]:
            raise ConnectionError
        written.append(name)

    outbox = Outbox("the database", ConnectionError, note=told.append, clock=clock)
    for name in ("a", "b", "c"):
        assert not outbox.put(lambda name=name: write(name))
    while clock.now < 100:
        clock.now += 0.5
        outbox.flush()
    assert len(outbox) == 3
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    there[0] = True
    clock.now += WRITE_RETRY.longest_seconds
    assert outbox.flush()
    assert written == ["a", "b", "c"]
    assert told == [
        "the database does not answer; trainings go on, and what they report waits to be written",
        "the database answers again",
    ]


@given(st.lists(st.booleans(), max_size=60))
def test_whatever_fails_in_between_everything_is_written_once_and_in_order(answers):
    clock, written, answer = Clock(), [], iter(answers)
    outbox = Outbox("it", ConnectionError, clock=clock)

    def write(number):
        if not next(answer, True):
            raise ConnectionError
        written.append(number)

    for number in range(8):
        outbox.put(lambda number=number: write(number))
        clock.now += 3
    while not outbox.flush():
        clock.now += WRITE_RETRY.longest_seconds
    assert written == list(range(8))


def test_other_errors_are_not_hidden():
    outbox = Outbox("it", ConnectionError)
    try:
        outbox.put(lambda: 1 / 0)
    except ZeroDivisionError:
        return
    raise AssertionError("it was hidden")


@pytest.mark.parametrize("words", ["database or disk is full", "could not extend file: No space left on device"])
def test_a_full_disk_is_told_as_what_it_is(words):
    notes, full = [], ConnectionError("An exception is raised during the commit.")
    full.__cause__ = OSError(words)
    Outbox("the study's database", ConnectionError, note=notes.append, clock=lambda: 0.0).failed(full)
    assert notes == ["the study's database has no room; trainings go on, and what they report waits to be written"]


def test_an_outage_of_a_week_is_waited_for():
    """A pause that doubled without end would overflow after some hours."""
    clock, there, written = Clock(), [False], []
    outbox = Outbox("it", ConnectionError, clock=clock)

    def write():
        if not there[0]:
            raise ConnectionError
        written.append("a")

    outbox.put(write)
    for _ in range(7 * 24 * 120):
        clock.now += 30
        assert not outbox.flush()
    there[0] = True
    clock.now += 30
    assert outbox.flush()
    assert written == ["a"]
