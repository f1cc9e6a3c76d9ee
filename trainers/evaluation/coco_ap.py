"""Average precision and recall of keypoints, as COCO defines and pycocotools computes them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn

from trainers.data.coco_file import PERSON_CATEGORY, read_coco
from trainers.data.dataset import TopDownDataset
from trainers.data.keypoints import COCO17, KeypointSet
from trainers.evaluation.inference import predict
from trainers.evaluation.results import Result, box_kind, coco_results

# In the order of COCOeval.stats for keypoints: over all thresholds, at 0.5, at 0.75, of medium and of large people.
FIGURES = ("ap", "ap50", "ap75", "ap_m", "ap_l", "ar", "ar50", "ar75", "ar_m", "ar_l")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """``metrics``: the figures of ``coco_ap``, each name followed by the kind of boxes (``ap_gt``, ``ap_m_det``);
    ``results``: the entries they were computed from.
    """

    metrics: dict[str, float]
    results: list[Result]


def evaluate(
    network: nn.Module,
    dataset: TopDownDataset,
    annotation_file: Path,
    *,
    flip_test: bool = True,
    device: torch.device | str = "cpu",
    batch_size: int = 32,
    workers: int = 0,
) -> Evaluation:
    """Predict the people of ``dataset``, rescore, drop duplicates and score against ``annotation_file``.

    Raises InvalidInput as ``predict`` does, for a broken annotation file, and where annotated and detected boxes are
    mixed.
    """
    kind = box_kind(dataset.people)
    predictions = predict(network, dataset, flip_test=flip_test, device=device, batch_size=batch_size, workers=workers)
    results = coco_results(dataset, predictions)
    figures = coco_ap(results, annotation_file, keypoint_set=dataset.keypoint_set)
    return Evaluation(metrics={f"{name}_{kind}": value for name, value in figures.items()}, results=results)


def coco_ap(results: Sequence[Result], annotation_file: Path, *, keypoint_set: KeypointSet = COCO17) -> dict[str, float]:
    """The ten figures of COCO, in [0, 1], by the names in ``FIGURES``.

    A figure for which the file has no ground truth is absent: pycocotools gives -1 there, which is no score. No results
    at all score 0, since nothing was found. Results for images that the file does not list are left out. Raises
    InvalidInput for a broken file.
    """
    coco = read_coco(annotation_file, keypoint_set)
    truth = _index(coco.images, coco.annotations)
    # Copies: pycocotools adds keys to the entries it is given, a bbox among them.
    listed = [dict(result) for result in results if result["image_id"] in coco.images]
    with contextlib.redirect_stdout(io.StringIO()):
        # loadRes cannot read an empty list; a document without annotations says the same.
        found = truth.loadRes(listed) if listed else _index(coco.images, [])
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(keypoint_set.oks_sigmas)
        evaluation.params.catIds = [PERSON_CATEGORY]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = [float(value) for value in evaluation.stats]
    return {name: value for name, value in zip(FIGURES, values, strict=True) if value >= 0}


def _index(images: Iterable[int], annotations: list[dict[str, Any]]) -> COCO:
    """The parts of a checked file that scores depend on, as pycocotools holds them."""
    coco = COCO()
    coco.dataset = {
        "info": {},
        "categories": [{"id": PERSON_CATEGORY, "name": "person"}],
        "images": [{"id": image_id} for image_id in images],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
