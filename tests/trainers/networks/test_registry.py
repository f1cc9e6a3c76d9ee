"""The networks of every family."""

from __future__ import annotations

import pytest
import torch

from analysis.onnx.writers import MODULES as ONNX_MODULES
from search_spaces.families.architecture import resized
from search_spaces.registry import FAMILIES, cost_of
from tests.profiles import by_profile
from trainers.evaluation.counting import count_params, measured_cost
from trainers.networks.registry import MODULES, build_network, layouts, networks_of, variable_modules


def test_every_family_has_networks_and_no_other() -> None:
    assert MODULES.keys() == FAMILIES.keys()
    assert ONNX_MODULES.keys() <= FAMILIES.keys()


@pytest.mark.slow
@pytest.mark.longer
@pytest.mark.parametrize("family", FAMILIES)
def test_built_networks_are_what_their_family_says(family: str) -> None:
    # A trace takes seconds. At a commit a network of each family is run and traced; tests of the families count the others
    # in parts.
    presets = list(FAMILIES[family].presets.values())
    traced = by_profile(presets[:1], presets)
    for make in presets:
        arch = resized(make(), input_size=(128, 128), keypoints=5)
        with torch.device("meta"), torch.no_grad():
            network = build_network(arch).eval()
            if make in traced:
                assert network(torch.zeros(2, 3, 128, 128)).shape == (2, 5, *arch.heatmap_size)
        cost = cost_of(arch)
        assert count_params(network) == cost.params
        if make in traced:
            assert measured_cost(arch) == (cost.params, cost.macs)


def test_layouts_and_variable_modules_are_those_of_all_families() -> None:
    assert list(layouts()) == [layout for family in FAMILIES for layout in networks_of(family).layouts]
    assert [kind.__name__ for kind in variable_modules("kernel_variation")] == ["KernelAttention"]
    assert [kind.__name__ for kind in variable_modules("context_variation")] == ["ChannelAttention"]
    assert variable_modules("synflow") == ()
