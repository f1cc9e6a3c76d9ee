"""A family with nothing but the three things that every family must have, and one with a rule between fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

from search_spaces import registry
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, checked_integer, checked_integers, checked_size, resized
from search_spaces.families.cost import Cost, PartCost, Tally
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.family import Family
from search_spaces.families.parameter import NETWORK, Choice, Range
from search_spaces.space.encoding import Encoding
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import space_from


@dataclass(frozen=True, kw_only=True)
class Grouped(Architecture):
    """Three layers whose channels are split into so many parts."""

    FAMILY: ClassVar[str] = "grouped"
    channels: tuple[int, ...] = (8, 16, 32)
    split: int = 1
    norm: str = "batch"
    input_size: tuple[int, int] = (64, 32)
    keypoints: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", checked_integers("channels", self.channels, 3, 1, 512))
        object.__setattr__(self, "input_size", checked_size(self.input_size, multiple=8))
        checked_integer("split", self.split, 1, 512)
        if self.channels[0] % self.split:
            raise InvalidInput(f"split must divide the first of channels, got {self.split} and {self.channels[0]}")


class GroupedFamily(Family[Grouped]):
    """The family, with the rule that ties two of its parameters."""

    architecture, label = Grouped, "grouped"
    units = ("width",)

    def unit_of(self, parameter: str) -> str:
        return "width" if parameter in ("channels", "split") else parameter

    @property
    def presets(self) -> Mapping[str, Callable[[], Grouped]]:
        return {"grouped_8": Grouped, "grouped_16": lambda: Grouped(channels=(16, 16, 16))}

    def parts(self, arch: Grouped) -> list[PartCost]:
        tally = Tally()
        tally.pointwise(3, arch.keypoints, 100, bias=True, norm=False)
        return [tally.part("all", times=2)]


@pytest.fixture(autouse=True)
def family(monkeypatch: pytest.MonkeyPatch) -> GroupedFamily:
    found = GroupedFamily()
    monkeypatch.setitem(registry.FAMILIES, found.name, found)
    for name, make in found.presets.items():
        monkeypatch.setitem(registry.PRESETS, name, make)
    return found


def space(**parameters: Choice | Range) -> SearchSpace:
    return SearchSpace(name="mine", base=Grouped(), parameters=parameters)


def test_an_architecture_survives_a_file_and_names_its_family() -> None:
    arch = Grouped(channels=(16, 8, 8), split=4)
    assert arch.to_dict() == {
        "family": "grouped",
        "channels": [16, 8, 8],
        "split": 4,
        "norm": "batch",
        "input_size": [64, 32],
        "keypoints": 3,
    }
    assert registry.architecture_from(arch.to_dict()) == arch
    assert registry.architecture_from({"family": "grouped", "input_size": "64x64"}).heatmap_size == (16, 16)
    assert arch.arch_id != Grouped().arch_id
    assert resized(arch, input_size="8x16", keypoints=1) == Grouped(
        channels=(16, 8, 8), split=4, input_size=(8, 16), keypoints=1
    )


def test_a_file_without_a_family_is_of_the_first() -> None:
    assert registry.architecture_from({}) == ArchConfig()
    assert registry.architecture_from({"family": "dite_hrnet", "keypoints": 16}) == ArchConfig(keypoints=16)
    with pytest.raises(InvalidInput, match="unknown family 'groupd': did you mean 'grouped'"):
        registry.architecture_from({"family": "groupd"})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"channels": [8]}, r"channels must be a list of 3 integers, got \[8\]"),
        ({"channels": [8, 8, 0]}, r"channels\[2\] must be an integer from 1 to 512, got 0"),
        ({"input_size": [64, 12]}, "input_size must be multiples of 8, got 64x12"),
        ({"split": True}, "split must be an integer from 1 to 512, got True"),
        ({"splits": 1}, "unknown architecture field 'splits': did you mean 'split'"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        registry.architecture_from({"family": "grouped", **fields})


def test_values_are_flat_and_tuples_whole(family: GroupedFamily) -> None:
    flat = family.flatten(Grouped())
    assert flat == {"channels": "8-16-32", "split": 1, "norm": "batch", "input_size": "64x32", "keypoints": 3}
    assert family.unflatten(flat, Grouped(norm="none")) == Grouped()
    assert family.values_of(Grouped()) == flat
    assert family.cost(Grouped()) == Cost(params=24, macs=1800, macs_paper=2400, flops_published=1800)
    assert family.outline(Grouped()) == "channels 8-16-32; split 1; norm batch"


def test_rules_leave_out_what_cannot_be_built_and_nothing_else() -> None:
    found = space(channels=Choice(values=("6-6-6", "8-8-8")), split=Choice(values=(2, 3, 4)), norm=Choice(values=("a", "b")))
    built = {(arch.channels[0], arch.split, arch.norm) for arch in found.enumerate()}
    assert built == {(c, s, n) for c, s in ((6, 2), (6, 3), (8, 2), (8, 4)) for n in "ab"}
    assert found.count() == len(built)
    generator = np.random.default_rng(0)
    points = [found.sample(generator) for _ in range(100)]
    assert all(found.is_valid(point) for point in points)
    for first, second in pairwise(points):
        assert found.is_valid(found.crossover(first, second, generator))
        assert found.is_valid(found.mutate(first, generator))
    assert found.point_of(Grouped(channels=(8, 8, 8), split=2, norm="a")) == {"channels": "8-8-8", "split": 2, "norm": "a"}
    assert found.point_of(ArchConfig()) is None
    assert len({tuple(Encoding(found)(point)) for point in found.points()}) == found.count()


def test_spaces_are_read_from_files() -> None:
    found = space_from({"base": {"family": "grouped", "split": 2}, "parameters": {"channels": [[8, 8, 8], "4-4-4"]}})
    assert {arch.channels for arch in found.enumerate()} == {(8, 8, 8), (4, 4, 4)}
    named = space_from({"base": "grouped_8", "parameters": {NETWORK: ["grouped_8", "grouped_16"]}})
    assert [arch.channels[0] for arch in named.enumerate()] == [8, 16]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"split": Choice(values=(3, 5))},
            "mine has no valid network: split must divide the first of channels, got 3",
        ),
        ({"norms": Choice(values=("a",))}, "unknown parameter of space mine 'norms': did you mean 'norm'"),
        ({"keypoints": Range(low=1, high=2)}, "keypoints must be a list of values, not a range"),
        (
            {NETWORK: Choice(values=("hourglass_52",))},
            r"parameter network: hourglass_52: input_size\[0\] must be an integer from 128 to 2048, got 64",
        ),
    ],
)
def test_a_space_that_cannot_be_is_refused(parameters: dict[str, Choice | Range], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        space(**parameters)
