"""Results in a trial of the study: epochs, reasons, constraints and ends."""

from __future__ import annotations

import math

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from analysis.study.trial_status import TrialStatus
from dite_search.driver.result_recorder import (
    ResultRecorder,
    ending_of,
    epoch_metrics,
    missing_objective,
    set_constraints,
    stopped_training,
)
from dite_search.study.attributes import OUTAGE, REASON, SEED, UNDECIDED, WHERE
from dite_search.study.reader import curve_of
from search_spaces.starting_weights import WEIGHTS_TAKEN

pytestmark = pytest.mark.filterwarnings("ignore")


def begun(recorder: ResultRecorder, **changes) -> tuple[optuna.Study, optuna.Trial]:
    """A study with one trial, whose results are expected."""
    study = optuna.create_study(directions=["maximize"])
    trial = study.ask()
    recorder.begin(trial.number, **({"taken_over": 0, "undecided": None} | changes))
    return study, trial


def test_what_tune_adds_is_not_a_metric():
    result = {"ap_gt": 0.5, "loss": math.inf, "pid": 7, "done": True, "trial_id": "x", "config/number": 3, "note": "text"}
    assert epoch_metrics(result) == {"ap_gt": 0.5}


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=12), st.integers(0, 3))
def test_each_epoch_is_written_once_and_those_taken_over_are_not(reports, taken_over):
    recorder = ResultRecorder()
    study, trial = begun(recorder, taken_over=taken_over)
    for epoch, decided in reports:
        recorder.record(trial, {"epoch": epoch, "loss": 1 / epoch}, decided=decided)
    (frozen,) = study.get_trials()
    seen = sorted({epoch for epoch, _ in reports if epoch > taken_over})
    assert curve_of(frozen) == [{"epoch": epoch, "loss": 1 / epoch} for epoch in seen]


def test_an_epoch_counts_as_undecided_until_the_scheduler_is_asked():
    recorder = ResultRecorder()
    study, trial = begun(recorder)
    recorder.record(trial, {"epoch": 1, "loss": 0.5}, decided=True)
    assert UNDECIDED not in study.get_trials()[0].user_attrs
    recorder.record(trial, {"epoch": 2, "loss": 0.4}, decided=False)
    assert study.get_trials()[0].user_attrs[UNDECIDED] == 2
    recorder.record(trial, {"epoch": 2, "loss": 0.4}, decided=True)
    assert study.get_trials()[0].user_attrs[UNDECIDED] == 3


def test_a_reason_an_outage_and_a_place_are_kept():
    recorder = ResultRecorder()
    study, trial = begun(recorder)
    recorder.record(trial, {"hostname": "a", "pid": 1, REASON: "no room", OUTAGE: True}, decided=True)
    (frozen,) = study.get_trials()
    assert frozen.user_attrs == {WHERE: "a, process 1", REASON: "no room", OUTAGE: True}


def test_the_share_of_other_weights_is_an_attribute_of_the_trial():
    recorder = ResultRecorder()
    study, trial = begun(recorder)
    recorder.record(trial, {"epoch": 1, "loss": 0.5}, decided=True)
    assert WEIGHTS_TAKEN not in study.get_trials()[0].user_attrs
    recorder.record(trial, {"epoch": 2, "loss": 0.5, WEIGHTS_TAKEN: 0.75}, decided=True)
    assert study.get_trials()[0].user_attrs[WEIGHTS_TAKEN] == 0.75


def test_a_constraint_is_set_once():
    study, trial = begun(ResultRecorder())
    set_constraints(trial, {"mmacs": 0.5})
    set_constraints(trial, {"mmacs": 0.7, "params": -0.1})
    assert study.get_trials()[0].constraints == {"mmacs": 0.5, "params": -0.1}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "high"])
def test_an_objective_that_is_no_finite_number_is_named(value):
    assert missing_objective({"mmacs": 3, "ap_gt": value}) == (
        f"objective ap_gt must be a finite number at the end of a trial, got {value!r}"
    )
    assert missing_objective({"mmacs": 3, "ap_gt": 0.1}) == ""


def test_an_ending_tells_a_stop_from_a_failure_and_a_cut():
    recorder = ResultRecorder()
    study, trial = begun(recorder)
    assert ending_of(study.get_trials()[0]) is TrialStatus.RUNNING
    assert stopped_training(study.get_trials()[0]) is None
    recorder.record(trial, {"epoch": 3, "loss": 0.5}, decided=True)
    trial.set_user_attr(SEED, 7)
    study.tell(trial, state=TrialState.PRUNED)
    (frozen,) = study.get_trials()
    assert ending_of(frozen) is TrialStatus.STOPPED
    stopped = stopped_training(frozen)
    assert (stopped.first, stopped.last, stopped.epoch, stopped.seed) == (0, 0, 3, 7)
    failed = study.ask()
    failed.set_user_attr(REASON, "over budget")
    study.tell(failed, state=TrialState.PRUNED)
    assert ending_of(study.get_trials()[1]) is TrialStatus.FAILED
    assert stopped_training(study.get_trials()[1]) is None
