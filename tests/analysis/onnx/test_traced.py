"""A network without a writer of its own is traced."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.onnx.export import agreement
from analysis.onnx.graph import IR_VERSION, OPSET
from analysis.onnx.traced import traced_model
from trainers.networks.common.layers import ConvBn, DepthwiseSeparable, conv2d


class Everything(nn.Module):
    """The operators of the networks that the papers compare with."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvBn(conv2d(3, 8, 7, stride=2), 8), nn.MaxPool2d(3, 2, 1), nn.Hardswish())
        self.separable = DepthwiseSeparable(8, 8)
        self.squeeze = nn.Conv2d(8, 8, 1)
        self.up = nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False)
        self.final = nn.Conv2d(16, 5, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu6(self.separable(self.stem(images)))
        x = x * torch.clamp((self.squeeze(x.mean((2, 3), keepdim=True)) + 1) / 2, 0, 1)
        first, second = x.chunk(2, dim=1)
        x = torch.stack([first, second], dim=2).flatten(1, 2)
        low = F.max_pool2d(x, 2)
        wide = F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=True)
        near = F.interpolate(self.up(F.max_pool2d(low, 2)), scale_factor=2, mode="nearest")
        heatmaps: Tensor = self.final(torch.cat([wide, near], dim=1))
        return heatmaps


@pytest.fixture(scope="module")
def traced() -> tuple[Everything, bytes]:
    torch.manual_seed(0)
    network = Everything()
    network(torch.randn(4, 3, 64, 32))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    model = traced_model(network, (64, 32), input_name="images", output_name="heatmaps", properties={"arch_id": "x"})
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    return network, model


def test_it_computes_what_the_network_does_for_any_batch(traced: tuple[Everything, bytes]) -> None:
    found = agreement(*traced, (64, 32), batch_sizes=(1, 3, 8))
    assert found.holds, str(found)
    assert found.max_relative_difference < 1e-5


def test_the_file_is_as_others_are(traced: tuple[Everything, bytes]) -> None:
    model = onnx.load_from_string(traced[1])
    assert (model.opset_import[0].version, model.ir_version, model.producer_name) == (OPSET, IR_VERSION, "dite-search")
    assert {entry.key: entry.value for entry in model.metadata_props} == {"arch_id": "x"}
    (images,), (heatmaps,) = model.graph.input, model.graph.output
    shapes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (images, heatmaps)]
    assert shapes == [["batch", 3, 64, 32], ["batch", 5, 16, 8]]
