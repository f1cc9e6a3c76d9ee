"""The named parts of networks."""

from __future__ import annotations

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.registry import FAMILIES
from search_spaces.space.space_file import named_space
from tests.baselines import small
from trainers.networks.parts import HEAD, freeze, modules_of, parts_of
from trainers.networks.registry import build_network

TINY = next(named_space("tiny").enumerate())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_of_a_family_is_there_and_the_head_gives_the_keypoints(family):
    arch = TINY if family == TINY.FAMILY else small(family)
    network, parts = build_network(arch), parts_of(arch)
    assert all(modules_of(network, parts, [name]) for name in parts)
    last = [module for module in network.modules() if list(module.parameters(recurse=False))][-1]
    head = [each for module in modules_of(network, parts, [HEAD]) for each in module.modules()]
    assert family == "stacked_hourglass" or last in head


def test_frozen_parts_are_not_learned_and_others_are():
    network, parts = build_network(TINY), parts_of(TINY)
    assert freeze(network, parts, ["stem", "stages.1"]) == [network.stem, network.stages[1]]
    learned = {name.partition(".")[0] for name, each in network.named_parameters() if each.requires_grad}
    assert learned == {"stages", "head", "final"}
    assert not any(each.requires_grad for each in network.stem.parameters())


@pytest.mark.parametrize("name", ["neck", "", "stages.9"])
def test_an_unknown_part_is_refused_with_the_known_ones(name):
    message = r"freeze must name parts of the network \(stem, stage2, stage3, stage4, head\) or prefixes of its modules, got"
    with pytest.raises(InvalidInput, match=message):
        freeze(build_network(TINY), parts_of(TINY), [name])


def test_everything_cannot_be_frozen():
    parts = parts_of(TINY)
    with pytest.raises(InvalidInput, match="freeze must leave a part of the network to learn, got all of it by"):
        freeze(build_network(TINY), parts, list(parts))


def test_nothing_is_frozen_by_no_name():
    network = torch.nn.Linear(2, 2)
    assert freeze(network, {}, []) == []
    assert network.weight.requires_grad
