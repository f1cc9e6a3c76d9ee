"""The answers of a space to an algorithm hold for spaces of families and for lists alike."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from search_spaces.registry import DEFAULT_SPACE
from search_spaces.space.listed_space import ListedSpace
from search_spaces.space.space_file import named_space

SPACES = {
    "family": lambda: named_space(DEFAULT_SPACE),
    "list": lambda: ListedSpace(
        name="t", networks=["a", "b", "c"], columns={"width": [8, 16, 32]}, costs={"params": [1, 2, 3]}
    ),
}


@pytest.mark.parametrize("kind", SPACES)
def test_points_are_built_into_networks_with_plain_values(kind):
    space = SPACES[kind]()
    generator = np.random.default_rng(0)
    point = space.sample(generator)
    near = space.mutate(point, generator)
    assert set(point) == set(near) == set(space.parameters) | set(space.training_parameters)
    assert near != point
    assert space.build(point).arch_id != space.build(near).arch_id
    assert space.build(point).arch_id == space.build(dict(point)).arch_id
    plain = space.build(point).to_dict()
    assert yaml.safe_load(yaml.safe_dump(plain)) == plain
    assert space.count() >= 3
    assert next(iter(space.points())).keys() == point.keys()
