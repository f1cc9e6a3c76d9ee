from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import STAGES, ArchConfig
from search_spaces.families.dite_hrnet.cost import (
    CONTEXT,
    CONVOLUTION,
    FUSION,
    HEAD,
    IN_BLOCK,
    OUTPUT,
    STEM,
    TRANSITION,
    cost_of,
    cost_parts,
)
from search_spaces.families.dite_hrnet.presets import PRESETS
from search_spaces.registry import preset
from search_spaces.space.space_file import named_space
from tests.measured_cost import SharedCounts
from tests.profiles import examples, first_at_a_commit
from tests.strategies import architectures
from trainers.evaluation.counting import count_macs, count_params
from trainers.networks.registry import build_network

counts_of_named_networks, counts_of_random_networks = SharedCounts(), SharedCounts()
IN_ONE_PIECE = ("dite_hrnet_18", "lite_hrnet_18_dsc")
"""Named networks, one of each stem, that are counted in one piece too."""
SMALL = (64, 32)
"""The smallest input with sides that differ, so that a mix-up of the two shows."""


def one_image(arch: ArchConfig) -> torch.Tensor:
    return torch.zeros(1, 3, *arch.input_size)


def test_the_sixteen_configurations_of_table5(reference: Path) -> None:
    rows = json.loads((reference / "counts.json").read_text())["table5_grid_256x192"]
    assert len(rows) == 16
    for row in rows:
        cost = cost_of(ArchConfig(groups=tuple(row["groups"]), kernels=tuple(row["kernels"])))
        assert cost.params == row["params"]
        assert cost.macs_paper / 1e6 == pytest.approx(row["conv_mmacs_per_conv_once"], rel=1e-3)


def test_the_published_count_is_that_of_the_papers_counter(reference: Path) -> None:
    """All 18 sums of the counter that the papers' figures come from, and the figures printed for released networks."""
    rows = json.loads((reference / "counting.json").read_text())
    assert len(rows) == 18
    for row in rows:
        keypoints = 16 if row["input"] == "256x256" else 17
        cost = cost_of(resized(preset(row["network"]), input_size=row["input"], keypoints=keypoints))
        assert cost.flops_published == row["sum"], row
        assert cost.mflops_published == row["sum"] / 2**20
        if row["released"] and row["printed_mflops"] is not None:
            tenths = 10 * cost.mflops_published
            assert round(10 * row["printed_mflops"]) in (math.floor(tenths), round(tenths)), row


def test_the_ten_named_models(reference: Path) -> None:
    rows = json.loads((reference / "counts.json").read_text())["named_models"]
    assert len(rows) == 10
    for row in rows:
        name = row["model"].lower().replace("-", "_")
        cost = cost_of(resized(preset(name), input_size=row["input_size"], keypoints=row["keypoints"]))
        assert cost.params == row["params"]
        assert cost.macs_paper / 1e6 == pytest.approx(row["conv_mmacs_per_conv_once"], rel=1e-3)


def test_the_published_network_by_hand() -> None:
    """Figures that need no other file: 1,186,933 parameters and 200.09 million multiply-accumulates with biases."""
    cost = cost_of(ArchConfig())
    assert cost.params == 1_186_933
    assert round(cost.macs_paper / 1e6, 2) == 200.09
    assert cost.mmacs == cost.macs / 1e6
    assert cost.macs < cost.macs_paper


@pytest.mark.slow
@pytest.mark.parametrize("name", first_at_a_commit([*IN_ONE_PIECE, *sorted(set(PRESETS) - set(IN_ONE_PIECE))], commit=2))
def test_named_networks_cost_what_is_measured_in_parts_and_in_one_piece(name: str) -> None:
    arch = preset(name, input_size=SMALL, keypoints=16)
    network = build_network(arch).eval()
    cost = cost_of(arch)
    assert cost.params == count_params(network)
    assert cost.macs == counts_of_named_networks.macs(arch, network)
    if name in IN_ONE_PIECE:
        assert cost.macs == count_macs(network, (one_image(arch),))


@pytest.mark.slow
@given(architectures(max_modules=1))
@examples(4, nightly=80)
def test_any_member_of_the_family_costs_what_fvcore_counts_in_one_piece(arch: ArchConfig) -> None:
    network = build_network(arch).eval()
    assert cost_of(arch).params == count_params(network)
    assert cost_of(arch).macs == count_macs(network, (one_image(arch),))


def check_a_random_architecture(seed: int, counts: SharedCounts) -> None:
    space = named_space("dite_hrnet")
    arch = resized(space.build(space.sample(np.random.default_rng(seed))), input_size=SMALL)
    network = build_network(arch).eval()
    cost = cost_of(arch)
    assert cost.params == count_params(network)
    assert cost.macs == counts.macs(arch, network)


seeds = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@given(seeds)
@examples(3, nightly=300)
def test_random_architectures_cost_what_is_measured(seed: int) -> None:
    check_a_random_architecture(seed, counts_of_random_networks)


@given(architectures())
def test_equal_networks_cost_the_same(arch: ArchConfig) -> None:
    assert cost_of(arch) == cost_of(arch.canonical)


@given(architectures())
@examples(30)
def test_macs_scale_with_the_area_except_for_the_weights_of_whole_images(arch: ArchConfig) -> None:
    small, double, quadruple = (cost_of(resized(arch, input_size=size)) for size in ((64, 32), (64, 64), (128, 64)))
    assert small.params == double.params == quadruple.params
    assert quadruple.macs - double.macs == 2 * (double.macs - small.macs)
    assert quadruple.macs <= 4 * small.macs


@given(architectures())
def test_parts_add_up_exactly(arch: ArchConfig) -> None:
    parts, total = cost_parts(arch), cost_of(arch)
    for name in ("params", "macs", "macs_paper"):
        assert sum(getattr(part.cost, name) for part in parts) == getattr(total, name)
    assert len({(part.stage, part.kind, part.branch) for part in parts}) == len(parts)
    blocks = {part.stage: part.times for part in parts if part.kind in IN_BLOCK}
    assert blocks == {stage: n * arch.blocks_per_module for stage, n in zip(STAGES, arch.modules, strict=True)}


@pytest.mark.parametrize("name", ["dite_hrnet_18", "lite_hrnet_18"])
def test_parts_are_those_of_the_built_network(name: str) -> None:
    """Parameters of each part against those of the modules that do it."""
    arch = preset(name, input_size=SMALL)
    network = build_network(arch)

    def params(kind: str, stage: int | None = None, branch: int | None = None) -> int:
        found = [part for part in cost_parts(arch) if (part.kind, part.stage) == (kind, stage)]
        return sum(part.cost.params for part in found if branch is None or part.branch == branch)

    assert params(STEM) == count_params(network.stem)
    assert params(HEAD) == count_params(network.head)
    assert params(OUTPUT) == count_params(network.final)
    for number, stage in zip(STAGES, network.stages, strict=True):
        assert params(TRANSITION, number) == count_params(stage.transition)
        assert params(FUSION, number) == sum(count_params(module.fusion) for module in stage.fused_modules)
        blocks = [block for module in stage.fused_modules for block in module.blocks]
        assert sum(params(kind, number) for kind in IN_BLOCK) == sum(map(count_params, blocks))
        for branch in range(number):
            assert params(CONVOLUTION, number, branch) == sum(count_params(block.convs[branch]) for block in blocks)
            assert params(CONTEXT, number, branch) == sum(count_params(block.contexts[branch]) for block in blocks)
