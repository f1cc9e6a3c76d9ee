"""Hypothesis profiles: ``commit`` for every change, in minutes, and ``nightly`` for what more examples may find.

``pytest --hypothesis-profile nightly`` takes the second. A test without hypothesis asks `by_profile` how much it does,
and is marked ``longer``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck

Amount = TypeVar("Amount")

COMMIT, NIGHTLY = "commit", "nightly"
EXAMPLES, NIGHTLY_EXAMPLES = 25, 1000
"""Examples of a test that does not say how many."""
NIGHTLY_FACTOR = 10
"""Examples of a nightly run for each one of a commit, where a test does not say."""


def register_profiles() -> None:
    """Register both profiles and load ``commit``; ``--hypothesis-profile`` loads the other before tests are imported."""
    # The same examples for every run of a change; new ones each night, which a failure prints.
    hypothesis.settings.register_profile(
        COMMIT, deadline=None, derandomize=True, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis.settings.register_profile(
        NIGHTLY,
        deadline=None,
        derandomize=False,
        max_examples=NIGHTLY_EXAMPLES,
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


def first_at_a_commit(forms: Iterable[Any], commit: int = 1) -> list[Any]:
    """Return the forms of a parametrised test: so many of them run at each commit, the others in a nightly run.

    A tuple holds the values of several arguments. It is for forms that take the same way through the code.
    """
    return [
        pytest.param(
            *(form if isinstance(form, tuple) else (form,)), marks=[pytest.mark.nightly] if number >= commit else []
        )
        for number, form in enumerate(forms)
    ]
