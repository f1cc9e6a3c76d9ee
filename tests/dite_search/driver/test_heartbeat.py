"""A watch over something that stops answering."""

from __future__ import annotations

import threading

import pytest

from dite_search.driver.heartbeat import Heartbeat, ReplacedError

pytestmark = pytest.mark.xdist_group("clock")
SOON = 10.0
"""Seconds in which a thread must have come to its turn."""


@pytest.fixture
def lost():
    return threading.Event()


def silent(*, after):
    """Answers so often, then waits for ever."""
    answered = iter(range(after))

    def ask():
        if next(answered, None) is None:
            threading.Event().wait()

    return ask


def failing(*, after):
    """Answers so often, then raises."""
    answered = iter(range(after))

    def ask():
        if next(answered, None) is None:
            raise ConnectionError("gone")

    return ask


@pytest.mark.parametrize("kind", [silent, failing])
@pytest.mark.parametrize("after", [0, 3])
def test_what_answers_no_more_is_told_once(kind, after, lost):
    told = []
    heartbeat = Heartbeat(
        kind(after=after), lost=lambda: (told.append(heartbeat.silence), lost.set()), limit=0.05, every=0.01
    )
    with heartbeat.kept():
        assert lost.wait(SOON)
    (silence,) = told
    assert silence >= 0.05


def test_what_answers_is_never_told(lost):
    enough = threading.Event()
    asked = []

    def ask():
        asked.append(True)
        if len(asked) == 30:
            enough.set()

    # Half a second of silence, where it answers each hundredth.
    with Heartbeat(ask, lost=lost.set, limit=0.5, every=0.01).kept():
        assert enough.wait(SOON)
    assert not lost.is_set()


def test_an_answer_in_time_begins_the_count_anew():
    told = []
    # The counts of answers at each look: silent twice, answered, silent for three looks.
    answers = iter([0, 0, 1, 1, 1, 1])
    heartbeat = Heartbeat(
        lambda: None, lost=lambda: told.append(heartbeat.silence), limit=15.0, every=5.0, sleep=lambda _: tell(next(answers))
    )

    def tell(count):
        heartbeat._answers = count

    heartbeat.looking()
    assert told == [15.0]
    assert next(answers, None) is None


def test_nothing_is_told_once_the_block_has_ended(lost):
    with Heartbeat(silent(after=0), lost=lost.set, limit=0.05, every=0.05).kept():
        pass
    assert not lost.wait(0.3)


def test_what_was_replaced_is_told_at_once(lost):
    def ask():
        raise ReplacedError

    with Heartbeat(ask, lost=lost.set, limit=1000.0, every=0.01).kept():
        assert lost.wait(SOON)
