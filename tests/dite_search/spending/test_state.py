"""The budget of a study as it stands, and what an extension makes of it."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime

import pytest

from analysis.study.records import StudyRecord
from dite_search.spending.ledger import Ledger
from dite_search.spending.state import Extension, allowance_of, budget_state, extended_fields, pace_of, refuse_spent
from dite_search.study.study import extended_search
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import trial

NOW = 1_000_000.0


def study_of(config, *trials):
    return StudyRecord(name=config.name, directory=config.study_directory, objectives=config.objectives, trials=trials)


def curve(epochs, *, each=60.0):
    return [{"epoch": float(n), "ap_gt": n / 20, "seconds": each * n} for n in range(1, epochs + 1)]


def state_of(config, *trials, ended=None, seconds=0.0):
    return budget_state(config, study_of(config, *trials), NOW, Ledger(began=0.0, seconds=seconds, ended=ended or {}))


def test_a_continuation_is_no_other_network(make_search):
    config = make_search(trials=3)
    stopped = trial(0, status="stopped", curve=curve(2))
    state = state_of(config, stopped, trial(1, ap=0.4, curve=curve(6), epochs_before=2))
    assert (state.ended, state.networks_left, state.spent.epochs) == (1, 2, 6)
    assert state.has_work


def test_a_study_without_an_account_counted_continuations(make_search):
    config = make_search(trials=3)
    trials = trial(0, status="stopped", curve=curve(2)), trial(1, ap=0.4, curve=curve(6), epochs_before=2), trial(2, ap=0.3)
    state = budget_state(config, study_of(config, *trials), NOW)
    assert (state.asked, state.ended, state.has_work) == (2, 2, False)
    assert extended_fields(config, state, Extension(trials=1))["trials"] == 3


def test_an_amount_is_added_to_its_limit_or_to_what_is_spent(make_search):
    config = make_search(trials=None, spend={"hours": 2})
    state = state_of(config, seconds=7300.0)
    assert state.reached == ("hours",)
    with pytest.raises(
        InvalidInput, match=r"small must have budget left .*spend\.hours is spent \(2 h 2 min of 2 h 0 min\)"
    ):
        refuse_spent(config, state)
    fields = extended_fields(config, state, Extension(hours=1.5, epochs=40))
    extended = extended_search(config, fields)
    assert (extended.trials, extended.spend.hours, extended.spend.epochs) == (None, 3.5, 40)
    with pytest.raises(InvalidInput, match=r"spend\.hours is spent .* --hours N"):
        extended_fields(config, state, Extension(trials=4))


def test_more_time_lifts_a_number_of_networks_that_all_have_ended(make_search):
    config = make_search(trials=1)
    done = state_of(config, trial(0, ap=0.4, curve=curve(2)), seconds=3600.0)
    assert extended_fields(config, done, Extension(hours=2))["trials"] is None
    assert extended_fields(config, done, Extension(hours=2))["spend"]["hours"] == 3.0
    assert extended_fields(config, done, Extension(hours=2, trials=5))["trials"] == 6
    assert extended_fields(config, state_of(config), Extension(hours=2))["trials"] == 1


def test_an_end_is_moved_to_a_later_time_only(make_search):
    config = make_search(spend={"until": datetime.fromtimestamp(NOW + 50, UTC).isoformat()})
    state = state_of(config)
    with pytest.raises(InvalidInput, match="--until must be later than now, got 1970-01-12T13:46"):
        extended_fields(config, state, Extension(until=datetime.fromtimestamp(NOW - 1, UTC)))
    with pytest.raises(InvalidInput, match=re.escape("--until must be later than 1970-01-12T13:47")):
        extended_fields(config, state, Extension(until=datetime.fromtimestamp(NOW + 40, UTC)))
    later = datetime.fromtimestamp(NOW + 90, UTC)
    assert extended_search(config, extended_fields(config, state, Extension(until=later))).spend.until == later


def test_a_search_that_ended_at_a_limit_goes_on_where_the_limit_was_raised(make_search):
    config = make_search(trials=None, spend={"epochs": 10})
    state = state_of(config, trial(0, ap=0.4, curve=curve(9)), ended={"epochs": 10.0})
    assert state.reached == ("epochs",)
    assert not state.has_work
    raised = extended_search(config, {"spend": {"epochs": 11}})
    assert state_of(raised, trial(0, ap=0.4, curve=curve(9)), ended={"epochs": 10.0}).reached == ()


def test_a_start_goes_on_from_the_account_and_what_was_measured(make_search):
    config = make_search(spend={"epochs": 10})
    study = study_of(config, trial(0, ap=0.4, curve=curve(4)), trial(1, ap=0.5, curve=curve(6), epochs_before=3))
    assert pace_of(study).mean_seconds == 60.0
    allowance = allowance_of(config, study, began=0.0)
    assert allowance.account.spent().epochs == 7
    assert allowance.left()["epochs"] == 3.0


def test_an_answer_that_is_not_confirmed_is_work_that_is_left(make_search):
    first, again = trial(0, ap=0.4, seed=0), trial(0, ap=0.41, seed=1, confirms=0)
    config = make_search(trials=1, confirm=2)
    state = state_of(config, first)
    assert (state.ended, state.networks_left, state.trainings_left, state.has_work) == (1, 0, 1, True)
    state = state_of(config, first, dataclasses.replace(again, number=1))
    assert (state.ended, state.trainings_left, state.has_work) == (1, 0, False)
