"""The figures that the command line prints are those that pycocotools computes from the file it dumps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn

from dite_search.cli import main
from dite_search.tasks.network_reference import NetworkReference
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.geometry.transforms import crop_matrix, warp_points
from trainers.data.samples.datasets import validation_set
from trainers.prediction.network import TrainedNetwork

NAMES = ("ap", "ap50", "ap75", "ap_m", "ap_l", "ar", "ar50", "ar75", "ar_m", "ar_l")
ARCH = ArchConfig(input_size=(128, 96))


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return float(shared / (one[2] * one[3] + other[2] * other[3] - shared))


def detector_output(document: dict[str, Any], generator: np.random.Generator) -> list[dict[str, Any]]:
    """Return the output of a middling detector, and everything useless that a detections file may hold."""

    def found(image_id: int, box: Any, low: float, high: float) -> dict[str, Any]:
        shaken = np.array(box) + generator.normal(0, 0.04, 4) * [box[2], box[3], box[2], box[3]]
        return {
            "image_id": image_id,
            "category_id": 1,
            "bbox": [float(value) for value in np.maximum(shaken, [-1e4, -1e4, 3, 3])],
            "score": float(generator.uniform(low, high)),
        }

    entries = []
    for entry in document["annotations"]:
        image_id, box = entry["image_id"], entry["bbox"]
        if entry["iscrowd"]:
            entries += [found(image_id, box, 0.3, 0.9), found(image_id, [box[0], box[1], box[2] / 3, box[3] / 2], 0.3, 0.9)]
        elif not entry["num_keypoints"]:
            entries.append(found(image_id, box, 0.2, 0.9))
        elif generator.random() < 0.9:
            entries.append(found(image_id, box, 0.4, 1.0))
            if generator.random() < 0.5:
                entries.append(found(image_id, box, 0.1, 0.8))
    for image in document["images"]:
        width, height = image["width"], image["height"]
        entries.append(found(image["id"], [width * 0.6, height * 0.2, width / 4, height / 2], 0.05, 0.7))
        entries.append(found(image["id"], [-20, height - 60, 90, 120], 0.05, 0.3))
    outside = [found(999_999_999, [5, 5, 50, 90], 0.5, 1.0), found(-1, [5, 5, 50, 90], 0.5, 1.0)]
    return [*entries, *outside, {**entries[0], "category_id": 18}]


class NearlyRight(nn.Module):
    """Answers heatmaps of the annotated person under each box, somewhat moved, and of chance where there is none."""

    def __init__(self, data: DataConfig, document: dict[str, Any], generator: np.random.Generator) -> None:
        super().__init__()
        dataset = validation_set(data, ARCH, TrainConfig())
        heatmaps = []
        for index, person in enumerate(dataset.people):
            near = [
                (overlap(person.box, entry["bbox"]), entry["id"], entry)
                for entry in document["annotations"]
                if entry["image_id"] == person.image_id and entry["num_keypoints"] and not entry["iscrowd"]
            ]
            points = np.column_stack([generator.uniform(0, 96, 17), generator.uniform(0, 128, 17), np.full(17, 2)])
            if near and max(near)[0] > 0.3:
                truth = np.array(max(near)[2]["keypoints"], float).reshape(17, 3)
                labelled = truth[:, 2] > 0
                points[labelled] = warp_points(truth, crop_matrix(dataset.crop(index), ARCH.input_size))[labelled]
                points[:, :2] += generator.normal(0, generator.uniform(0, 4), (17, 2))
            heatmaps.append(dataset.codec.encode(points)[0] * generator.uniform(0.1, 1, (17, 1, 1)).astype(np.float32))
        self.heatmaps, self.position = torch.from_numpy(np.stack(heatmaps)), 0

    def forward(self, images: Tensor) -> Tensor:
        start, self.position = self.position, self.position + len(images)
        return self.heatmaps[start : self.position]


@pytest.mark.parametrize("seed", [0, 1])
def test_figures_of_the_command_are_those_of_its_dump(
    coco_mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    annotations = coco_mini / "annotations" / "person_keypoints_val2017.json"
    document, generator = json.loads(annotations.read_text()), np.random.default_rng(seed)
    found = detector_output(document, generator)
    detections, dump = tmp_path / "boxes.json", tmp_path / "results.json"
    detections.write_text(json.dumps(found))
    data = DataConfig(root=coco_mini, boxes="det", detections=detections)
    network = NearlyRight(data, document, generator)
    trained = TrainedNetwork(name="best", arch=ARCH, network=network, train=TrainConfig(), keypoint_set=COCO17)
    monkeypatch.setattr(NetworkReference, "load", lambda reference: trained)

    arguments = ["evaluate", "dite_hrnet_18", "--data", coco_mini, "--detections", detections, "--dump", dump]
    printed = CliRunner().invoke(main, [*map(str, arguments), "--no-flip-test", "--json"], catch_exceptions=False)
    assert printed.exit_code == 0, printed.output
    figures = json.loads(printed.stdout)

    results = json.loads(dump.read_text())
    truth = COCO(str(annotations))
    evaluation = COCOeval(truth, truth.loadRes(str(dump)), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    expected = {f"{name}_det": value for name, value in zip(NAMES, evaluation.stats.tolist(), strict=True) if value >= 0}
    assert figures == pytest.approx(expected, abs=1e-12)
    assert len(figures) == 10
    assert 0.1 < figures["ap_det"] < 0.95
    assert len({round(value, 4) for value in figures.values()}) > 6

    # What was of no use did not get in, and what is wrong but can be scored did.
    listed = [entry for entry in found if entry["image_id"] > 0 and entry["image_id"] < 10**8 and entry["category_id"] == 1]
    labelled = [entry for entry in document["annotations"] if entry["num_keypoints"] and not entry["iscrowd"]]
    assert len(labelled) < len(results) < len(listed)
    crowded = {entry["image_id"] for entry in document["annotations"] if entry["iscrowd"]}
    assert crowded <= {result["image_id"] for result in results}
