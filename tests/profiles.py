"""Hypothesis profiles: ``commit`` for every change, in minutes, and ``nightly`` for what more examples may find.

``pytest --hypothesis-profile nightly`` takes the second. A test without hypothesis asks `by_profile` how much it does,
and is marked ``longer``.
"""

from __future__ import annotations

from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck

Amount = TypeVar("Amount")

COMMIT, NIGHTLY = "commit", "nightly"
NIGHTLY_FACTOR = 10
"""Examples of a nightly run for each one of a commit, where a test does not say."""


def register_profiles() -> None:
    """Register both profiles and load ``commit``; ``--hypothesis-profile`` loads the other before tests are imported."""
    # The same examples for every run of a change; new ones each night, which a failure prints.
    hypothesis.settings.register_profile(
        COMMIT, deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis.settings.register_profile(
        NIGHTLY,
        deadline=None,
        derandomize=False,
        max_examples=100 * NIGHTLY_FACTOR,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.settings.load_profile(COMMIT)


def by_profile(commit: Amount, nightly: Amount) -> Amount:
    """Return how much a test does: ``nightly`` in the profile of that name, ``commit`` in any other."""
    return nightly if hypothesis.settings.get_current_profile_name() == NIGHTLY else commit


def examples(commit: int, nightly: int | None = None) -> hypothesis.settings:
    """Return the settings of a test that takes so many examples at a commit, and more in a nightly run."""
    return hypothesis.settings(max_examples=by_profile(commit, nightly or commit * NIGHTLY_FACTOR))
