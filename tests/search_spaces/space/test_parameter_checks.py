"""Spaces over networks of several families: what they hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import NETWORK
from search_spaces.registry import preset
from search_spaces.space.encoding import Encoding
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import space_from

NETWORKS = ["dite_hrnet_18", "small_hrnet_w18", "mobilenet_v2"]
PARAMETERS = {
    NETWORK: NETWORKS,
    "groups_branch4": [1, 2, 4],
    "base_width": [8, 16],
    "width_factor": [0.5, 1.0],
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
}


def space() -> SearchSpace:
    return space_from({"parameters": PARAMETERS})


def test_networks_of_several_families_alone_are_a_space() -> None:
    found = space_from({"parameters": {NETWORK: NETWORKS}}, input_size=(128, 96), keypoints=14)
    assert [arch.FAMILY for arch in found.enumerate()] == ["dite_hrnet", "hrnet", "mobilenet_v2"]
    assert [family.name for family in found.families] == ["dite_hrnet", "hrnet", "mobilenet_v2"]
    assert {(arch.input_size, arch.keypoints) for arch in found.enumerate()} == {((128, 96), 14)}


def test_a_parameter_varies_the_networks_of_its_family_alone() -> None:
    found = space()
    assert found.count() == 3 + 2 + 2
    assert len({found.build(point).arch_id for point in found.points()}) == 7
    points = [point for point in found.points() if point[NETWORK] == "mobilenet_v2"]
    assert {(point["groups_branch4"], point["base_width"]) for point in points} == {(1, 8)}


def test_a_value_without_effect_is_taken_and_left_out_of_what_is_shown() -> None:
    point = {NETWORK: "mobilenet_v2", "groups_branch4": 4, "base_width": 16, "width_factor": 1.0}
    found = space()
    assert found.build(point) == preset("mobilenet_v2")
    assert found.effective(point | {"learning_rate": 1e-3}) == {
        NETWORK: "mobilenet_v2",
        "width_factor": 1.0,
        "learning_rate": 1e-3,
    }


@given(st.integers(0, 2**32 - 1))
def test_points_by_chance_and_their_relatives_are_valid_and_without_idle_values(seed: int) -> None:
    found, generator = space(), np.random.default_rng(seed)
    first, second = found.sample(generator), found.sample(generator)
    for point in (first, second, found.mutate(first, generator), found.crossover(first, second, generator)):
        assert found.is_valid(point)
        assert all(point[name] == found.choices[name].values[0] for name in found.choices if found.rests(name, point))
    assert found.mutate(first, generator) != first


def test_every_network_is_the_point_of_itself() -> None:
    found = space()
    for arch in found.enumerate():
        point = found.point_of(arch)
        assert point is not None
        assert found.build(point) == arch
    assert found.point_of(preset("shufflenet_v2")) is None


def test_codes_tell_families_and_their_own_fields_apart() -> None:
    found = space()
    encoding = Encoding(found)
    assert {"family=dite_hrnet", "hrnet.base_width", "mobilenet_v2.width_factor"} <= set(encoding.names)
    codes = {tuple(encoding(point | {"learning_rate": 1e-3})) for point in found.points()}
    assert len(codes) == found.count()
    idle = {NETWORK: "small_hrnet_w18", "groups_branch4": 4, "base_width": 8, "width_factor": 1.0, "learning_rate": 1e-3}
    assert tuple(encoding(idle)) in codes


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({NETWORK: ["small_hrnet_w18", "mobilenet_v2"], "groups_branch4": [1, 2]}, "'groups_branch4'"),
        ({NETWORK: ["mobilenet_v22"]}, "parameter network: unknown network 'mobilenet_v22': did you mean 'mobilenet_v2'"),
        ({NETWORK: ["hourglass_52"]}, "hourglass_52: input_size must be multiples of 128, got 256x192"),
        ({NETWORK: {"low": 1, "high": 2}}, "network must be a list of values, not a range"),
        (
            {NETWORK: NETWORKS, "width_factor": [0.5, 1.01]},
            "parameter width_factor: width_factor must be a multiple of 0.05 from 0.1 to 4, got 1.01",
        ),
    ],
)
def test_what_no_network_can_have_is_refused(parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        space_from({"parameters": parameters})


def test_a_size_that_one_family_cannot_have_is_left_out_of_its_points_alone() -> None:
    found = space_from({"parameters": {NETWORK: ["hrnet_w32", "stacked_hourglass_8"], "input_size": ["256x192", "384x288"]}})
    assert [(point[NETWORK], point["input_size"]) for point in found.points()] == [
        ("hrnet_w32", "256x192"),
        ("hrnet_w32", "384x288"),
        ("stacked_hourglass_8", "256x192"),
    ]
    with pytest.raises(InvalidInput, match="parameter input_size: input_size must be multiples of 32, got 250x192"):
        space_from({"parameters": {NETWORK: ["hrnet_w32", "stacked_hourglass_8"], "input_size": ["250x192"]}})
