"""The static form of every network: one image, constant kernels, common operators, and the network's own heatmaps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes
from analysis.onnx.session import open_session
from search_spaces.families.architecture import Architecture
from tests.analysis.export.networks import SMALL, network_of
from tests.baselines import SMALL as BASELINES
from tests.baselines import small
from trainers.networks.registry import build_network

DITE = {
    "dynamic kernels": SMALL,
    "merged groups": dataclasses.replace(SMALL, groups=(4, 2, 2, 1), kernels=(2, 4, 1, 3), stem_kernels=4),
    "spatial pooling": dataclasses.replace(SMALL, context_pooling="spatial"),
    "lite": dataclasses.replace(SMALL, block="lite", stem="lite", stem_kernels=1, groups=(1,) * 4, kernels=(1,) * 4),
}
COMMON = {
    *("Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "ConvTranspose", "Gemm", "HardSigmoid"),
    *("HardSwish", "MatMul", "MaxPool", "Mul", "ReduceMean", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Softmax"),
    *("Split", "Transpose", "Unsqueeze"),
}
"""Operators that OpenVINO, ncnn and LiteRT all have."""
CASES = [*DITE, *BASELINES]


def network_named(name: str) -> tuple[Architecture, nn.Module]:
    if name in DITE:
        return DITE[name], network_of(DITE[name])
    torch.manual_seed(0)
    arch = small(name)
    network = build_network(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
    return arch, network


def image_of(arch: Architecture) -> torch.Tensor:
    return torch.randn(1, 3, *arch.input_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def difference(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_the_network_computes(name: str) -> None:
    arch, network = network_named(name)
    image = image_of(arch)
    single = onnx_bytes(arch, network, static=True)
    graph = onnx.load_from_string(onnx_bytes(arch, network, static=True, double=True))
    with torch.inference_mode():
        expected = network.double()(image).numpy()
    found = ReferenceEvaluator(graph).run([OUTPUT], {INPUT: image.numpy()})[0]
    assert found.dtype == np.float64
    # ONNX keeps the sixths of a hard sigmoid in single precision, whatever the graph computes in.
    assert difference(found, expected) < (1e-6 if name == "mobilenet_v3" else 1e-11)
    (heatmaps,) = open_session(single).run([OUTPUT], {INPUT: image.numpy().astype(np.float32)})
    assert difference(heatmaps, expected) < 1e-4
    check_form(onnx.load_from_string(single).graph)


def check_form(graph: Any) -> None:
    """One image, constant kernels, nothing but common operators, and no branch."""
    constants = {entry.name for entry in graph.initializer}
    nodes = list(nodes_of(graph))
    assert {node.op_type for node in nodes} <= COMMON
    assert len(nodes) == len(graph.node)
    for node in nodes:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "BatchNormalization"):
            assert set(node.input[1:]) <= constants, node.name
    for value in (*graph.input, *graph.output):
        sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        assert sizes[0] == 1
        assert all(sizes), sizes


def nodes_of(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes_of(attribute.g)


def test_the_free_form_keeps_its_computed_kernels() -> None:
    arch, network = network_named("dynamic kernels")
    graph = onnx.load_from_string(onnx_bytes(arch, network)).graph
    assert "If" in {node.op_type for node in nodes_of(graph)}
