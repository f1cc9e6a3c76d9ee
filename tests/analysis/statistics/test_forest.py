"""The trials that a forest learns from."""

from __future__ import annotations

import dataclasses
import math

import pytest

from analysis.statistics.forest import MIN_TRIALS, TrialTable, measured, too_few, trials_of, value_of
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import study, trial


def test_only_whole_trials_with_a_finite_value_count() -> None:
    whole, short = trial(0, ap=0.5), trial(1, ap=0.5)
    short = dataclasses.replace(short, curve=short.curve[:3])
    trials = [trial(4, ap=0.6), whole, short, trial(2, ap=math.nan), trial(3, status="failed")]
    assert [record.number for record in measured(study(trials), "ap_gt")] == [0, 4]


def test_an_objective_that_the_study_lacks() -> None:
    with pytest.raises(InvalidInput, match="unknown objective 'app_gt': did you mean 'ap_gt'"):
        trials_of(study(), "app_gt")


def test_repeats_of_a_network_are_one() -> None:
    many = [dataclasses.replace(trial(0, ap=0.5), number=number) for number in range(2 * MIN_TRIALS)]
    assert too_few(many) == f"Importances need at least {MIN_TRIALS} different networks trained to the end, got 1."
    varied = [dataclasses.replace(record, parameters={"x": record.number}) for record in many]
    assert too_few(varied) == ""


def test_names_are_columns_of_their_own() -> None:
    trials = [dataclasses.replace(trial(n, ap=0.5), parameters={"codec": "ab"[n % 2], "width": n}) for n in range(4)]
    table = TrialTable(trials, ["codec", "width"], "ap_gt")
    assert table.matrix.shape == (4, 3)
    assert table.encoded(table.with_value("codec", "b"))[:, 1].tolist() == [1, 1, 1, 1]
    assert value_of(trials[0], "codec") == "a"
    assert value_of(trials[0], "none") is None
