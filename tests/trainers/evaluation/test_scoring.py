"""From a network to figures: an oracle that answers the true heatmaps scores nearly one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trainers.evaluation.files import coco_ap
from trainers.data.codecs import MsraCodec, default_sigma
from trainers.data.config import DataConfig
from trainers.data.formats.coco import Person, coco_split, load_people
from trainers.data.geometry.transforms import crop_matrix, warp_points
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.coco_ap import FIGURES
from trainers.evaluation.scoring import evaluate

CODEC = MsraCodec(input_size=(256, 192), heatmap_size=(64, 48), sigma=default_sigma((64, 48)))


class Oracle(nn.Module):
    """Answers the true heatmaps of each person in turn, as the data set encodes them."""

    def __init__(self, dataset: TopDownDataset, truth: list[Person]) -> None:
        super().__init__()
        size = dataset.codec.input_size
        encoded = []
        for index, person in enumerate(truth):
            assert person.keypoints is not None
            to_input = crop_matrix(dataset.crop(index), size)
            encoded.append(dataset.codec.encode(warp_points(person.keypoints, to_input))[0])
        self.heatmaps, self.position = torch.from_numpy(np.stack(encoded)), 0

    def forward(self, images: Tensor) -> Tensor:
        start, self.position = self.position, self.position + len(images)
        return self.heatmaps[start : self.position]


def test_ground_truth_heatmaps_score_nearly_one(root: Path) -> None:
    where = coco_split(root, "val")
    people = load_people(where.annotation_file, where.image_dir)
    dataset = TopDownDataset(people, CODEC)
    outcome = evaluate(Oracle(dataset, people), dataset, DataConfig(root=root), flip_test=False, batch_size=7)
    assert set(outcome.metrics) <= {f"{name}_gt" for name in FIGURES}
    assert outcome.metrics["ap_gt"] > 0.95
    assert outcome.metrics["ap50_gt"] == pytest.approx(1)
    assert len(outcome.results) == len(people)
    assert coco_ap(outcome.results, where.annotation_file)["ap"] == outcome.metrics["ap_gt"]


def test_detected_boxes_have_names_of_their_own(synthetic: Path, tmp_path: Path) -> None:
    where = coco_split(synthetic, "val")
    truth = load_people(where.annotation_file, where.image_dir)
    boxes = [{"image_id": person.image_id, "category_id": 1, "bbox": list(person.box), "score": 0.9} for person in truth]
    # Each person is found twice: suppression must leave one.
    (tmp_path / "boxes.json").write_text(json.dumps(boxes + boxes))
    data = DataConfig(root=synthetic, boxes="det", detections=tmp_path / "boxes.json")
    people = data.validation_people()
    dataset = TopDownDataset(people, CODEC)
    outcome = evaluate(Oracle(dataset, truth + truth), dataset, data, flip_test=False)
    assert all(name.endswith("_det") for name in outcome.metrics)
    assert outcome.metrics["ap_det"] > 0.95
    assert len(outcome.results) == len(truth)
