"""The columns that the script of a report reads."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.elements.options import Setup
from analysis.report.elements.script import script_json
from analysis.report.page_data import (
    CURVE_POINTS,
    cost_groups,
    curves,
    encoded,
    last_values,
    mlflow_place,
    page_data,
    weights_taken,
)
from search_spaces.families.cost import NOTHING
from search_spaces.families.dite_hrnet.config import MAX_COUNT
from search_spaces.registry import cost_of
from search_spaces.space.space_file import space_from
from tests.analysis.studies import TINY, study, trial


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.tuples(st.integers()))))
def test_a_column_is_read_back_as_it_was(values: list[object]) -> None:
    column = encoded(values)  # type: ignore[arg-type]
    assert [column["values"][row] for row in column["rows"]] == values
    assert len(set(column["values"])) == len(column["values"])


def test_the_share_of_other_weights_is_there_where_there_are_some() -> None:
    trials = [trial(0, ap=0.5), trial(1, ap=0.5)]
    assert weights_taken(trials) is None
    curve = [{"epoch": 1, "loss": 0.5, "weights_taken": 0.75}]
    assert weights_taken([trials[0], dataclasses.replace(trials[1], curve=curve)]) == [None, 0.75]


def test_numbers_that_json_lacks_are_left_out() -> None:
    strange = trial(0, ap=math.nan, curve=[{"epoch": 1.0, "loss": math.inf}, {"epoch": 2.0, "loss": 0.1}])
    data = page_data(study([strange, trial(1, ap=0.5)]), Setup(), {1: "sure"})
    assert data["values"]["ap_gt"] == [None, 0.5]
    assert data["curves"]["loss"]["values"][0] == [0.1]
    assert data["uncertainty"] == {"1": "sure"}
    script_json(data)


def test_a_stopped_trial_shows_the_last_score_of_its_curve() -> None:
    curve = [{"epoch": 1.0, "ap_gt": 0.2}, {"epoch": 2.0, "ap_gt": 0.3}, {"epoch": 3.0, "loss": 0.1}]
    assert last_values(trial(0, status="stopped", curve=curve))["ap_gt"] == 0.3
    assert last_values(trial(0, ap=0.4, curve=curve))["ap_gt"] == 0.4


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_the_parts_of_a_network_add_up_to_its_cost(seed: int) -> None:
    space = space_from("dite_hrnet")
    arch = space.build(space.sample(np.random.default_rng(seed)))
    groups = cost_groups(arch)
    assert sum(groups.values(), NOTHING) == cost_of(arch)
    assert list(groups) == ["stem, transitions and head", "stage 2", "stage 3", "stage 4"]
    assert min(min(cost.params, cost.macs) for cost in groups.values()) > 0


def test_a_stage_of_the_most_modules_has_its_part_too() -> None:
    arch = dataclasses.replace(TINY, modules=(1, 1, MAX_COUNT))
    *fewer, one = cost_groups(TINY).values()
    *more, many = cost_groups(arch).values()
    assert (many.params, many.macs) == (MAX_COUNT * one.params, MAX_COUNT * one.macs)
    assert more == fewer


def test_many_curves_are_thinned_and_keep_their_ends() -> None:
    long = [{"epoch": float(epoch), "loss": 1 / epoch} for epoch in range(1, 401)]
    trials = [dataclasses.replace(trial(0), number=number, curve=long) for number in range(1000)]
    column = curves(trials, ["loss"])["loss"]
    (epochs,) = column["epochs"]["values"]
    assert (epochs[0], epochs[-1], len(epochs)) == (1, 400, CURVE_POINTS // 1000)
    assert sum(map(len, column["values"])) <= CURVE_POINTS


@pytest.mark.parametrize(
    ("uri", "page", "link", "served"),
    [
        ("https://user:secret@mlflow.example/", "https://mlflow.example/#/experiments/1/runs/{run}", True, False),
        ("sqlite:////runs/mlflow.db", "http://127.0.0.1:5000/#/experiments/1/runs/{run}", True, True),
        ("sqlite:////runs/mlflow.db", "", False, True),
        ("https://mlflow.example", "javascript:alert(1)", False, False),
    ],
)
def test_a_run_has_the_address_of_mlflow_s_page(uri: str, page: str, link: bool, served: bool) -> None:
    found = mlflow_place({"mlflow_uri": uri}, page)
    assert found["link"] == (page if link else "")
    assert found["command"].startswith("mlflow ui --backend-store-uri ") == served
    assert "secret" not in str(found)
