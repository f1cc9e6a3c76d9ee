"""Budgets: how they are written, what they allow, and the cheapest network under one that nothing meets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.registry import cost_of
from search_spaces.space.budget import MAX_ENUMERATED_POINTS, Budget, Constraint
from search_spaces.space.space_file import named_space

COSTS = ("mmacs", "params", "latency_ms")


def costs_in(space):
    return lambda point: cost_of(space.build(point)).objectives


@pytest.mark.parametrize(
    ("text", "cost", "limit"),
    [
        ("mmacs <= 250", "mmacs", 250.0),
        ("params<=1.5M", "params", 1.5e6),
        (" params <= 800k ", "params", 8e5),
        ("latency_ms <= 2e1", "latency_ms", 20.0),
        ("params <= 1_500_000", "params", 1.5e6),
    ],
)
def test_a_limit_reads_as_it_is_written(text, cost, limit):
    assert Constraint.parse(text) == Constraint(cost=cost, limit=limit)


@pytest.mark.parametrize(
    "text", ["mmacs < 250", "mmacs <= ", "mmacs <= -3", "<= 3", "mmacs <= 0", "250 >= mmacs", "mmacs <= 3T"]
)
def test_another_form_is_refused(text):
    with pytest.raises(InvalidInput, match=r"a limit must be written like 'mmacs <= 250' or 'params <= 1\.5M', got "):
        Constraint.parse(text)


def test_a_budget_limits_each_known_cost_once():
    with pytest.raises(InvalidInput, match="on one of latency_ms, mmacs, params, got one on flops"):
        Budget.parse(["flops <= 3"], COSTS)
    with pytest.raises(InvalidInput, match="one limit for each cost, got 2 on mmacs"):
        Budget.parse(["mmacs <= 3", "mmacs <= 4"], COSTS)


@given(limit=st.floats(0.1, 1e6), cost=st.floats(0.0, 2e6, allow_nan=False), other=st.floats(0.0, 1e6, allow_nan=False))
def test_what_a_budget_allows_has_no_excess_and_no_problem(limit, cost, other):
    budget = Budget(constraints=(Constraint(cost="mmacs", limit=limit), Constraint(cost="params", limit=1e9)))
    costs = {"mmacs": cost, "params": other}
    assert budget.allows(costs) == (cost <= limit) == (budget.problem(costs) == "")
    assert (budget.excess(costs)["mmacs"] <= 0) == (cost <= limit)


@pytest.fixture
def fps():
    own = {"name": "fps", "function": "m:fps", "folder": "x", "source": "counted", "digest": "a"}
    return OwnObjective(direction="maximize", **own).row


def test_a_cost_that_is_better_high_has_a_least_value(fps):
    limit = Constraint.parse("fps >= 1.5k")
    assert limit == Constraint(cost="fps", limit=1500.0)
    assert str(limit) == "fps >= 1500"
    assert [limit.excess(value) <= 0 for value in (1499.0, 1500.0, 1501.0)] == [False, True, True]
    budget = Budget.parse(["fps >= 1.5k", "mmacs <= 9"], (*COSTS, "fps"))
    assert budget.problem({"fps": 1400.0}) == "fps must be at least 1500, got 1400"
    assert budget.excess({"fps": 750.0, "mmacs": 9.0}) == {"fps": 1.0, "mmacs": 0.0}
    with pytest.raises(InvalidInput, match=r"a limit on fps, which is better high, .* like 'fps >= 3', got 'fps <= 3'"):
        Constraint.parse("fps <= 3")
    with pytest.raises(InvalidInput, match=r"a limit must be written like 'mmacs <= 250' .* got 'mmacs >= 3'"):
        Constraint.parse("mmacs >= 3")


@given(limit=st.floats(1e-3, 1e9))
def test_limits_hold_to_the_last_digit(limit):
    OwnObjective(name="fps", function="m:fps", folder="x", direction="maximize", source="counted", digest="a")
    for cost, inwards, outwards in (("mmacs", 0.0, math.inf), ("fps", math.inf, 0.0)):
        budget = Budget(constraints=(Constraint(cost=cost, limit=limit),))
        assert budget.allows({cost: limit})
        assert budget.allows({cost: math.nextafter(limit, inwards)})
        assert not budget.allows({cost: math.nextafter(limit, outwards)})


def test_a_least_value_that_no_network_has_is_answered_with_the_nearest(fps):
    space = named_space("tiny")
    least = min(cost_of(arch).mmacs for arch in space.enumerate())

    def costs(point):
        return {"fps": 1000 / cost_of(space.build(point)).mmacs}

    with pytest.raises(InvalidInput, match=f"budget fps >= 1e.06 must .* the nearest to it has fps {1000 / least:g} "):
        Budget.parse(["fps >= 1M"], ("fps",)).check(space, costs)
    Budget.parse([f"fps >= {1000 / least - 1e-6}"], ("fps",)).check(space, costs)


def test_a_cost_that_is_not_known_yet_is_no_problem():
    budget = Budget.parse(["latency_ms <= 20"], COSTS)
    assert budget.allows({"mmacs": 3.0})
    assert budget.excess({"mmacs": 3.0}) == {}


def test_an_impossible_budget_is_answered_with_the_cheapest_network():
    space = named_space("tiny")
    least = min(cost_of(arch).mmacs for arch in space.enumerate())
    budget = Budget.parse(["mmacs <= 1"], COSTS)
    with pytest.raises(
        InvalidInput, match=f"budget mmacs <= 1 must be met by a network of space tiny, but .* mmacs {least:g} "
    ):
        budget.check(space, costs_in(space))
    Budget.parse([f"mmacs <= {least}"], COSTS).check(space, costs_in(space))


def test_limits_that_only_fail_together_are_told_together():
    space = named_space("tiny")
    by_size = min(space.points(), key=lambda point: cost_of(space.build(point)).params)
    least = cost_of(space.build(by_size))
    together = Budget.parse(["mmacs <= 2.2", f"params <= {least.params - 1}"], COSTS)
    with pytest.raises(InvalidInput, match="budget params <= "):
        together.check(space, costs_in(space))


def test_the_cheapest_of_a_large_space_has_the_least_of_everything():
    space = named_space("dite_hrnet")
    assert space.count() > MAX_ENUMERATED_POINTS
    with pytest.raises(InvalidInput, match=r"modules_stage2=1 modules_stage3=2 modules_stage4=1 blocks_per_module=1"):
        Budget.parse(["mmacs <= 1"], COSTS).check(space, costs_in(space))
