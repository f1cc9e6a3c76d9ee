"""Exports as they are used."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from analysis.onnx.export import onnx_bytes
from analysis.prediction.exported import OnnxNetwork, load_exported
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from tests.analysis.export.networks import SMALL
from tests.trainers.prediction.media import weights
from trainers.data.annotations.keypoints import COCO17
from trainers.data.keypoint_sets.fields import to_plain

HEATMAPS = (SMALL.keypoints, *SMALL.heatmap_size)


@pytest.fixture
def export(tmp_path):
    write_mapping(tmp_path / "arch.yaml", SMALL.to_dict())
    said = {"arch_id": SMALL.arch_id, "codec": "dark", "sigma": "1.5", "on_orientation": "ignore"}
    said["keypoints"] = json.dumps(to_plain(COCO17))
    save_file(weights().state_dict(), tmp_path / "model.safetensors", metadata=said)
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(SMALL, weights()))
    return tmp_path


def test_an_export_says_how_it_is_used(export):
    found = load_exported(export)
    assert (found.train.codec, found.train.sigma, found.on_orientation) == ("dark", 1.5, "ignore")
    assert found.keypoint_set.names == COCO17.names
    model = load_exported(export, model=export / "model.onnx")
    images = torch.randn(3, 3, *SMALL.input_size)
    with torch.inference_mode():
        expected = found.network(images).numpy()
    np.testing.assert_allclose(model.network(images).numpy(), expected, atol=1e-3, rtol=1e-3)


def test_a_model_of_a_fixed_batch_runs_in_parts(export):
    model = onnx.load(export / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, export / "fixed.onnx")
    images = torch.randn(3, 3, *SMALL.input_size)
    fixed, free = (OnnxNetwork(export / name, HEATMAPS, SMALL.input_size) for name in ("fixed.onnx", "model.onnx"))
    np.testing.assert_allclose(fixed(images), free(images), atol=1e-3, rtol=1e-3)


def test_a_model_of_another_network_is_told(export):
    with pytest.raises(InvalidInput, match=r"must be of the export that it lies in, images \(…, 3, 96, 64\) to heatmaps"):
        OnnxNetwork(export / "model.onnx", HEATMAPS, (96, 64))
