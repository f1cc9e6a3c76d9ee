"""The largest network of a space by each of its costs."""

from __future__ import annotations

import pytest

from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget
from search_spaces.space.largest import largest_candidate
from search_spaces.space.space_file import named_space


@pytest.mark.parametrize("name", ["params", "mmacs"])
def test_the_largest_network_by_a_cost(name: str) -> None:
    space = named_space("tiny")
    values = sorted(cost_of(arch).objectives[name] for arch in space.enumerate())
    largest = largest_candidate(space, Budget(), lambda cost: cost.objectives[name])
    assert largest.cost.objectives[name] == values[-1]
    limit = Budget.parse([f"{name} <= {values[-2]!r}"], (name,))
    assert largest_candidate(space, limit, lambda cost: cost.objectives[name]).cost.objectives[name] <= values[-2]
