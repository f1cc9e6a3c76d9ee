"""Every parameter of every network has its slice, and every slice its tensor."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.registry import cost_of
from search_spaces.space.elastic_space import elastic_space
from tests.profiles import examples
from tests.trainers.networks.dite_hrnet.sharing import SPACES, drawn, envelope, tensors_of
from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.shared_layout import Axis, layout_of, shared_tensors


@examples(4, 100)
@given(st.sampled_from(sorted(SPACES)), st.integers(0, 2**31))
def test_slices_are_those_of_the_parameters(name: str, seed: int) -> None:
    arch, sizes = drawn(name, seed), envelope(name)
    assert sizes.problem(arch) == ""
    with torch.device("meta"):
        parameters = dict(build_network(arch).named_parameters())
    parts, shared = layout_of(arch, sizes), tensors_of(name)
    assert parts.keys() == parameters.keys()
    for each, part in parts.items():
        assert part.shape == tuple(parameters[each].shape), each
        assert part.is_learned == parameters[each].requires_grad, each
        assert shared[part.role].shared_shape == part.shared_shape, each
        assert all(0 <= axis.indices.min() <= axis.indices.max() < axis.size for axis in part.axes), each
        assert all(len(np.unique(axis.indices)) == len(axis.indices) for axis in part.axes), each


def test_the_store_is_a_union_rather_than_the_largest_network() -> None:
    """G of 1 and 2, and a transition at the width of the stem, are parts that the largest network lacks."""
    largest = elastic_space(SPACES["tiny_128"]).largest
    own = {part.role for part in layout_of(largest, envelope("tiny_128")).values()}
    missing = tensors_of("tiny_128").keys() - own
    assert any("/convs/3/of_1/" in role for role in missing)
    sizes = dataclasses.replace(envelope("tiny_128"), widths=((8, 16), *envelope("tiny_128").widths[1:]))
    wide = dataclasses.replace(largest, widths=(16, *largest.widths[1:]))
    lacking = shared_tensors(sizes).keys() - {part.role for part in layout_of(wide, sizes).values()}
    assert any(role.startswith("stages/0/transition/kept/0/") for role in lacking)


def test_the_store_of_the_whole_space_is_little_larger_than_its_largest_network() -> None:
    count = sum(int(np.prod(part.shared_shape)) for part in tensors_of("dite_hrnet").values())
    assert count / 1e6 == pytest.approx(5.15, abs=0.01)
    assert cost_of(elastic_space(SPACES["dite_hrnet"]).largest).params / 1e6 == pytest.approx(3.99, abs=0.01)


def test_poolings_read_with_weights_of_their_own() -> None:
    roles = tensors_of("poolings and bottlenecks")
    block = "stages/0/fused_modules/0/blocks/0/cross/"
    assert {role.removeprefix(block).partition("/")[0] for role in roles if role.startswith(block)} == {
        "released",
        "spatial",
        "channel_attention",
    }
    shared = [role for role in roles if role.startswith(f"{block}channel_attention")]
    assert sorted(role.rpartition("channel_attention/")[2] for role in shared) == ["expand/bias", "expand/weight"]


def test_an_axis_knows_how_it_is_read() -> None:
    assert Axis.whole(3).is_whole
    assert Axis.first(2, 3).is_prefix
    assert not Axis.first(2, 3).is_whole
    assert not Axis(size=3, indices=np.array([0, 2])).is_prefix
