"""A snapshot as plain types."""

from __future__ import annotations

import dataclasses
import json

import pytest

from dite_search.monitor.payload import as_plain, shown_curves
from tests.dite_search.monitor.test_snapshot import moment_of, trained

pytestmark = pytest.mark.filterwarnings("ignore")


def test_curves_of_what_runs_come_first_then_the_front():
    records = [trained(n, 12) for n in range(60)] + [trained(60, 3, status="running")]
    moment = moment_of(records, {})
    front = [moment.study.trials[5]]
    assert [record.number for record in shown_curves(moment, front)][:3] == [60, 5, 59]
    assert len(shown_curves(moment, front)) == 40


def test_a_trial_is_told_by_plain_strings():
    """Scripts read them: no value may change its spelling."""
    records = [trained(0, 12), trained(1, 3, status="running"), trained(2, 2, status="stopped")]
    records.append(trained(3, 1, status="failed", reason="no \x1b[31mroom"))
    plain = json.loads(json.dumps(as_plain(moment_of(records, {})), allow_nan=False))
    assert {row["trial"]: row["status"] for row in plain["curves"]["trials"]} == {
        0: "complete",
        1: "running",
        2: "stopped",
        3: "failed",
    }
    assert plain["failures"] == [{"trial": 3, "reason": "no �[31mroom"}]
    assert [row["trial"] for row in plain["running"]] == [1]


def test_a_score_without_an_upper_end_has_none_in_json():
    moment = moment_of([trained(0, 12)], {})
    assert as_plain(moment)["highest"] == 1
    records = [dataclasses.replace(record, metrics={"nme": 0.1}) for record in moment.study.trials]
    other = dataclasses.replace(moment.study, objectives=("nme", "mmacs"), trials=records)
    plain = as_plain(dataclasses.replace(moment, study=other))
    assert plain["score"] == "nme"
    assert json.loads(json.dumps(plain, allow_nan=False))["highest"] is None
