"""The status of a trial: one spelling, mark and label."""

from __future__ import annotations

import json
import pickle

import pytest
import yaml

from analysis.study.records import trials_table
from analysis.study.trial_status import INTERRUPTED, TrialStatus
from tests.analysis.studies import trial

SPELLINGS = ["complete", "stopped", "failed", "running", "waiting"]


def test_files_hold_the_spellings():
    """Studies, tables and MLflow have them: they never change, nor does their order in the report's data."""
    assert list(TrialStatus) == SPELLINGS
    assert json.loads(json.dumps({status: status for status in TrialStatus})) == dict(zip(SPELLINGS, SPELLINGS, strict=True))
    table = trials_table([trial(number, status=status) for number, status in enumerate(SPELLINGS)])
    assert [line.split(",")[1] for line in table.to_csv(index=False).splitlines()[1:]] == SPELLINGS
    assert {type(value) for value in table["status"]} == {str}
    assert yaml.safe_load(yaml.safe_dump([status.value for status in TrialStatus])) == SPELLINGS


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_finds_its_member(spelling):
    status = TrialStatus(spelling)
    assert status is pickle.loads(pickle.dumps(status))
    assert status == spelling == str(status) == f"{status}"
    assert trial(0, status=spelling).status is status


def test_marks_and_labels_tell_the_statuses_apart():
    assert len({status.mark for status in TrialStatus}) == len({status.label for status in TrialStatus}) == len(SPELLINGS)
    assert {len(status.mark) for status in TrialStatus} == {1}


def test_an_unknown_spelling_is_refused():
    with pytest.raises(ValueError, match="'ended' is not a valid TrialStatus"):
        trial(0, status="ended")


@pytest.mark.parametrize(
    ("changes", "is_spent"),
    [
        ({"status": "complete"}, True),
        ({"status": "stopped"}, True),
        ({"status": "failed", "reason": "loss became nan"}, True),
        ({"status": "failed", "reason": INTERRUPTED}, False),
        ({"status": "running"}, False),
        ({"status": "waiting"}, False),
        ({"status": "complete", "origin": "trial 4 of old"}, False),
    ],
)
def test_what_a_search_has_spent_is_what_ended_here_for_its_own_reason(changes, is_spent):
    assert trial(0, **changes).is_spent == is_spent
