"""What a trial's process does around its training."""

from __future__ import annotations

import itertools

from dite_search.trainable import LONGEST_BACK_OFF, REMEMBERED, back_off, reason_of


def test_starts_that_follow_each_other_wait_ever_longer(tmp_path):
    waits, now = [], [1_000_000.0]
    for _ in range(9):
        before = len(waits)
        back_off(tmp_path, clock=lambda: now[0], sleep=waits.append)
        now[0] += 5 + sum(waits[before:])
    assert waits == [*itertools.takewhile(lambda wait: wait < LONGEST_BACK_OFF, (2.0**n for n in range(1, 20))), 60, 60, 60]
    now[0] += REMEMBERED
    back_off(tmp_path, clock=lambda: now[0], sleep=waits.append)
    assert len(waits) == 8
    assert not list((tmp_path / "another").glob("*"))


def test_a_clock_that_was_set_back_costs_no_wait(tmp_path):
    waits = []
    back_off(tmp_path, clock=lambda: 2_000_000.0, sleep=waits.append)
    back_off(tmp_path, clock=lambda: 1_000_000.0, sleep=waits.append)
    assert waits == []


def test_a_reason_is_the_last_line_of_the_deepest_cause():
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("several\nlines, the last of which says why")
    assert reason_of(wrapped) == "ValueError: lines, the last of which says why"
