"""The findings of a check, and that no check lasts for ever."""

from __future__ import annotations

import time

import pytest

from dite_search.doctor.findings import FAILED, OK, WARNING, Check, Finding, Pending

pytestmark = pytest.mark.xdist_group("clock")


def test_a_check_that_never_ends_is_given_up():
    slow = Check(name="disk", look=lambda: time.sleep(60), seconds=0.2, unanswered="mount it again")
    quick = Check(name="quick", look=lambda: Finding(name="quick", status=OK, sentence="well"), seconds=5, unanswered="")
    broken = Check(name="broken", look=lambda: 1 / 0, seconds=5, unanswered="")
    began = time.monotonic()
    first, second, third = Pending([slow, quick, broken]).findings()
    assert time.monotonic() - began < 5
    assert first == Finding(name="disk", status=FAILED, sentence="no answer within 0.2 s", remedy="mount it again")
    assert (second.status, second.sentence) == (OK, "well")
    assert (third.status, third.sentence) == (WARNING, "could not be checked: division by zero")
