"""Profiles: what a test does at a commit, and in a nightly run."""

from __future__ import annotations

import hypothesis
import pytest

from tests.profiles import COMMIT, NIGHTLY, NIGHTLY_FACTOR, by_profile, examples, first_at_a_commit


@pytest.fixture(params=[COMMIT, NIGHTLY])
def profile(request):
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.load_profile(request.param)
    yield request.param
    hypothesis.settings.load_profile(before)


def test_a_nightly_run_does_more(profile):
    is_nightly = profile == NIGHTLY
    assert by_profile(3, 50) == (50 if is_nightly else 3)
    assert examples(4).max_examples == (4 * NIGHTLY_FACTOR if is_nightly else 4)
    assert examples(4, nightly=7).max_examples == (7 if is_nightly else 4)
    assert examples(4).deadline is None


def test_examples_of_a_commit_are_the_same_every_time_and_those_of_a_night_are_not(profile):
    assert examples(4).derandomize == (profile == COMMIT)


def test_forms_of_a_night_are_marked():
    forms = first_at_a_commit([1, (2, "b"), 3], commit=2)
    assert [form.values for form in forms] == [(1,), (2, "b"), (3,)]
    assert [[mark.name for mark in form.marks] for form in forms] == [[], [], ["nightly"]]
