"""Trying again: pauses that double, an end, and errors that are not waited for."""

from __future__ import annotations

import math
import pickle
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.retry import RetryPolicy


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def policy(self, **changes) -> RetryPolicy:
        return RetryPolicy(clock=lambda: self.now, sleep=self.sleep, **changes)


def failing(times: float, error: type[Exception] = ConnectionError):
    """An action that fails so many times before it returns how often it was tried."""
    tried = 0

    def action() -> int:
        nonlocal tried
        tried += 1
        if tried <= times:
            raise error(f"failure {tried}")
        return tried

    return action


def is_connection(error: Exception) -> bool:
    return isinstance(error, ConnectionError)


@given(st.floats(0.01, 100), st.floats(0.01, 1000), st.integers(1, 10**9))
def test_pauses_double_up_to_the_longest(first, longest, failures):
    policy = RetryPolicy(first_seconds=first, longest_seconds=longest)
    assert policy.pause_after(1) == min(first, longest)
    pause, later = policy.pause_after(failures), policy.pause_after(failures + 1)
    assert 0 < pause <= longest
    assert later == min(2 * pause, longest) or failures > 64


# A clock at 100 s does not tell times that are shorter than its steps.
@given(st.integers(0, 30), st.just(0.0) | st.floats(1e-6, 500), st.integers(1, 12))
def test_an_action_is_tried_until_the_time_or_the_tries_are_used_up(failures, seconds, tries):
    time, told = Time(), []
    policy = time.policy(total_seconds=seconds, tries=tries)
    waited = sum(map(policy.pause_after, range(1, failures)))
    gives_up = failures >= tries or (failures > 0 and waited >= seconds)
    expected = pytest.raises(ConnectionError, match=r"^failure \d+$") if gives_up else nullcontext()
    with expected:
        assert policy.call(failing(failures), is_passing=is_connection, tell=told.append) == failures + 1
    if gives_up:
        assert len(time.pauses) + 1 == tries or sum(time.pauses) == pytest.approx(seconds)
    assert len(told) == len(time.pauses) < tries
    assert time.now - 100.0 <= seconds + 1e-9
    if len(time.pauses) > 1:
        assert time.pauses[:-1] == [policy.pause_after(number) for number in range(1, len(time.pauses))]


def test_an_error_that_waiting_does_not_mend_is_raised_at_once():
    time, told = Time(), []
    with pytest.raises(PermissionError, match="failure 1"):
        time.policy().call(failing(3, PermissionError), is_passing=is_connection, tell=told.append)
    assert (time.pauses, told) == ([], [])


def test_an_interruption_is_no_failure():
    time = Time()
    with pytest.raises(KeyboardInterrupt):
        time.policy().call(failing(1, KeyboardInterrupt), is_passing=lambda error: True)
    assert time.pauses == []


def test_a_policy_tries_for_ever_unless_it_is_told_otherwise():
    assert RetryPolicy().tries == RetryPolicy().total_seconds == math.inf
    assert pickle.loads(pickle.dumps(RetryPolicy(tries=3))) == RetryPolicy(tries=3)


@pytest.mark.parametrize(
    ("module", "name", "pauses"),
    [
        ("trainers.checkpoints.retry", "STORAGE_RETRY", [1, 2, 4, 8, 16, 32, 60, 60]),
        ("trainers.checkpoints.files", "REQUEST_RETRY", [0.5, 1, 2]),
        ("dite_search.driver.trainable", "START_RETRY", [2, 4, 8, 16, 32, 60, 60]),
        ("dite_search.storage.outbox", "WRITE_RETRY", [1, 2, 4, 8, 16, 30, 30]),
        ("dite_search.tracking.mirror", "SEARCH_RETRY", [1, 2, 4, 8, 16, 32, 60, 60]),
        ("dite_search.tracking.mirror", "END_RETRY", [1, 2, 2]),
        ("dite_search.jobs.job_server", "SUBMIT_RETRY", [1, 1, 1]),
    ],
)
def test_each_policy_of_the_packages_waits_as_it_says(module, name, pauses):
    policy = getattr(pytest.importorskip(module), name)
    assert [policy.pause_after(number) for number in range(1, len(pauses) + 1)] == pauses
