"""The networks of a table as candidates of the cost-aware sampler."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from dite_search.algorithms.cost_aware import CostAwareSampler
from dite_search.algorithms.cost_aware.listed_candidates import ListedCandidates
from search_spaces.common.errors import InvalidInput
from search_spaces.space.listed_space import ListedSpace

WIDTHS = [4, 8, 16, 32, 64, 128]


def space_of(costs=None) -> ListedSpace:
    columns = {"width": [width for width in WIDTHS for _ in range(2)], "operation": ["conv", "skip"] * len(WIDTHS)}
    known = costs or {"macs": [10 * width for width in columns["width"]], "params": [5] * 2 * len(WIDTHS)}
    names = [f"{width}-{operation}" for width, operation in zip(*columns.values(), strict=True)]
    return ListedSpace(name="t", networks=names, columns=columns, costs=known)


def test_candidates_know_keys_costs_and_features():
    candidates = ListedCandidates(space_of(), cost_objectives=["macs"])
    point = {"width": 16, "operation": "skip"}
    assert candidates.count() == 12
    assert (candidates.key(point), candidates.costs(point)) == ("16-skip", {"macs": 160})
    assert candidates.features(point)[-2:].tolist() == [math.log(160), math.log(5)]
    assert len({tuple(candidates.features(point)) for point in candidates.points()}) == 12
    assert candidates.costs({"width": 16, "operation": "pool"}) is None
    assert list(candidates.distributions) == ["width", "operation"]
    assert not len(candidates.expensive(point))


def test_what_is_not_allowed_has_no_costs_and_is_not_drawn():
    candidates = ListedCandidates(space_of(), cost_objectives=["macs"], allowed=lambda network: network.costs["macs"] <= 40)
    generator = np.random.default_rng(0)
    assert {candidates.sample(generator)["width"] for _ in range(30)} == {4}
    assert candidates.costs({"width": 8, "operation": "conv"}) is None


def test_costs_of_nothing_have_a_logarithm_too():
    candidates = ListedCandidates(space_of({"macs": [0, *range(1, 12)]}), cost_objectives=["macs"])
    logarithms = [candidates.features(point)[-1] for point in candidates.points()]
    assert logarithms == [math.log(cost + 1) for cost in range(12)]


def test_an_objective_that_is_no_cost():
    with pytest.raises(InvalidInput, match=r"cost_objectives must be costs of the table \(macs, params\), got flops"):
        ListedCandidates(space_of(), cost_objectives=["flops"])


def test_the_sampler_learns_which_networks_are_worth_trying():
    candidates = ListedCandidates(space_of(), cost_objectives=["macs"])
    sampler = CostAwareSampler(
        candidates,
        objectives=("accuracy", "macs"),
        directions=("maximize", "minimize"),
        accuracy="accuracy",
        startup_trials=4,
        seed=1,
    )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for _ in range(12):
        trial = study.ask(candidates.distributions)
        point = trial.params
        score = math.log2(point["width"]) / 8 + (0.1 if point["operation"] == "conv" else 0.0)
        study.tell(trial, [score, candidates.costs(point)["macs"]])
    keys = [candidates.key(trial.params) for trial in study.trials]
    assert len(set(keys)) == 12
    better = [key.endswith("conv") for key in keys]
    assert sum(better[4:8]) > sum(better[8:]), "the better operation comes first"
