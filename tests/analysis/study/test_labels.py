"""Words and digits."""

from __future__ import annotations

import dataclasses
import math

import pytest

from analysis.study.labels import conventions, flattened, format_seconds, parameter_words, plain, varied_parameters
from search_spaces.common.objectives import DIRECTIONS, OBJECTIVES, format_value
from tests.analysis.studies import study


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("ap_gt", 0.56789, "0.568"),
        ("params", 1_186_933, "1.187 M"),
        ("params", 99_200, "99.2 k"),
        ("mmacs", 200.14, "200.1"),
        ("latency_ms", 3.456, "3.46"),
        ("ap_gt", None, "–"),
        ("ap_gt", math.nan, "–"),
    ],
)
def test_digits(name: str, value: float | None, text: str) -> None:
    assert format_value(name, value) == text


@pytest.mark.parametrize(("seconds", "text"), [(4.21, "4.2 s"), (90, "1.5 min"), (3598, "1 h 0 min"), (9000, "2 h 30 min")])
def test_durations(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_parameters_of_branches_are_read_together() -> None:
    parameters = {"groups_branch3": 2, "groups_branch4": 4, "modules_stage2": 1, "learning_rate": 0.00123456}
    assert parameter_words(parameters, []) == "groups 2, 4 (branches 3, 4); modules 1 (stage 2); learning rate 0.001235"
    assert parameter_words(parameters, ["groups_branch4"]) == "groups 4 (branch 4)"


def test_only_parameters_that_vary_are_named() -> None:
    assert varied_parameters(study().trials) == ["width", "groups_branch3", "groups_branch4", "learning_rate"]


def test_passwords_do_not_travel() -> None:
    assert plain("postgresql://alice:s3cret@db:5432/x") == "postgresql://***@db:5432/x"
    assert flattened({"storage": {"url": ["http://a:b@c/"]}, "flip_test": True}) == [
        ("storage: url", "http://***@c/"),
        ("flip test", "yes"),
    ]


def test_the_convention_of_a_users_own_objective_is_known_once_it_is_registered() -> None:
    assert "energy" not in conventions()
    own = dataclasses.replace(OBJECTIVES["mmacs"], name="energy", convention="Millijoules of one image.", is_own=True)
    OBJECTIVES["energy"], DIRECTIONS["energy"] = own, own.direction
    assert conventions()["energy"] == "Millijoules of one image."
    assert conventions()["AP"].startswith("Average precision of COCO keypoints")
