"""The named spaces hold the networks of the tables."""

from __future__ import annotations

import pytest

from search_spaces.families.dite_hrnet.presets import dite_hrnet_18
from search_spaces.families.dite_hrnet.spaces import SPACES
from search_spaces.space.space_file import named_space


@pytest.mark.parametrize(("name", "count"), [("table5", 16), ("table6", 5), ("tiny_128", 128)])
def test_a_space_has_as_many_networks_as_its_table(name: str, count: int) -> None:
    space = named_space(name)
    assert len({arch.arch_id for arch in space.enumerate()}) == count


@pytest.mark.parametrize("name", ["table5", "table6", "dite_hrnet"])
def test_the_proposed_network_is_in_its_spaces(name: str) -> None:
    space = named_space(name)
    assert space.build(space.point_of(dite_hrnet_18())).arch_id == dite_hrnet_18().arch_id


def test_spaces_go_by_the_names_of_their_functions() -> None:
    assert list(SPACES) == ["table5", "table6", "dite_hrnet", "tiny", "tiny_128"]
