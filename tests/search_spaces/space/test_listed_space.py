"""A space of listed networks: what is on the list is found, and what is not stands for its nearest neighbour."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import Choice, Range
from search_spaces.space.listed_space import MOST_CHOICES, ListedSpace
from tests.profiles import examples

ALL = list(product((8, 32, 128), ("conv", "skip", "pool")))
"""Every combination of a width and an operation."""


def space_of(rows=ALL, costs=None) -> ListedSpace:
    widths, operations = zip(*rows, strict=True)
    names = [f"{width}-{operation}" for width, operation in rows]
    costs = costs or {"params": list(widths)}
    return ListedSpace(name="t", networks=names, columns={"width": widths, "operation": operations}, costs=costs)


def test_every_listed_point_is_its_own_network():
    space = space_of()
    assert space.count() == len(ALL) == len(list(space.points()))
    for network, point in zip(space.networks, space.points(), strict=True):
        assert space.build(point) is network
        assert space.point(network.row) == point
        assert network.to_dict() == {"network": network.arch_id}
    assert space.networks[3].costs == {"params": 32.0}
    assert space.training_parameters == {}


def test_numbers_and_names_are_choices_and_many_numbers_a_range():
    assert space_of().parameters == {
        "width": Choice(values=(8, 32, 128)),
        "operation": Choice(values=("conv", "skip", "pool")),
    }
    rates = [10.0 ** (-place / 8) for place in range(MOST_CHOICES + 1)]
    many = ListedSpace(
        name="t", networks=[str(rate) for rate in rates], columns={"rate": rates}, costs={"params": [1] * len(rates)}
    )
    assert many.parameters == {"rate": Range(low=rates[-1], high=1.0, log=True)}


def test_a_point_that_is_not_listed_stands_for_the_nearest_network():
    space = space_of([(8, "conv"), (128, "conv"), (128, "skip")])
    assert space.build({"width": 24, "operation": "conv"}).arch_id == "8-conv", "24 is nearer to 8 by the logarithm"
    assert space.build({"width": 8, "operation": "skip"}).arch_id in ("8-conv", "128-skip")
    with pytest.raises(InvalidInput, match="operation must be one of conv, skip, got 'pool'"):
        space.build({"width": 8, "operation": "pool"})
    with pytest.raises(InvalidInput, match="width must be a number, got 'wide'"):
        space.build({"width": "wide", "operation": "skip"})
    with pytest.raises(InvalidInput, match="a point of table t must have a value for operation"):
        space.build({"width": 8})


@examples(60)
@given(rows=st.lists(st.sampled_from(ALL), min_size=1, unique=True), seed=st.integers(0, 1000))
def test_what_is_drawn_is_on_the_list(rows, seed):
    space, generator = space_of(rows), np.random.default_rng(seed)
    first, second = space.sample(generator), space.sample(generator)
    listed = list(space.points())
    near, child = space.mutate(first, generator), space.crossover(first, second, generator)
    assert all(point in listed for point in (first, second, near, child))
    assert (near == first) == (len(rows) == 1)
    for width, operation in ALL:
        if operation in {name for _, name in rows}:
            found = space.build({"width": width, "operation": operation})
            assert found is space.build({"width": width, "operation": operation})
            assert ((width, operation) in rows) == (found.arch_id == f"{width}-{operation}")


def test_a_mutation_of_a_whole_list_changes_one_parameter():
    space, generator = space_of(), np.random.default_rng(0)
    start = {"width": 32, "operation": "skip"}
    found = [space.mutate(start, generator) for _ in range(60)]
    assert all(sum(point[name] != start[name] for name in start) == 1 for point in found)
    assert len({tuple(point.values()) for point in found}) == 4


def test_features_tell_all_networks_apart_and_scale_numbers():
    space = space_of()
    assert space.features.shape == (9, 4)
    assert len(np.unique(space.features, axis=0)) == 9
    assert np.allclose(space.features[:, 0], [0.0] * 3 + [1 / 2] * 3 + [1.0] * 3), "8, 32 and 128 by their logarithms"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(8, "conv"), (8, "conv")], "a network must be listed once, got 8-conv again"),
        ([], "table t must list at least one network, got none"),
    ],
)
def test_a_list_that_is_wrong(rows, message):
    with pytest.raises(InvalidInput, match=message):
        ListedSpace(
            name="t",
            networks=[f"{width}-{operation}" for width, operation in rows],
            columns={"width": [width for width, _ in rows]},
            costs={"params": [1.0] * len(rows)},
        )


def test_networks_that_nothing_tells_apart():
    with pytest.raises(InvalidInput, match="networks must differ in a parameter, but a and b have the same values"):
        ListedSpace(name="t", networks=["a", "b"], columns={"width": [8, 8]}, costs={"params": [1, 2]})
    with pytest.raises(InvalidInput, match="table t must have at least one parameter, got none"):
        ListedSpace(name="t", networks=["a"], columns={}, costs={"params": [1]})
