"""The gate: nothing is trained that is over the budget, is no network, or was trained before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.algorithms.admission import Admission, Stopped
from dite_search.config.search_config import parse_search
from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space

SPACE = named_space("tiny")
POINTS = list(SPACE.points())
LIMIT = 3.0


@pytest.fixture
def gate(make_search):
    return lambda **changes: Admission(make_search(**changes))


@pytest.mark.slow
@given(index=st.integers(0, len(POINTS) - 1))
def test_only_networks_within_the_budget_are_trained(index):
    gate = Admission(budgeted())
    verdict = gate.judge(POINTS[index])
    within = cost_of(SPACE.build(POINTS[index])).mmacs <= LIMIT
    assert verdict.outcome == ("train" if within else "over_budget")
    assert (verdict.excess["mmacs"] <= 0) == within
    assert within or verdict.problem.startswith("over budget: mmacs must be at most 3, got ")


def budgeted():
    fields = {"name": "x", "space": "tiny", "data": {"synthetic": {}}, "trials": 4, "training": {"epochs": 2}}
    return parse_search(fields | {"budget": [f"mmacs <= {LIMIT}"]}, "search.yaml")


def test_a_value_outside_the_space_is_no_network(gate):
    verdict = gate().judge({**POINTS[0], "modules_stage3": 7})
    assert verdict.outcome == "invalid"
    assert "modules_stage3 must be one of" in verdict.problem


def test_a_network_is_trained_once(gate):
    gate = gate()
    first = gate.judge(POINTS[0])
    gate.begin(first.key, 4, first.seed)
    again = gate.judge(POINTS[0])
    assert (again.outcome, again.trial) == ("known", 4)
    assert gate.judge(POINTS[1]).outcome == "train"


def test_repeats_have_seeds_that_follow_one_another(gate):
    gate = gate(repeats=3, seed=10)
    seeds = []
    for number in range(3):
        verdict = gate.judge(POINTS[0])
        seeds.append(verdict.seed)
        gate.begin(verdict.key, number, verdict.seed)
    assert seeds == [10, 11, 12]
    assert gate.judge(POINTS[0]).outcome == "known"


def test_a_training_that_confirms_a_score_has_a_seed_of_its_own(gate):
    gate = gate(seed=10)
    key = gate.judge(POINTS[0]).key
    gate.begin(key, 0, 10)
    assert gate.judge(POINTS[0]).outcome == "known"
    again = gate.judge(POINTS[0], confirming=True)
    assert (again.outcome, again.seed) == ("train", 11)
    gate.begin(key, 1, 11)
    gate.end(key)
    assert gate.judge(POINTS[0], confirming=True).seed == 12, "one that failed says nothing about the next"


def test_a_repeat_that_came_to_nothing_is_made_up_for_with_its_own_seed(gate):
    gate = gate(repeats=3, seed=10)
    key = gate.judge(POINTS[0]).key
    for number in range(3):
        gate.begin(key, number, gate.judge(POINTS[0]).seed)
    gate.forget(key, 1)
    assert (gate.judge(POINTS[0]).outcome, gate.judge(POINTS[0]).seed) == ("train", 11)


def test_what_was_stopped_is_not_repeated(gate):
    gate = gate(repeats=3)
    key = gate.judge(POINTS[0]).key
    gate.begin(key, 0, 0)
    gate.end(key)
    assert gate.judge(POINTS[0]).outcome == "known"


def test_without_reuse_a_network_is_trained_as_often_as_it_is_suggested(gate):
    gate = gate(reuse=False)
    gate.begin(gate.judge(POINTS[0]).key, 0, 0)
    assert gate.judge(POINTS[0]).outcome == "train"


def test_hyper_parameters_are_part_of_the_identity(gate):
    space = {"base": "tiny", "parameters": {"learning_rate": {"low": 0.001, "high": 0.01}}}
    gate = gate(space=space)
    gate.begin(gate.judge({**POINTS[0], "learning_rate": 0.002}).key, 0, 0)
    assert gate.judge({**POINTS[0], "learning_rate": 0.002}).outcome == "known"
    assert gate.judge({**POINTS[0], "learning_rate": 0.003}).outcome == "train"


def test_a_fresh_point_is_found_as_long_as_there_is_one(make_search):
    gate = Admission(budgeted(), allowed=lambda arch: arch.modules[1] == 1)
    generator = np.random.default_rng(0)
    seen = set()
    while (point := gate.fresh(generator)) is not None:
        verdict = gate.judge(point)
        assert verdict.key not in seen
        seen.add(verdict.key)
        gate.begin(verdict.key, len(seen), verdict.seed)
    within = [p for p in POINTS if p["modules_stage3"] == 1 and cost_of(SPACE.build(p)).mmacs <= LIMIT]
    assert len(seen) == len(within) > 40


def test_a_fresh_point_is_found_in_a_huge_space_with_a_tight_budget(make_search):
    config = make_search(space="dite_hrnet", budget=["mmacs <= 90"])
    space, generator = config.search_space, np.random.default_rng(0)
    within = [cost_of(space.build(space.sample(generator))).mmacs <= 90 for _ in range(300)]
    assert np.mean(within) < 0.01
    point = Admission(config).fresh(generator)
    assert point is not None
    assert cost_of(space.build(point)).mmacs <= 90


STOPPED = Stopped(first=0, last=0, epoch=1, seed=0)


def test_a_stopped_training_goes_on_when_a_sampler_that_weighs_its_curve_asks_for_it(gate):
    gate = gate(sampler={"name": "cost_aware"})
    key = gate.judge(POINTS[0]).key
    gate.begin(key, 0, 0)
    gate.end(key, STOPPED)
    verdict = gate.judge(POINTS[0])
    assert (verdict.outcome, verdict.continues) == ("train", STOPPED)
    gate.begin(key, 1, 0)
    assert gate.judge(POINTS[0]).outcome == "known"


def test_a_continuation_that_was_cut_off_goes_on_whatever_the_sampler(gate):
    gate = gate(sampler={"name": "tpe"})
    key = gate.judge(POINTS[0]).key
    gate.begin(key, 0, 0)
    gate.end(key, STOPPED)
    assert gate.judge(POINTS[0]).outcome == "known"
    verdict = gate.judge(POINTS[0], continuing=True)
    assert (verdict.outcome, verdict.continues) == ("train", STOPPED)


def test_other_samplers_go_on_with_it_when_nothing_else_is_left(make_search):
    gate = Admission(
        make_search(sampler={"name": "tpe"}),
        allowed=lambda arch: arch.arch_id in (SPACE.build(POINTS[0]).arch_id, SPACE.build(POINTS[1]).arch_id),
    )
    generator = np.random.default_rng(0)
    key = gate.judge(POINTS[0]).key
    gate.begin(key, 0, 0)
    gate.end(key, STOPPED)
    assert gate.judge(POINTS[0]).outcome == "known"
    assert gate.fresh(generator) == POINTS[1]
    gate.begin(gate.judge(POINTS[1]).key, 1, 0)
    assert gate.fresh(generator) == POINTS[0]
    assert gate.judge(POINTS[0]).continues == STOPPED
