"""Exports of baselines: the same heatmaps in every form, and images normalised as in their training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analysis.export import ESSENTIAL, ModelCard, export_network
from analysis.onnx.export import relative_difference
from search_spaces.training_config import TrainConfig
from tests.analysis.export.test_infer import found_by_the_example, infer_module
from tests.baselines import small
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import predict
from trainers.networks.load import load_any_network
from trainers.networks.registry import build_network

CARD = ModelCard(name="test network", origin="Made by a test.", protocol={"format": "coco"})


@pytest.mark.parametrize(
    ("family", "mean", "left_out"),
    [
        ("cpn", "0.4815 0.4547 0.4038", "pytorch-cpn builds networks with blocks 3-4-6-3 only, and this one has 1-1-1-1"),
        ("hrnet", "0.4850 0.4560 0.4060", ""),
    ],
)
def test_the_example_finds_what_the_trainer_finds(family: str, mean: str, left_out: str, tmp_path: Path) -> None:
    draw_dataset(tmp_path / "people", train_images=1, val_images=3, seed=0)
    torch.manual_seed(0)
    arch = small(family)
    network = build_network(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    exported = export_network(arch, network, tmp_path / "net", card=CARD, parts=ESSENTIAL)
    dataset = validation_set(DataConfig(root=tmp_path / "people"), arch, TrainConfig())
    assert " ".join(f"{value:.4f}" for value in dataset.normalisation.mean) == mean
    expected = predict(network, dataset, flip_test=True)
    found = found_by_the_example(infer_module("msra", tmp_path, arch), exported.onnx, dataset, flip=True)
    assert np.abs(found[:, :, :2] - expected.keypoints).max() < 0.1
    parity = json.loads((exported.directory / "parity.json").read_text(encoding="utf-8"))
    assert parity["left_out"].get("released.pth", "") == left_out
    assert (exported.directory / "released.pth").is_file() == (not left_out)
    if not left_out:
        images = torch.randn(1, 3, *arch.input_size)
        with torch.no_grad():
            released = load_any_network(exported.directory / "released.pth")[1](images)
            assert relative_difference(released.numpy(), network(images).numpy()) == 0.0
