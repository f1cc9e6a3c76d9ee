"""Points of one's own through all that follows: training, scores, pictures, export and its example."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from safetensors import safe_open

from analysis.errors.matching import judged
from analysis.errors.predictions import data_digest, predictions_with
from analysis.export import ModelCard, export_network, load_export
from analysis.report.sections.people import error_tables, galleries_of
from search_spaces.families.architecture import resized
from search_spaces.training_config import TrainConfig
from tests.analysis.export.networks import network_of
from tests.analysis.export.test_infer import found_by_the_example, loaded
from tests.analysis.studies import TINY
from tests.conftest import ROOT
from tests.profiles import first_at_a_commit
from tests.trainers.data.drawn_points import CARD, draw_points, face_names
from trainers.checkpoints.checkpoint import BEST, Checkpoint, load_checkpoint
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.keypoint_sets.fields import from_plain
from trainers.data.keypoint_sets.metric import Metric
from trainers.data.samples.datasets import augmentation_of, validation_set
from trainers.evaluation.inference import predict
from trainers.training.loop import train

CASES: dict[str, tuple[list[str] | tuple[str, ...], bool, Any]] = {
    "4 without names": (CARD, False, "nme"),
    "68 of a face": (face_names(), True, {"name": "nme", "points": ["left_0", "right_0"]}),
    "14 of a body": (
        [f"{side}_{part}" for part in ("hip", "knee", "eye", "ear", "arm", "toe", "leg") for side in "lr"],
        True,
        "pck",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    data: DataConfig
    checkpoint: Checkpoint
    metrics: dict[str, float]


@pytest.fixture(scope="module", params=first_at_a_commit(CASES, commit=2))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network trained for an epoch on drawn points, and the checkpoint that it left."""
    names, named, metric = CASES[request.param]
    folder = tmp_path_factory.mktemp("points")
    data = DataConfig(root=draw_points(folder / "data", names, train=4, val=4, named=named), metric=Metric.of(metric))
    arch = resized(TINY, keypoints=len(names))
    config = TrainConfig(epochs=1, batch_size=4, warmup_iterations=1)
    found = train(arch, config, data, directory=folder / "run", report=lambda *_: None)
    return Trained(data=data, checkpoint=load_checkpoint(folder / "run" / BEST), metrics=found.metrics)


def test_the_score_is_the_metric_in_words_of_the_keypoints(trained: Trained) -> None:
    name = trained.data.accuracy
    assert name in trained.metrics
    assert {f"{name}_{keypoint}" for keypoint in trained.data.keypoint_set.names} <= set(trained.metrics)


def test_the_checkpoint_knows_its_keypoints_and_its_data_again(trained: Trained) -> None:
    assert trained.checkpoint.keypoint_set == trained.data.keypoint_set
    again = DataConfig.from_dict(json.loads(json.dumps(trained.checkpoint.data)))
    assert again.keypoint_set == trained.data.keypoint_set
    assert again.metric == trained.data.metric
    assert data_digest(again) == data_digest(trained.data)
    assert data_digest(dataclasses.replace(again, metric=None)) != data_digest(again)


def test_nothing_is_mirrored_or_halved_where_sides_and_halves_are_not_known(trained: Trained) -> None:
    known, config = trained.data.keypoint_set, TrainConfig()
    augmentation = augmentation_of(config, known)
    assert augmentation.flip == (config.flip_probability if known.flip_pairs else 0)
    assert augmentation.half_body == (config.half_body_probability if known.count == 14 else 0)
    dataset = validation_set(trained.data, trained.checkpoint.arch, config)
    network = network_of(trained.checkpoint.arch)
    plain, flipped = (predict(network, dataset, flip_test=flip).scores for flip in (False, True))
    assert np.array_equal(plain, flipped) == (not known.mirrors)


def test_errors_and_pictures_are_of_every_keypoint(trained: Trained) -> None:
    arch = trained.checkpoint.arch
    scored = predictions_with(arch, network_of(arch), TrainConfig(), trained.data, flip_test=True)
    found = judged(scored)
    tables = error_tables(found, scored.dataset.keypoint_set.names)
    assert len(tables[1].rows) == arch.keypoints
    assert galleries_of(found, scored)


def test_the_export_finds_what_the_trainer_finds(trained: Trained, tmp_path: Path) -> None:
    arch, known = trained.checkpoint.arch, trained.data.keypoint_set
    network = network_of(arch)
    card = ModelCard(name="points", origin="Made by a test.", protocol={"format": "coco"}, keypoint_set=known)
    exported = export_network(arch, network, tmp_path / "net", card=card)
    with safe_open(exported.directory / "model.safetensors", framework="pt") as weights:
        assert from_plain(json.loads(weights.metadata()["keypoints"]), None, "the export") == known
    assert load_export(exported.directory)[0] == arch
    properties = {entry.key: entry.value for entry in onnx.load(exported.onnx).metadata_props}
    assert json.loads(properties["keypoints"]) == list(known.names)
    text = (exported.directory / "README.md").read_text()
    assert known.names[-1].replace("_", r"\_") in text
    assert "the mean of COCO's 17" in text
    module = loaded(exported.example.read_text(), tmp_path)
    assert module.SETTINGS["keypoints"] == list(known.names)
    assert module.SETTINGS["mirrors"] == known.mirrors
    dataset = validation_set(trained.data, arch, TrainConfig())
    for flip in {False, known.mirrors}:
        expected = predict(network, dataset, flip_test=flip)
        found = found_by_the_example(module, exported.onnx, dataset, flip=flip)
        assert np.abs(found[:, :, :2] - expected.keypoints).max() < 0.1
    image = trained.data.image_dir("val") / "1.png"
    words = [str(image), "--flip", "--json", str(tmp_path / "out.json"), "--model", str(exported.onnx)]
    assert module.main(words) == (0 if known.mirrors else 2)


def test_the_names_of_coco_stand_in_one_file_alone() -> None:
    """A list of its own would not follow another set of keypoints."""
    own = ROOT / "trainers" / "data" / "annotations" / "keypoints.py"
    for folder in ("search_spaces", "trainers", "analysis", "dite_search"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text()
            held = sum(f'"{name}"' in text for name in COCO17.names)
            assert held == 17 if file == own else held < 8, file
