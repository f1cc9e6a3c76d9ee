from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.parameters import ARCH_PARAMETERS, TUPLE_PARAMETERS, field_of, flatten, unflatten
from search_spaces.families.parameter import Choice, Range, format_tuple, parameter_from, parse_tuple
from search_spaces.training_config import TRAIN_PARAMETERS
from tests.strategies import architectures


@given(architectures())
def test_flat_names_go_both_ways(arch: ArchConfig) -> None:
    values = flatten(arch)
    assert set(values) == set(ARCH_PARAMETERS)
    assert all(isinstance(value, int | float | str) for value in values.values())
    assert unflatten(values, ArchConfig()) == arch


def test_flat_names_can_be_read() -> None:
    values = flatten(ArchConfig())
    assert values["groups_branch4"] == 4
    assert values["width_branch1"] == 40
    assert values["modules_stage3"] == 4
    assert values["input_size"] == "256x192"


def test_architecture_and_training_names_do_not_collide() -> None:
    assert not {*ARCH_PARAMETERS, *TUPLE_PARAMETERS} & set(TRAIN_PARAMETERS)


def test_field_of() -> None:
    assert [field_of(name) for name in ("groups_branch4", "width_branch1", "modules_stage2", "stem_width", "block")] == [
        "groups",
        "widths",
        "modules",
        None,
        None,
    ]


def test_a_whole_tuple_gives_way_to_single_values() -> None:
    arch = unflatten({"kernels": "1-2-4-4", "kernels_branch1": 3}, ArchConfig())
    assert arch.kernels == (3, 2, 4, 4)
    assert unflatten({"modules": "3-8-3"}, ArchConfig()).modules == (3, 8, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"groups_branch5": 1}, "unknown architecture parameter 'groups_branch5': did you mean 'groups_branch"),
        ({"kernels": "1-2-4"}, "kernels must be 4 integers, got '1-2-4'"),
        ({"kernels": "1-2-x-4"}, "kernels must be integers joined by '-', as in 1-1-2-4, got '1-2-x-4'"),
        ({"kernels": "1--2-4"}, "kernels must be integers joined by '-'"),
        ({"kernels": "1-1-1-²"}, "kernels must be integers joined by '-'"),
        ({"kernels_branch2": 0}, "kernels[1] must be an integer from 1 to 64, got 0"),
    ],
)
def test_unflatten_refuses(values: dict, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        unflatten(values, ArchConfig())
    assert message in str(error.value)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=5))
def test_tuples_go_both_ways(values: list[int]) -> None:
    assert parse_tuple("groups", format_tuple(values)) == tuple(values)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "parameter sigma: must be a list of at least one value, got ()"),
        (3, "parameter sigma: must be a list of values, or low and high, got 3"),
        ([1, 1], "parameter sigma: must not name a value twice, got [1, 1]"),
        ([1, None], "parameter sigma: must be a list of numbers or names, got None"),
        ([True], "parameter sigma: must be a list of numbers or names, got True"),
        ({"low": 1}, "parameter sigma: a range needs both low and high"),
        ({"low": 2, "high": 1}, "parameter sigma: must have low < high, both finite, got low 2 and high 1"),
        ({"low": 1, "high": math.inf}, "must have low < high, both finite"),
        ({"low": "1", "high": 2}, "must have low < high, both finite, got low '1' and high 2"),
        ({"low": 0, "high": 2, "log": True}, "parameter sigma: a logarithmic range must start above 0, got low 0"),
        ({"low": 1, "hihg": 2}, "parameter sigma: unknown field 'hihg': did you mean 'high'?"),
    ],
)
def test_a_wrong_parameter_says_why(spec: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parameter_from("sigma", spec, whole=False)
    assert message in str(error.value)


def test_a_parameter_as_a_file_writes_it() -> None:
    assert parameter_from("groups_branch1", [4, 1, 2], whole=False) == Choice(values=(1, 2, 4))
    assert parameter_from("groups", [[1, 1, 2, 4], "4-2-1-1"], whole=True) == Choice(values=("1-1-2-4", "4-2-1-1"))
    assert parameter_from("learning_rate", {"low": 1e-4, "high": 1e-2, "log": True}, whole=False) == Range(
        low=1e-4, high=1e-2, log=True
    )


def test_ranges_and_choices_accept_only_their_values() -> None:
    choice, interval = Choice(values=(1, 2)), Range(low=0.5, high=2)
    assert [choice.accepts(value) for value in (1, 2, 3, "1")] == [True, True, False, False]
    assert [interval.accepts(value) for value in (0.5, 1, 2.0, 2.1, "1", True)] == [True, True, True, False, False, False]


def test_a_logarithmic_range_is_uniform_in_its_logarithm() -> None:
    generator = np.random.default_rng(0)
    interval = Range(low=1e-4, high=1.0, log=True)
    draws = np.log10([float(interval.sample(generator)) for _ in range(4000)])
    counts, _ = np.histogram(draws, bins=4, range=(-4, 0))
    assert counts.sum() == 4000
    assert (abs(counts - 1000) < 130).all()  # 4.7 standard deviations


def test_a_plain_range_is_uniform() -> None:
    generator = np.random.default_rng(0)
    draws = [float(Range(low=2, high=6).sample(generator)) for _ in range(4000)]
    counts, _ = np.histogram(draws, bins=4, range=(2, 6))
    assert counts.sum() == 4000
    assert (abs(counts - 1000) < 130).all()
