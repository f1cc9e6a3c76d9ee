"""Codes of points: what is the same network has one code, and what differs has another."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.space.encoding import Encoding
from search_spaces.space.space_file import SPACES, named_space, space_from


@pytest.mark.parametrize("name", SPACES)
def test_codes_tell_networks_apart_and_stay_near_one(name):
    space = named_space(name)
    encoding, generator = Encoding(space), np.random.default_rng(0)
    codes: dict[str, tuple[float, ...]] = {}
    for _ in range(200):
        point = space.sample(generator)
        code = encoding(point)
        assert code.shape == (len(encoding.names),)
        assert (np.abs(code) <= 1.0 + 1e-9).all()
        assert codes.setdefault(space.build(point).arch_id, tuple(code)) == tuple(code)
    assert len(set(codes.values())) == len(codes)


def test_only_what_varies_is_a_column():
    names = " ".join(Encoding(named_space("tiny_128")).names)
    assert len(Encoding(named_space("tiny_128")).names) == 6
    assert "input_size" not in names


def test_a_logarithmic_range_is_coded_by_its_logarithm():
    space = space_from({"base": "tiny", "parameters": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}})
    encoding, point = Encoding(space), space.sample(np.random.default_rng(0))
    low, middle, high = (encoding({**point, "learning_rate": rate}) for rate in (1e-4, 1e-3, 1e-2))
    assert np.allclose(middle, (low + high) / 2)


def test_a_point_must_be_whole():
    with pytest.raises(InvalidInput, match="must have a value for width_branch1"):
        Encoding(named_space("tiny_128"))({"width_branch2": 16})
