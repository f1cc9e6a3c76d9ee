"""The envelope of a space: its sizes, the networks that have a place in it, and the spaces that have none."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.elastic import DiteEnvelope
from search_spaces.space.elastic_space import envelope_of
from search_spaces.space.space_file import named_space, space_from
from tests.profiles import examples
from tests.strategies import architectures

TINY_128 = envelope_of(named_space("tiny_128"))


def envelope(base: str | dict[str, Any], **parameters: list[Any]) -> DiteEnvelope:
    found = envelope_of(space_from({"base": base, "parameters": parameters}))
    assert isinstance(found, DiteEnvelope)
    return found


def test_the_sizes_are_the_largest_of_the_space() -> None:
    found = envelope_of(named_space("dite_hrnet"))
    assert isinstance(found, DiteEnvelope)
    assert found.largest_widths == (48, 96, 192, 384)
    assert found.groups == ((1, 2, 4),) * 4
    assert found.kernels == (4,) * 4
    assert (found.modules, found.blocks, found.stem_kernels) == ((3, 8, 3), 3, 4)
    assert (found.parts, found.poolings) == ((8,) * 4, ("released",))


def test_a_branch_of_one_width_has_one_part_and_any_groups() -> None:
    found = envelope("dite_hrnet_18", width_branch1=[30], groups_branch1=[1, 3, 5], width_branch2=[64, 80])
    assert found.parts == (1, 8, 1, 1)
    assert found.groups[0] == (1, 3, 5)


def test_groups_that_no_network_can_have_take_no_place() -> None:
    found = envelope("dite_hrnet_18", width_branch1=[40], groups_branch1=[1, 2, 3])
    assert found.groups[0] == (1, 2)


def test_blocks_with_and_without_dsc_share() -> None:
    found = envelope("dite_hrnet_18", block=["dmc", "lite_acm"])
    assert found.groups == ((1,), (1,), (1, 2), (1, 4))
    assert envelope("lite_hrnet_18", width_branch1=[32, 40]).groups == ((1,),) * 4


@pytest.mark.parametrize("name", ["tiny", "tiny_128", "table5"])
def test_every_network_of_a_space_has_a_place(name: str) -> None:
    space = named_space(name)
    found = envelope_of(space)
    for arch in space.enumerate():
        assert found.problem(arch) == found.problem(arch.canonical) == ""


@examples(50)
@given(architectures(), st.sampled_from([named_space("tiny_128"), named_space("tiny")]))
def test_a_network_has_a_place_or_a_reason(arch: ArchConfig, space: Any) -> None:
    problem = envelope_of(space).problem(arch)
    assert problem
    assert "got" in problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stem": "lite"}, "stem must be 'dgc', got 'lite'"),
        ({"input_size": (64, 64)}, r"input_size must be [96, 64], got [64, 64]"),
        ({"block": "lite_dsc"}, "block must weight by DCM and GCM, got lite_dsc"),
        ({"context_pooling": "spatial"}, "pooling must be one of released, got spatial"),
        ({"stem_kernels": 2}, "N of the stem must be at most 1, got 2"),
        ({"modules": (1, 3, 1)}, "modules of stage 3 must be at most 2, got 3"),
        ({"blocks_per_module": 2}, "blocks of a module must be at most 1, got 2"),
        ({"widths": (48, 32, 48, 64)}, "width of branch 1 must be one of 8, 16, 24, 32, got 48"),
        ({"groups": (1, 1, 2, 8)}, "G of branch 4 must be one of 1, 4, got 8"),
        ({"kernels": (4, 4, 2, 2)}, "N of branch 1 must be at most 2, got 4"),
        ({"kernels": (2, 4, 2, 2)}, "N of branch 4 must be at most 1, got 2"),
        ({"cross_reduction": 1}, "cross bottleneck of stage 2 must be at most 4, got 24"),
        ({"context_reductions": (1, 4, 8, 8)}, "context bottleneck of branch 1 must be at most 4, got 16"),
        ({"attention_reduction": 1}, "attention bottleneck of branch 1 must be at most 4, got 16"),
        ({"stem_context_reduction": 1}, "context bottleneck of the stem must be at most 2, got 8"),
    ],
)
def test_a_network_without_a_place(changes: dict[str, Any], problem: str) -> None:
    inside = next(a for a in named_space("tiny_128").enumerate() if a.kernels[0] == 2 and a.widths[0] == 32)
    assert TINY_128.problem(inside) == ""
    arch = dataclasses.replace(inside, **changes)
    assert TINY_128.problem(arch) == problem


@pytest.mark.parametrize(
    ("base", "parameters", "message"),
    [
        ("dite_hrnet_18", {"stem": ["dgc", "lite"]}, "stem must be one for all networks that share weights, got dgc, lite"),
        ("dite_hrnet_18", {"stem_width": [16, 32]}, "stem_width must be one"),
        ("dite_hrnet_18", {"fusion": ["after_relu", "before_relu"]}, "fusion must be one"),
        ("dite_hrnet_18", {"input_size": ["256x192", "128x96"]}, "input_size must be one"),
        ("dite_hrnet_18", {"block": ["dmc", "lite"]}, "block must weight by DCM and GCM in all networks"),
        (
            "dite_hrnet_18",
            {"width_branch4": [96, 100], "groups_branch4": [4, 2]},
            r"widths of branch 4 must have a common divisor that is a multiple of 2G for every G .*got widths 96, 100 and G",
        ),
        ("table6", {}, "stem must be one for all networks"),
        ("tiny", {"learning_rate": [0.1, 0.01]}, "learning_rate describes a training"),
    ],
)
def test_a_space_that_cannot_share_says_why(base: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"space [a-z0-9]+ cannot have shared weights: {message}"):
        envelope_of(space_from({"base": base, "parameters": parameters} if parameters else base))


def test_the_identity_tells_spaces_apart_and_can_be_written() -> None:
    known = [json.dumps(envelope_of(named_space(name)).identity) for name in ("tiny", "tiny_128", "dite_hrnet", "table5")]
    assert len(set(known)) == 4
    again = envelope_of(named_space("tiny_128"))
    assert json.loads(known[1]) == again.identity
