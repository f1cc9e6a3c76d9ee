"""Importance: what is known to matter is found, what is not measured is not said."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.dependence import interaction, partial_dependence
from analysis.statistics.forest import MIN_TRIALS, measured
from analysis.statistics.importance import explanations, importances, reason
from analysis.study.records import StudyRecord
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import study, trial
from tests.profiles import examples


def made(formula, *, noise: float = 0.0, count: int = 60, seed: int = 0) -> StudyRecord:
    """A study of random points in three parameters, one of names and one continuous, scored by a formula."""
    generator = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        point = {
            "width": int(generator.choice([8, 16, 24, 32])),
            "codec": str(generator.choice(["msra", "dark", "udp"])),
            "learning_rate": float(10 ** generator.uniform(-4, -2)),
        }
        score = formula(point) + noise * generator.standard_normal()
        trials.append(trial(number, ap=float(np.clip(score, 0, 1)), parameters=point))
    return study(trials, objectives=("ap_gt",))


def by_name(found):
    return {entry.name: entry for entry in found}


def test_shares_are_those_of_a_known_formula():
    """Variances over uniform values: width 0.1² · 1.25 and codec 0.05² · 2/3 · 2, here 0.0125 against 0.0033."""
    codecs = {"msra": 0.0, "dark": 0.05 * math.sqrt(2), "udp": 0.1 * math.sqrt(2)}
    found = explanations(made(lambda p: 0.1 + 0.1 * p["width"] / 8 + codecs[p["codec"]], count=150))["ap_gt"]
    shares = by_name(found.importances)
    assert [entry.name for entry in found.importances] == ["width", "codec", "learning_rate"]
    assert shares["width"].share == pytest.approx(0.0125 / (0.0125 + 0.00333), abs=0.08)
    assert shares["learning_rate"].share < 0.03
    assert found.r2 is not None
    assert found.r2 > 0.9


def test_an_interaction_without_a_main_effect_counts():
    """The score follows whether two parameters go together: each alone says nothing about it."""
    table = made(lambda p: 0.7 if (p["width"] > 16) == (p["codec"] == "dark") else 0.3, count=160)
    shares = by_name(importances(table)["ap_gt"])
    assert shares["width"].share > 0.3
    assert shares["codec"].share > 0.3
    assert shares["learning_rate"].share < 0.15


def test_noise_alone_has_no_importances():
    found = explanations(made(lambda p: 0.5, noise=0.02))["ap_gt"]
    assert found.importances == ()
    assert "on held-out trials a forest predicts it no better than the mean does" in found.reason
    assert "60 trials" in found.reason


def test_too_few_trials_say_so():
    few = made(lambda p: p["width"] / 40, count=MIN_TRIALS - 1)
    assert importances(few) == {"ap_gt": []}
    assert reason(few) == "Importances need at least 12 different networks trained to the end, got 11."
    assert partial_dependence(few, "width", "ap_gt").values == ()
    assert reason(made(lambda p: p["width"] / 40, count=40)) == ""


def test_repeats_are_not_different_networks():
    table = made(lambda p: p["width"] / 40, count=6)
    doubled = [dataclasses.replace(record, number=record.number + 6 * copy) for copy in range(4) for record in table.trials]
    assert reason(study(doubled, objectives=("ap_gt",))).endswith("got 6.")


def test_an_objective_that_does_not_move():
    assert reason(made(lambda p: 0.5)) == "All trials have the same AP (ground-truth boxes), so no parameter matters to it."


def test_only_complete_trials_of_full_fidelity_count():
    short = trial(3, ap=0.9)
    short = dataclasses.replace(short, curve=short.curve[:4])
    records = [trial(0, ap=0.4), trial(1, ap=0.5, status="stopped"), trial(2, status="failed"), short]
    assert [record.number for record in measured(study(records), "ap_gt")] == [0]


@pytest.mark.slow
@examples(4)
@given(seed=st.integers(0, 2**31), noise=st.floats(0, 0.05))
def test_shares_add_up_and_lie_within_their_intervals(seed, noise):
    found = importances(made(lambda p: p["width"] / 40 + 20 * p["learning_rate"], noise=noise, count=30, seed=seed))["ap_gt"]
    if found:
        assert math.isclose(sum(entry.share for entry in found), 1)
        assert all(0 <= entry.low <= entry.share <= entry.high <= 1 for entry in found)
        assert [entry.share for entry in found] == sorted((entry.share for entry in found), reverse=True)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_result():
    table = made(lambda p: p["width"] / 40, noise=0.02, count=30)
    assert importances(table, seed=3) == importances(table, seed=3)
    assert importances(table, seed=3) != importances(table, seed=4)


def test_what_is_not_there_is_refused():
    table = made(lambda p: p["width"] / 40, count=30)
    with pytest.raises(InvalidInput, match="unknown varied parameter 'widht'"):
        partial_dependence(table, "widht", "ap_gt")
    with pytest.raises(InvalidInput, match="objective 'mmacs'"):
        partial_dependence(table, "width", "mmacs")
    with pytest.raises(InvalidInput, match="parameter 'group'"):
        interaction(table, "group", "kernels", "ap_gt")
