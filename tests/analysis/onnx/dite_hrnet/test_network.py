"""The written graph computes what the trained network does, everywhere in the family."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from analysis.onnx.dite_hrnet.network import write_network
from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes, relative_difference
from analysis.onnx.graph import Graph
from analysis.onnx.session import open_session
from analysis.onnx.weights import Mlp, Weights, arrays, joint
from search_spaces.families.dite_hrnet.config import ArchConfig
from tests.profiles import examples
from tests.strategies import architectures
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.registry import build_network

TOLERANCE = 1e-5
"""Of the largest heatmap value, or twenty times torch's own distance from double precision where that is larger."""


def network_of(arch: ArchConfig) -> PoseNetwork:
    """A network with random weights, biases and normalisation, whose activations stay of order one."""
    torch.manual_seed(0)
    network = build_network(arch)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(torch.randn(8, 3, *arch.input_size))
    return network.eval()


@pytest.mark.slow
@given(architectures(max_modules=1))
@examples(15)
def test_any_architecture_at_any_batch_size(arch: ArchConfig) -> None:
    network = network_of(arch)
    session = open_session(onnx_bytes(arch, network))
    images = torch.randn(3, 3, *arch.input_size)
    with torch.inference_mode():
        single = network(images).numpy()
        exact = copy.deepcopy(network).double()(images.double()).numpy()
    accepted = max(TOLERANCE, 20 * relative_difference(single, exact))
    for size in (1, 3):
        parts = [session.run([OUTPUT], {INPUT: images[i : i + size].numpy()})[0] for i in range(0, 3, size)]
        assert relative_difference(np.concatenate(parts), exact) <= accepted


@pytest.mark.parametrize("groups", [(4, 4, 4, 4), (1, 2, 1, 2)])
def test_large_maps_run_their_groups_apart(groups: tuple[int, ...]) -> None:
    """Where padding small kernels would cost too much, every group is a convolution of its own."""
    arch = ArchConfig(
        input_size=(256, 192), stem_width=8, widths=(16, 16, 16, 16), modules=(1, 1, 1), blocks_per_module=1, groups=groups
    )
    network = network_of(arch)
    images = torch.randn(2, 3, *arch.input_size)
    with torch.inference_mode():
        expected = network(images).numpy()
    session = open_session(onnx_bytes(arch, network))
    assert relative_difference(session.run(None, {INPUT: images.numpy()})[0], expected) < 1e-4
    assert relative_difference(session.run(None, {INPUT: images[:1].numpy()})[0], expected[:1]) < 1e-4


def test_an_array_that_the_graph_does_not_know_is_not_left_out_in_silence() -> None:
    arch = ArchConfig(
        stem="lite",
        block="lite",
        stem_width=8,
        widths=(8, 8, 8, 8),
        modules=(1, 1, 1),
        groups=(1, 1, 1, 1),
        kernels=(1, 1, 1, 1),
    )
    graph = Graph()
    state = arrays(build_network(arch)) | {"stem.new_part.weight": np.zeros(3, np.float32)}
    with pytest.raises(AssertionError, match=r"leaves trained arrays out: \['stem.new_part.weight'\]"):
        write_network(graph, arch, state, graph.input(INPUT, (3, *arch.input_size)))


def mlp_of(rng: np.random.Generator, inputs: int, hidden: int, outputs: int) -> Mlp:
    shapes = {"reduce": (hidden, inputs), "reduce_bias": (hidden,), "expand": (outputs, hidden), "expand_bias": (outputs,)}
    return Mlp(**{name: rng.standard_normal(shape) for name, shape in shapes.items()})


def evaluate(mlp: Mlp, x: np.ndarray) -> np.ndarray:
    return np.asarray(mlp.expand @ np.maximum(mlp.reduce @ x + mlp.reduce_bias, 0) + mlp.expand_bias)


def test_maps_side_by_side_and_padded_are_the_same_maps() -> None:
    rng = np.random.default_rng(0)
    first, second = mlp_of(rng, 3, 2, 4), mlp_of(rng, 5, 3, 1)
    x, y = rng.standard_normal(3), rng.standard_normal(5)
    expected = np.concatenate([evaluate(first, x), evaluate(second, y)])
    both = joint([first, second])
    np.testing.assert_allclose(evaluate(both, np.concatenate([x, y])), expected)
    padded = both.padded(16)
    assert padded.reduce.shape == (16, 8)
    np.testing.assert_allclose(evaluate(padded, np.concatenate([x, y])), expected)


def test_batch_normalisation_is_folded() -> None:
    conv, norm = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
    for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert values is not None
        nn.init.uniform_(values, 0.5, 2)
    weights = Weights({f"conv.{k}": v for k, v in arrays(conv).items()} | {f"bn.{k}": v for k, v in arrays(norm).items()})
    weight, bias = weights.conv_bn()
    assert weights.unread() == []
    x = torch.randn(2, 3, 5, 5)
    folded = nn.functional.conv2d(x, torch.tensor(weight).float(), torch.tensor(bias).float(), padding=1)
    torch.testing.assert_close(folded, norm.eval()(conv(x)), atol=1e-5, rtol=1e-5)


def test_the_keypoints_and_the_size_are_those_of_the_architecture() -> None:
    arch = dataclasses.replace(ArchConfig(widths=(8, 8, 8, 8), modules=(1, 1, 1), groups=(1, 1, 2, 4)), keypoints=3)
    session = open_session(onnx_bytes(arch, build_network(arch)))
    assert session.get_outputs()[0].shape == ["batch", 3, 64, 48]
