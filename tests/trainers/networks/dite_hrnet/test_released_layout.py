"""The networks that the authors' code can build."""

from __future__ import annotations

import dataclasses

from search_spaces.families.dite_hrnet.presets import PRESETS
from search_spaces.registry import preset
from search_spaces.space.space_file import named_space
from trainers.networks.dite_hrnet.released_layout import RELEASED, own_names, released_problem
from trainers.networks.registry import build_network


def test_the_released_layout_is_for_networks_the_authors_code_can_build() -> None:
    assert all(released_problem(make()) == "" for make in PRESETS.values())
    wider = dataclasses.replace(preset("dite_hrnet_18"), widths=(32, 64, 128, 256), modules=(1, 3, 1), keypoints=16)
    assert released_problem(wider) == ""
    assert released_problem(wider.canonical) == ""
    other = dataclasses.replace(wider, groups=(1, 1, 1, 1), kernels=(4, 4, 1, 1))
    assert released_problem(other).endswith(
        "this network has groups 1-1-1-1 instead of 1-1-2-4, kernels 4-4-1-1 instead of 4-4-2-1"
    )
    assert "context_pooling spatial instead of released" in released_problem(
        dataclasses.replace(wider, context_pooling="spatial")
    )


def test_tensors_of_the_published_layout_have_our_names() -> None:
    arch = next(named_space("tiny").enumerate())
    network = build_network(arch)
    state = RELEASED.state(arch, network)
    assert own_names(state).keys() == network.state_dict().keys()
    assert own_names(network.state_dict()).keys() == network.state_dict().keys()
