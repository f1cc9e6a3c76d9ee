from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import dite_hrnet_18, dite_hrnet_30
from search_spaces.registry import cost_of, flatten, preset
from search_spaces.space.space_file import named_space, space_from


def test_table5_is_the_sixteen_points_of_the_paper(reference: Path) -> None:
    rows = json.loads((reference / "counts.json").read_text())["table5_grid_256x192"]
    expected = {ArchConfig(groups=tuple(row["groups"]), kernels=tuple(row["kernels"])).arch_id for row in rows}
    found = list(named_space("table5").enumerate())
    assert named_space("table5").count() == len(found) == len(rows) == 16
    assert {arch.arch_id for arch in found} == expected


def test_table6_is_the_five_networks_of_the_paper_in_its_order() -> None:
    space = named_space("table6")
    names = ["lite_hrnet_18", "lite_hrnet_18_acm", "lite_hrnet_18_dsc", "lite_hrnet_18_acm_dsc", "dite_hrnet_18"]
    assert list(space.points()) == [{"network": name} for name in names]
    assert list(space.enumerate()) == [preset(name) for name in names]
    on_mpii = space_from("table6", input_size="256x256", keypoints=16)
    assert list(on_mpii.enumerate()) == [preset(name, input_size=(256, 256), keypoints=16) for name in names]


def test_networks_by_name_are_searched_with_hyperparameters() -> None:
    space = space_from({"base": "table6", "parameters": {"learning_rate": {"low": 0.001, "high": 0.004}}})
    point = space.sample(np.random.default_rng(0))
    assert space.build(point) == preset(str(point["network"]))
    assert space.count() == 5


def test_the_large_space_is_large() -> None:
    space = named_space("dite_hrnet")
    assert space.count() == 27**4 * 3 * 4 * 3 * 3 >= 100_000
    point = {name: value for name, value in flatten(space.base).items() if name in space.parameters}
    assert space.build(point) == space.base == dite_hrnet_18()


def test_the_tiny_space_is_tiny() -> None:
    networks = list(named_space("tiny").enumerate())
    assert 50 <= len(networks) <= named_space("tiny").count()
    assert max(cost_of(arch).mmacs for arch in networks) < 15
    assert {arch.input_size for arch in networks} == {(96, 64)}


def test_a_space_from_a_name_or_fields(tmp_path: Path) -> None:
    assert space_from("table5") == named_space("table5")
    resized = space_from("tiny", input_size="64x64", keypoints=3)
    assert (resized.base.input_size, resized.base.keypoints, resized.name) == ((64, 64), 3, "tiny")
    custom = space_from({"base": "dite_hrnet_30", "parameters": {"groups_branch1": [1, 2]}})
    assert (custom.name, custom.base, custom.count()) == ("custom", dite_hrnet_30(), 2)
    file = tmp_path / "base.yaml"
    file.write_text("keypoints: 5\n")
    assert space_from({"base": str(file), "parameters": {"stem_kernels": [1, 2]}}).base.keypoints == 5
    inline = space_from({"base": {"modules": [1, 1, 1]}, "parameters": {"groups": [[1, 1, 1, 1], [1, 1, 2, 4]]}})
    assert inline.base.modules == (1, 1, 1)
    assert inline.count() == 2


def test_parameters_are_added_to_a_named_space_and_null_takes_one_away() -> None:
    space = space_from({"base": "tiny", "parameters": {"widths": None, "stem_kernels": [1, 2]}})
    assert "widths" not in space.parameters
    assert space.count() == named_space("tiny").count() // 4 * 2
    assert "widths" in named_space("tiny").parameters


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tinny", "unknown space or network 'tinny': did you mean 'tiny'?"),
        ({"bases": "tiny"}, "unknown field of space 'bases': did you mean 'base'?"),
        ({"base": 3, "parameters": {}}, "base of space must be a name or an architecture's fields, got 3"),
        ({"base": "tiny", "parameters": [1]}, "parameters of space must be names with their values, got [1]"),
        ({"base": "dite_hrnet_18"}, "space custom is empty"),
        ({"base": "missing.yaml", "parameters": {}}, "missing.yaml does not exist"),
        ({"base": {"groups": [1, 1, 3, 1]}}, "groups of branch 3 must divide half its width"),
        ({"base": "tiny", "parameters": {"groups_branch1": [5]}}, "has no valid network: groups of branch 1 must divide"),
    ],
)
def test_a_wrong_space_says_why(spec: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        space_from(spec)
    assert message in str(error.value)


def test_an_unknown_space_names_the_known_ones() -> None:
    expected = r"unknown space 'table7': did you mean 'table6'.*dite_hrnet, .*table5, table6, tiny"
    with pytest.raises(InvalidInput, match=expected):
        named_space("table7")
