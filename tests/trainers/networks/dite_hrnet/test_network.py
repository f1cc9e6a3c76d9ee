from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from torch import nn

from search_spaces.families.dite_hrnet.config import ArchConfig
from tests.golden.test_released import randomise
from tests.profiles import examples
from tests.strategies import architectures
from tests.trainers.networks.dite_hrnet.test_dynamic_conv import drawn, lively
from trainers.networks.dite_hrnet.blocks import MultiBranchBlock, dgc_stem, lite_stem
from trainers.networks.dite_hrnet.dynamic_conv import DynamicKernelAggregation
from trainers.networks.registry import build_network

SMALL = ArchConfig(
    stem_width=16, widths=(8, 16, 24, 32), modules=(1, 1, 1), blocks_per_module=1, groups=(1, 1, 2, 4), input_size=(64, 32)
)


@pytest.mark.slow
@given(architectures(max_modules=1))
@examples(15)
@torch.no_grad()
def test_a_sample_does_not_depend_on_its_batch(arch: ArchConfig) -> None:
    network = build_network(arch).eval()
    randomise(network)
    network.double()
    images = drawn(3, 3, *arch.input_size)
    together = network(images)
    assert together.shape == (3, arch.keypoints, *arch.heatmap_size)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-8, atol=1e-8 * float(together.abs().max()))
    assert (together[0] - together[1]).abs().max() > 0


@given(architectures(max_modules=1))
@examples(15)
def test_every_trainable_parameter_gets_a_gradient_and_the_unused_masks_get_none(arch: ArchConfig) -> None:
    network = build_network(arch).train()
    network(drawn(2, 3, *arch.input_size).float()).square().mean().backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert without == frozen
    assert len(frozen) == (2 * sum(arch.modules) * arch.blocks_per_module if arch.uses_acm else 0)
    assert all(".cross.masks." in name for name in frozen)


@torch.no_grad()
def test_memory_format_does_not_change_the_result() -> None:
    network = build_network(SMALL).eval()
    randomise(network)
    network.double()
    images = drawn(2, 3, 64, 32)
    expected = network(images)
    out = network(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(out, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))


@torch.no_grad()
def test_a_network_accepts_other_sizes_than_its_own() -> None:
    assert build_network(SMALL).eval()(torch.zeros(1, 3, 96, 160)).shape == (1, 17, 24, 40)


@torch.no_grad()
def test_pooling_and_fusion_reach_the_network() -> None:
    outputs = []
    for change in ({}, {"context_pooling": "spatial"}, {"fusion": "before_relu"}):
        torch.manual_seed(0)
        network = build_network(dataclasses.replace(SMALL, **change)).eval()
        randomise(network)
        outputs.append(network.double()(drawn(1, 3, 64, 32)))
    assert all((out - outputs[0]).abs().max() > 1e-6 for out in outputs[1:])


def test_the_same_seed_builds_the_same_network() -> None:
    def build(seed: int) -> dict:
        torch.manual_seed(seed)
        return build_network(SMALL).state_dict()

    first, second, other = build(1), build(1), build(2)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["final.weight"], other["final.weight"])


def test_equal_architectures_are_built_alike() -> None:
    ones = dataclasses.replace(SMALL, groups=(1,) * 4, kernels=(1,) * 4)
    keys = [build_network(dataclasses.replace(ones, block=block)).state_dict().keys() for block in ("dmc", "lite_acm")]
    assert keys[0] == keys[1]


def test_the_released_initialisation() -> None:
    network = build_network(ArchConfig())
    weights = torch.cat([m.weight.detach().flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    assert abs(float(weights.std()) - 0.001) < 1e-5
    assert abs(float(weights.mean())) < 1e-5
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
        elif isinstance(module, DynamicKernelAggregation):
            assert float(module.kernels.detach().std()) > 0.01


@torch.no_grad()
def test_a_block_leaves_the_first_halves_untouched() -> None:
    class Negated(nn.Module):
        def forward(self, branches: list) -> list:
            return [-branch for branch in branches]

    block = MultiBranchBlock(Negated(), [nn.Identity()] * 2, [nn.Identity()] * 2)
    branches = [drawn(1, 4, 4, 4), drawn(1, 6, 2, 2)]
    for x, out in zip(branches, block(branches), strict=True):
        half = x.shape[1] // 2
        assert torch.equal(out[:, 0::2], x[:, :half])
        assert torch.equal(out[:, 1::2], -x[:, half:])


@pytest.mark.parametrize("kernels", [1, 4])
@torch.no_grad()
def test_the_dgc_stem_part_by_part(kernels: int) -> None:
    stem = lively(dgc_stem(32, kernels=kernels, attention_reduction=4, context_reduction=4))
    dynamic = [module for module in stem.modules() if isinstance(module, DynamicKernelAggregation)]
    assert len(dynamic) == (6 if kernels > 1 else 0)
    out = stem(drawn(2, 3, 32, 64))
    assert out.shape == (2, 32, 8, 16)
    first, second = stem.entry(drawn(2, 3, 32, 64)).split(16, dim=1)
    for step, shape in zip(stem.first, [(16, 8, 16)] * 3, strict=True):
        first = step(first)
        assert first.shape[1:] == shape
    for step, shape in zip(stem.second, [(16, 16, 32), (16, 16, 32), (4, 16, 32), (16, 16, 32), (16, 8, 16)], strict=True):
        second = step(second)
        assert second.shape[1:] == shape
    torch.testing.assert_close(out[:, 0::2], first)
    torch.testing.assert_close(out[:, 1::2], second)


@torch.no_grad()
def test_the_lite_stem_part_by_part() -> None:
    stem = lively(lite_stem(32))
    images = drawn(2, 3, 32, 64)
    first, second = stem.entry(images).split(16, dim=1)
    for step in stem.first:
        first = step(first)
    for step, shape in zip(stem.second, [(32, 16, 32), (32, 8, 16), (16, 8, 16)], strict=True):
        second = step(second)
        assert second.shape[1:] == shape
    torch.testing.assert_close(stem(images)[:, 0::2], first)
    torch.testing.assert_close(stem(images)[:, 1::2], second)
