"""Data sets of every format, from their folders to figures: MPII and CrowdPose beside COCO."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.trainers.data.layouts import MAT_JOINTS, named, people_of, truth_fields, write_crowdpose, write_mpii, write_truth
from trainers.data.annotations.keypoints import COCO17, MPII16, KeypointSet
from trainers.data.config import DataConfig
from trainers.data.formats.data_format import FORMATS, DataFormat
from trainers.data.samples.datasets import training_set, validation_set
from trainers.evaluation.inference import Predictions
from trainers.evaluation.pckh import JOINTS
from trainers.evaluation.scoring import score
from trainers.training.loop import train


@pytest.fixture(scope="module")
def mpii(people: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = write_mpii(tmp_path_factory.mktemp("formats") / "mpii", people.root)
    return DataConfig(root=root, format="mpii")


@pytest.fixture
def network(small_arch: ArchConfig) -> ArchConfig:
    return dataclasses.replace(small_arch, keypoints=16)


def test_a_format_of_ones_own_is_one_entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, people: DataConfig) -> None:
    """Four keypoints in COCO's layout: a keypoint set and a row of `FORMATS` are all that reading needs."""
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    markers = KeypointSet(
        name="markers4",
        names=names,
        flip_pairs=((0, 1), (2, 3)),
        upper_body=(0, 1),
        limbs=((0, 1),),
        oks_sigmas=(0.079, 0.079, 0.107, 0.107),
    )
    monkeypatch.setitem(FORMATS, "markers", DataFormat(name="markers", keypoint_set=markers))
    places = [COCO17.names.index(name) for name in names]
    document = json.loads(people.annotations.read_text())
    for entry in document["annotations"]:
        entry["keypoints"] = [entry["keypoints"][3 * place + offset] for place in places for offset in range(3)]
    document["categories"] = [{"id": 1, "name": "person", "keypoints": list(names)}]
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / people.annotations.name).write_text(json.dumps(document))
    (tmp_path / "val2017").symlink_to(people.root / "val2017")
    data = DataConfig(root=tmp_path, format="markers", train_split="val")
    assert data.accuracy == "ap_gt"
    for one, other in zip(data.people("val"), people.people("val"), strict=True):
        assert one.keypoints is not None
        assert other.keypoints is not None
        assert one.keypoints.tolist() == other.keypoints[places].tolist()


def test_the_people_of_mpii_are_those_they_were_made_from(mpii: DataConfig, people: DataConfig) -> None:
    made, original = mpii.people("val"), people.people("val")
    assert len(made) == len(original)
    for one, other in zip(made, original, strict=True):
        x, y, width, height = other.box
        side = max(width, height)
        assert one.box == pytest.approx((x + (width - side) / 2, y + (height - side) / 2, side, side))
        assert one.keypoints is not None
        labelled = one.keypoints[:, 2] > 0
        expected = np.array([named(other)[name] for name in MPII16.names])
        np.testing.assert_allclose(one.keypoints[labelled, :2], expected[labelled, :2])
        np.testing.assert_array_equal(labelled, expected[:, 2] > 0)


def test_a_training_on_mpii_ends_with_pckh(mpii: DataConfig, network: ArchConfig, tmp_path: Path) -> None:
    config = TrainConfig(epochs=2, batch_size=16, warmup_iterations=2, validate_every=1, half_body_probability=0.0)
    result = train(network, config, mpii, directory=tmp_path, report=lambda metrics, _: None)
    assert mpii.accuracy == "pckh50"
    assert 0 <= result.metrics["pckh50"] <= 1
    assert {f"pckh50_{joint}" for joint in JOINTS} | {"pckh10"} <= set(result.metrics)
    assert math.isfinite(result.metrics["loss"])
    assert all("pckh50" in epoch for epoch in result.curve)
    assert (tmp_path / "best.pt").is_file()


def test_the_truth_scores_one_and_order_does_not_matter(mpii: DataConfig, network: ArchConfig) -> None:
    dataset = validation_set(mpii, network, TrainConfig())
    assert dataset.keypoint_set is MPII16
    points = np.stack([person.keypoints[:, :2] for person in dataset.people if person.keypoints is not None])
    found = Predictions(keypoints=points, scores=np.full(points.shape[:2], 0.5))
    outcome = score(dataset, found, mpii)
    assert set(outcome.metrics.values()) == {1.0}
    assert [result["person"] for result in outcome.results] == list(range(len(points)))  # type: ignore[typeddict-item]
    assert outcome.results[0]["keypoints"][:3] == [*points[0, 0], 0.5]
    backwards = dataclasses.replace(found, keypoints=points[::-1])
    dataset.people = dataset.people[::-1]
    assert score(dataset, backwards, mpii).metrics == outcome.metrics


def test_augmentation_mirrors_the_joints_of_mpii(mpii: DataConfig, network: ArchConfig) -> None:
    config = TrainConfig(flip_probability=1.0, rotation_degrees=0.0, scale_range=0.0, half_body_probability=0.0)
    plain = TrainConfig(flip_probability=0.0, rotation_degrees=0.0, scale_range=0.0, half_body_probability=0.0)
    mirrored, straight = training_set(mpii, network, config)[0], training_set(mpii, network, plain)[0]
    swapped = straight["weight"][list(MPII16.flip_permutation)]
    assert mirrored["weight"].tolist() == swapped.tolist()
    assert mirrored["image"].shape == (3, *network.input_size)


def test_crowdpose_is_trained_on_and_scored(people: DataConfig, small_arch: ArchConfig, tmp_path: Path) -> None:
    root = write_crowdpose(tmp_path / "crowd", people.root, [0.05, 0.5, 0.9])
    data = DataConfig(root=root, format="crowdpose")
    arch = dataclasses.replace(small_arch, keypoints=14)
    assert training_set(data, arch, TrainConfig())[0]["target"].shape == (14, 24, 16)
    dataset = validation_set(data, arch, TrainConfig())
    points = np.stack([person.keypoints[:, :2] for person in dataset.people if person.keypoints is not None])
    metrics = score(dataset, Predictions(keypoints=points, scores=np.full(points.shape[:2], 0.5)), data).metrics
    assert metrics == pytest.approx(dict.fromkeys(metrics, 1.0))
    assert set(metrics) == {
        f"{n}_gt" for n in ("ap", "ap50", "ap75", "ar", "ar50", "ar75", "ap_easy", "ap_medium", "ap_hard")
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "mpi"}, "^unknown format 'mpi': did you mean 'mpii'\\? known: coco, crowdpose, mpii$"),
        ({"format": "mpii", "boxes": "det", "detections": "d.json"}, "^boxes must be gt in format mpii, got det$"),
        ({"format": "mpii", "val_split": "test"}, "^unknown val_split 'test': known: train, val$"),
        ({"format": "mpii", "train_split": "trainval"}, "^unknown train_split 'trainval': did you mean 'train'"),
        ({"train_split": "test-dev"}, "^unknown train_split 'test-dev': known: train, val$"),
    ],
)
def test_fields_that_do_not_fit_the_format(fields: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        DataConfig(root="x", **fields)  # type: ignore[arg-type]


def test_crowdpose_has_the_splits_it_was_published_with() -> None:
    data = DataConfig(root=Path("x"), format="crowdpose", train_split="trainval", val_split="test")
    assert data.accuracy == "ap_gt"
    assert DataConfig.from_dict(data.to_dict()) == data


def test_a_network_for_other_keypoints(mpii: DataConfig, small_arch: ArchConfig) -> None:
    with pytest.raises(InvalidInput, match=r"^keypoints of the network must be 16, as in mpii16, got 17$"):
        training_set(mpii, small_arch, TrainConfig())


def test_the_ground_truth_is_looked_at_before_a_training(mpii: DataConfig, people: DataConfig, tmp_path: Path) -> None:
    root = write_mpii(tmp_path / "mpii", people.root)
    data = dataclasses.replace(mpii, root=root)
    file = root / "annotations" / "mpii_gt_val.mat"
    some = people_of(people.root, "val", tmp_path)[1:]
    write_truth(file, **truth_fields(some))
    message = rf"^{file} must be of the {len(some) + 1} people of {root}/annotations/mpii_val.json, got {len(some)}$"
    with pytest.raises(InvalidInput, match=message):
        data.validation_people()
    file.unlink()
    with pytest.raises(InvalidInput, match=rf"^ground truth file of PCKh not found: {file}, nor gt_valid.mat beside it$"):
        data.validation_people()
    with pytest.raises(InvalidInput, match=r"^ground truth file of PCKh not found: .*/mpii_gt_train.mat$"):
        dataclasses.replace(data, val_split="train").validation_people()


def test_every_format_has_a_figure_for_each_kind_of_boxes() -> None:
    assert {name: {kind: known.metric.objective(kind) for kind in known.boxes} for name, known in FORMATS.items()} == {
        "coco": {"gt": "ap_gt", "det": "ap_det"},
        "mpii": {"gt": "pckh50"},
        "crowdpose": {"gt": "ap_gt", "det": "ap_det"},
    }
    assert len(MAT_JOINTS) == FORMATS["mpii"].keypoint_set.count
