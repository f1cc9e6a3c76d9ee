"""Scoring a network by the protocol of its data set: predictions first, figures from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from trainers.data.dataset import TopDownDataset
from trainers.data.source import DataConfig
from trainers.evaluation.coco_ap import coco_ap
from trainers.evaluation.inference import Predictions, predict
from trainers.evaluation.results import Result, box_kind, coco_results


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
    data: DataConfig,
    *,
    flip_test: bool = True,
    device: torch.device | str = "cpu",
    batch_size: int = 32,
    workers: int = 0,
) -> Evaluation:
    """Predict the people of ``dataset``, the validation set of ``data``, and score them.

    Raises InvalidInput as ``predict`` and ``score`` do.
    """
    predictions = predict(network, dataset, flip_test=flip_test, device=device, batch_size=batch_size, workers=workers)
    return score(dataset, predictions, data)


def score(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> Evaluation:
    """Rescore the predictions of a whole validation set, drop duplicates and score against the annotations of ``data``.

    Raises InvalidInput for a broken annotation file, and where annotated and detected boxes are mixed.
    """
    kind = box_kind(dataset.people)
    results = coco_results(dataset, predictions)
    figures = coco_ap(results, data.annotations, keypoint_set=dataset.keypoint_set)
    return Evaluation(metrics={f"{name}_{kind}": value for name, value in figures.items()}, results=results)
