from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.parameters import unflatten
from search_spaces.families.parameter import Choice, Parameter, Point, Range
from search_spaces.registry import preset
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import SPACES, named_space
from search_spaces.training_config import TrainConfig
from tests.profiles import examples

BASE = ArchConfig(widths=(12, 16, 20, 24), groups=(1, 1, 1, 1))
VALUES: dict[str, tuple] = {
    "width_branch1": (12, 14, 16),
    "groups_branch1": (1, 2, 3, 4),
    "kernels_branch1": (1, 2),
    "groups_branch3": (1, 2, 5, 7),
    "width_branch3": (20, 28),
    "widths": ("12-16-20-24", "14-16-28-24", "16-16-20-32"),
    "groups": ("1-1-1-1", "2-1-1-1", "3-2-1-4", "7-1-2-4"),
    "block": ("dmc", "lite", "lite_dsc"),
    "modules_stage3": (1, 2),
    "stem": ("dgc", "lite"),
    "network": ("dite_hrnet_18", "lite_hrnet_18", "lite_hrnet_18_acm"),
}
PARTNERS = {"width_branch1": "widths", "width_branch3": "widths", "groups_branch1": "groups", "groups_branch3": "groups"}


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """A small space, often one whose rules tie several parameters together."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    names = {name for name in names if PARTNERS.get(name) not in names}
    parameters = {
        name: Choice(values=tuple(sorted(draw(st.sets(st.sampled_from(VALUES[name]), min_size=1)))))
        for name in sorted(names)
    }
    base = ArchConfig(
        block="lite", widths=BASE.widths, groups=draw(st.sampled_from(((1, 1, 1, 1), (2, 1, 1, 4), (4, 1, 1, 1))))
    )
    try:
        return SearchSpace(name="drawn", base=base, parameters=parameters)
    except InvalidInput:
        assume(False)
        raise


def every_point(space: SearchSpace) -> list[Point]:
    names = list(space.choices)
    return [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(p.values for p in space.choices.values()))
    ]


def is_buildable(space: SearchSpace, point: Point) -> bool:
    """Decided by the architecture alone, without the space's own bookkeeping."""
    values = dict(point)
    network = values.pop("network", None)
    base = space.base if network is None else preset(str(network), input_size=space.base.input_size)
    try:
        unflatten(values, base)
    except InvalidInput:
        return False
    return True


@given(spaces())
def test_count_and_enumerate_agree_with_trying_everything(space: SearchSpace) -> None:
    valid = [point for point in every_point(space) if is_buildable(space, point)]
    assert space.count() == len(valid)
    assert all(space.is_valid(point) for point in valid)
    listed = [arch.arch_id for arch in space.enumerate()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {space.build(point).arch_id for point in valid}


@given(spaces(), st.integers(0, 2**32 - 1))
def test_sample_mutate_and_crossover_are_valid_and_repeatable(space: SearchSpace, seed: int) -> None:
    def walk() -> list[Point]:
        generator = np.random.default_rng(seed)
        points = [space.sample(generator), space.sample(generator)]
        points += [space.mutate(point, generator) for point in points]
        return [*points, space.crossover(points[0], points[3], generator)]

    points = walk()
    assert points == walk()
    for point in points:
        assert list(point) == list(space.parameters)
        assert is_buildable(space, point)
        assert space.is_valid(point)
    first, second, mutated, _, child = points
    assert mutated != first or space.count() == 1
    assert all(child[name] in (first[name], points[3][name]) for name in child)
    assert second.keys() == child.keys()


@given(st.integers(0, 2**32 - 1))
@examples(50)
def test_the_large_space_samples_mutates_and_crosses_validly(seed: int) -> None:
    space, generator = named_space("dite_hrnet"), np.random.default_rng(seed)
    first, second = space.sample(generator), space.sample(generator)
    for point in (first, second, space.mutate(first, generator), space.crossover(first, second, generator)):
        assert unflatten(point, space.base).arch_id == space.build(point).arch_id


def test_a_mutation_reaches_across_rules_that_bind_whole_tuples() -> None:
    space = SearchSpace(
        name="tied",
        base=ArchConfig(groups=(1, 1, 1, 1)),
        parameters={
            "widths": Choice(values=("40-80-160-320", "42-80-160-320")),
            "groups": Choice(values=("4-1-1-1", "3-1-1-1")),
        },
    )
    assert space.count() == 2
    first = {"widths": "40-80-160-320", "groups": "4-1-1-1"}
    assert space.mutate(first, np.random.default_rng(0)) == {"widths": "42-80-160-320", "groups": "3-1-1-1"}


def test_a_mutation_stays_near() -> None:
    space, generator = named_space("dite_hrnet"), np.random.default_rng(1)
    for _ in range(200):
        point = space.sample(generator)
        mutated = space.mutate(point, generator)
        changed = [name for name in point if point[name] != mutated[name]]
        assert 1 <= len(changed) <= 2, changed
        assert len({name.rpartition("_")[2] for name in changed}) == 1 or len(changed) == 1


def test_a_mutation_of_the_only_point_is_that_point() -> None:
    space = SearchSpace(name="one", base=ArchConfig(), parameters={"kernels_branch1": Choice(values=(2,))})
    assert space.mutate({"kernels_branch1": 2}, np.random.default_rng(0)) == {"kernels_branch1": 2}


def test_crossover_inherits_from_both_parents_and_keeps_a_branch_together() -> None:
    space, generator = named_space("dite_hrnet"), np.random.default_rng(3)
    first = {name: parameter.values[0] for name, parameter in space.choices.items()}
    second = {name: parameter.values[-1] for name, parameter in space.choices.items()}
    seen = set()
    for _ in range(60):
        child = space.crossover(first, second, generator)
        origin = {name: child[name] == first[name] for name in child}
        for branch in range(1, 5):
            assert len({origin[f"{kind}_branch{branch}"] for kind in ("width", "groups", "kernels")}) == 1
        seen.add(tuple(origin.values()))
    assert len(seen) > 30


def test_sampling_is_uniform_over_valid_points() -> None:
    """Drawing width first and G after it would favour the widths that allow few G."""
    space = SearchSpace(
        name="uneven",
        base=BASE,
        parameters={
            "block": Choice(values=("dmc", "lite")),
            "width_branch1": Choice(values=(12, 14, 16)),
            "groups_branch1": Choice(values=(1, 2, 3, 4)),
        },
    )
    valid = space.count()
    assert valid == (3 + 1 + 3) + 12
    generator = np.random.default_rng(0)
    draws = 200 * valid
    counts = Counter(tuple(space.sample(generator).values()) for _ in range(draws))
    assert len(counts) == valid
    chi_square = sum((count - 200) ** 2 / 200 for count in counts.values())
    assert chi_square < 42.3  # 99.9 % quantile at 18 degrees of freedom


def test_hyperparameters_are_sampled_and_applied() -> None:
    parameters: dict[str, Parameter] = {
        "kernels_branch1": Choice(values=(1, 2)),
        "learning_rate": Range(low=1e-4, high=1e-2, log=True),
        "optimizer": Choice(values=("adam", "adamw")),
    }
    space = SearchSpace(name="both", base=ArchConfig(), parameters=parameters)
    point = space.sample(np.random.default_rng(0))
    config = space.train_config(point, TrainConfig(epochs=3))
    assert (config.epochs, config.learning_rate, config.optimizer) == (3, point["learning_rate"], point["optimizer"])
    assert space.count() == 2
    assert space.build({"kernels_branch1": 2}).kernels[0] == 2
    mutated = [space.mutate(point, np.random.default_rng(seed)) for seed in range(20)]
    assert all(space.is_valid(other) and other != point for other in mutated)
    assert {name for other in mutated for name in other if other[name] != point[name]} == set(parameters)


def test_a_named_network_takes_the_place_of_the_base_and_is_changed_further() -> None:
    space = SearchSpace(
        name="named",
        base=ArchConfig(stem_width=16, input_size=(64, 64), keypoints=16),
        parameters={
            "network": Choice(values=("dite_hrnet_18", "lite_hrnet_18")),
            "kernels_branch1": Choice(values=(1, 4)),
            "learning_rate": Range(low=1e-4, high=1e-2),
        },
    )
    built = space.build({"network": "dite_hrnet_18", "kernels_branch1": 1})
    assert built == dataclasses.replace(ArchConfig(input_size=(64, 64), keypoints=16), kernels=(1, 4, 2, 1))
    assert space.count() == 4
    assert len(list(space.enumerate())) == 3, "a block without DSC has no N to vary"


def test_a_block_is_searched_although_it_needs_another_parameter() -> None:
    base = ArchConfig(block="lite", widths=(42, 80, 160, 320), groups=(4, 1, 1, 1))
    parameters = {"block": Choice(values=("lite", "dmc")), "groups_branch1": Choice(values=(3, 4))}
    assert SearchSpace(name="late", base=base, parameters=parameters).count() == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "space bad is empty: it names no parameter to search"),
        (
            {"groups_branch5": Choice(values=(1,))},
            "unknown parameter of space bad 'groups_branch5': did you mean 'groups_branch",
        ),
        (
            {"groups_branch1": Choice(values=(3, 7))},
            "space bad has no valid network: groups of branch 1 must divide half its width: "
            "G = 3 does not divide 20 (width 40)",
        ),
        (
            {"width_branch2": Choice(values=(40,)), "groups_branch2": Choice(values=(3,)), "block": Choice(values=("dmc",))},
            "space bad has no valid network: groups of branch 2 must divide half its width: "
            "G = 3 does not divide 20 (width 40)",
        ),
        ({"width_branch1": Choice(values=(41,))}, "space bad: parameter width_branch1: width of branch 1 must be even"),
        (
            {"kernels_branch1": Choice(values=(0, 1))},
            "space bad: parameter kernels_branch1: kernels[0] must be an integer from 1",
        ),
        ({"block": Choice(values=("dmx",))}, "space bad: parameter block: unknown block 'dmx': did you mean 'dmc'?"),
        (
            {"stem_width": Choice(values=(20,))},
            "space bad: parameter stem_width: stem_width must be a multiple of 8, got 20",
        ),
        ({"input_size": Choice(values=("256x190",))}, "space bad: parameter input_size: input_size must be multiples of 32"),
        ({"widths": Choice(values=("40-80",))}, "space bad: parameter widths: widths must be 4 integers, got '40-80'"),
        ({"groups_branch1": Range(low=1, high=4)}, "space bad: groups_branch1 must be a list of values, not a range"),
        (
            {"batch_size": Range(low=8, high=64)},
            "space bad: batch_size takes integers, so it must be a list of values, not a range",
        ),
        (
            {"learning_rate": Range(low=-1, high=1)},
            "space bad: parameter learning_rate: learning_rate must be a number from",
        ),
        ({"optimizer": Choice(values=("sgd",))}, "space bad: parameter optimizer: unknown optimizer 'sgd'"),
        ({"epochs": Choice(values=(1, 2))}, "unknown parameter of space bad 'epochs'"),
        (
            {"network": Choice(values=("dite_hrnet_18", "dite_hrnet18"))},
            "space bad: parameter network: unknown network 'dite_hrnet18': did you mean 'dite_hrnet_18'",
        ),
        ({"network": Range(low=1, high=4)}, "space bad: network must be a list of values, not a range"),
        (
            {"networks": Choice(values=("dite_hrnet_18",))},
            "unknown parameter of space bad 'networks': did you mean 'network'",
        ),
        (
            {"network": Choice(values=("dite_hrnet_18",)), "groups_branch1": Choice(values=(3,))},
            "space bad has no valid network: groups of branch 1 must divide half its width: "
            "G = 3 does not divide 20 (width 40)",
        ),
        (
            {"groups": Choice(values=("1-1-1-1",)), "groups_branch1": Choice(values=(1,))},
            "space bad: groups must be varied whole or branch by branch, not both",
        ),
    ],
)
def test_a_space_that_cannot_be_gives_the_reason(parameters: dict[str, Parameter], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        SearchSpace(name="bad", base=ArchConfig(), parameters=parameters)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels_branch1": 3}, "kernels_branch1 must be one of 1, 2, got 3"),
        ({"kernels": 1}, "unknown parameter of space tiny 'kernels'"),
        ({"widths": None}, "a point of space tiny must have a value for widths"),
    ],
)
def test_a_wrong_point_says_why(change: dict[str, Any], message: str) -> None:
    space = named_space("tiny")
    point = {**space.sample(np.random.default_rng(0)), **change}
    point = {name: value for name, value in point.items() if value is not None}
    assert not space.is_valid(point)
    with pytest.raises(InvalidInput) as error:
        space.build(point)
    assert message in str(error.value)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_the_same_seed_gives_the_same_points(name: str) -> None:
    space = named_space(name)
    first, second, other = ([space.sample(np.random.default_rng(seed)) for _ in range(3)] for seed in (5, 5, 6))
    assert first == second != other
