"""The table of the runtimes: each form computes the network, and is scored where there is data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from analysis.export.study_data import StudyData
from benchmarks import runtimes
from benchmarks.runtimes import HEAD, INT8, ONNX_RUNTIME, Subject, rows_of, subject_of
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.registry import build_network

pytestmark = pytest.mark.slow
SMALL = ArchConfig(widths=(8, 16, 32, 64), modules=(1, 1, 1), blocks_per_module=1, input_size=(64, 64))


def rows(data: StudyData | None) -> list[list[str]]:
    torch.manual_seed(0)
    found = rows_of(Subject(arch=SMALL, network=build_network(SMALL).eval(), data=data), threads=1, runs=2)
    assert all(len(row) == len(HEAD) - 1 for row in found)
    return found


def test_forms_take_turns_and_are_compared_where_there_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "RUNNING", ("ncnn",))
    plain = rows(None)
    assert [row[0].split()[0] for row in plain] == ["ONNX", "ncnn"]
    assert all(float(row[1]) < 1e-3 for row in plain)
    assert [row[2] for row in plain] == ["–", "–"]
    assert plain[0][-1] == "1.00"
    draw_dataset(tmp_path, train_images=4, val_images=4, seed=0)
    scored = rows(StudyData(config=DataConfig(root=tmp_path), arch=SMALL, train=TrainConfig()))
    assert [row[0] for row in scored][:3] == ["torch", ONNX_RUNTIME, ONNX_RUNTIME + INT8]
    assert len(scored) == 4
    assert {row[2].split()[0] for row in scored} == {"ap_gt"}
    assert float(scored[2][1]) > float(scored[1][1]), "int8 is further from the network"


def test_a_published_checkpoint_names_no_data(reference: Path) -> None:
    file = reference / "litehrnet_18_coco_256x192.pth"
    assert subject_of(file, None).data is None
    given = subject_of(file, Path("here")).data
    assert given is not None
    assert given.config.root == Path("here").absolute()
