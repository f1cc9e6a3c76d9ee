"""A search file and a table state the same facts, under the names of the protocol."""

from __future__ import annotations

import pytest

from dite_search.config.problem import SearchProblem, TrainingLength
from dite_search.simulation.tabular_benchmark import load_table
from search_spaces.space.network_space import KnownCosts, Network, NetworkSpace
from tests.dite_search.foreign_tables import write_table


def names_of(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


@pytest.fixture(params=["tiny_128", "foreign"])
def table(request, tmp_path):
    return load_table(request.param if request.param != "foreign" else write_table(tmp_path / "cells"))


def test_both_kinds_of_searches_know_every_fact(table):
    problem = table.config
    network = problem.search_space.build(next(iter(problem.search_space.points())))
    for protocol, thing in (
        (SearchProblem, problem),
        (TrainingLength, problem.train_config),
        (NetworkSpace, problem.search_space),
        (Network, network),
        (KnownCosts, problem.search_space.cost_of(network)),
    ):
        assert {name for name in names_of(protocol) if not hasattr(thing, name)} == set()


def test_every_network_has_the_costs_that_are_objectives(table):
    problem, cache = table.config, table.candidates
    for point in list(problem.search_space.points())[:3]:
        candidate = cache(point)
        assert candidate.arch.arch_id == problem.search_space.build(point).arch_id == candidate.key
        costs = candidate.cost.objectives
        assert costs == problem.search_space.cost_of(candidate.arch).objectives
        assert all(name in costs for name in problem.objectives if name != problem.accuracy)
    assert len(problem.directions) == len(problem.objectives)
