"""Scoring a network by the protocol of its data set: predictions first, figures from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from trainers.data.config import DataConfig
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.device_batches import DeviceBatches
from trainers.evaluation.coco_ap import keypoint_ap
from trainers.evaluation.crowdpose_ap import crowdpose_ap
from trainers.evaluation.inference import Predictions, predict
from trainers.evaluation.keypoint_scores import keypoint_scores
from trainers.evaluation.pckh import MpiiResult, annotation_rows, mpii_results, pckh
from trainers.evaluation.results import Result, as_annotated, box_kind, coco_results
from trainers.processes.distributed import Worker


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The figures of a validation, and their entries.

    ``metrics`` are the figures of ``keypoint_ap`` or ``crowdpose_ap``, each name followed by the kind of boxes (``ap_gt``,
    ``ap_m_det``). They may be those of ``pckh`` or ``keypoint_scores`` too. ``results`` are the entries they were computed
    from.
    """

    metrics: dict[str, float]
    results: Sequence[Result] | Sequence[MpiiResult]

    def results_as_annotated(self, data: DataConfig) -> Sequence[Result] | Sequence[MpiiResult]:
        """Return the results for a scorer that reads the annotation file itself, as `as_annotated` writes them."""
        if not data.data_format.has_categories:
            return self.results
        return as_annotated(cast(Sequence[Result], self.results), data.read_annotations(data.val_split))


def evaluate(
    network: nn.Module,
    dataset: TopDownDataset,
    data: DataConfig,
    *,
    flip_test: bool = True,
    batch_size: int = 32,
    workers: int = 0,
    worker: Worker | None = None,
    batches: DeviceBatches | None = None,
    follow: Callable[[Any], Iterable[Any]] = iter,
) -> Evaluation | None:
    """Predict the people of ``dataset``, the validation set of ``data``, and score them.

    Each of several processes predicts its share; the first scores them all, and the others get None.

    Args:
        network: The network, already on its device.
        dataset: The people.
        data: The data set.
        flip_test: Whether to average with the mirrored image.
        batch_size: The number of people at once.
        workers: The number of processes that load the samples.
        worker: This process.
        batches: Batches that were kept from an earlier prediction.
        follow: Yields the batches again, and may show how far the work is.

    Raises:
        InvalidInput: as ``predict`` and ``score`` do.
    """
    worker = worker or Worker(device=torch.device("cpu"))
    share = predict(
        network,
        dataset,
        flip_test=flip_test,
        device=worker.device,
        batch_size=batch_size,
        workers=workers,
        rank=worker.rank,
        count=worker.count,
        batches=batches,
        follow=follow,
    )
    shares = worker.gather(share)
    return score(dataset, Predictions.interleaved(shares), data) if worker.is_first else None


def score(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> Evaluation:
    """Score the predictions of a whole validation set against the truth of ``data``, by the metric and rules of its format.

    Those of COCO and CrowdPose are rescored first, and duplicates dropped. Raises InvalidInput for a broken annotation
    file, and where annotated and detected boxes are mixed.
    """
    return SCORERS[data.data_format.scoring](dataset, predictions, data)


def _score_mpii(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> Evaluation:
    truth = data.truth(len(dataset))
    assert truth is not None, data.format
    figures = pckh(predictions.keypoints, truth.take(annotation_rows(dataset)))
    return Evaluation(metrics=figures, results=mpii_results(dataset, predictions))


def _score_crowdpose(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> Evaluation:
    kind, results = box_kind(dataset.people), coco_results(dataset, predictions)
    figures = crowdpose_ap(results, data.annotations, category=data.category)
    return Evaluation(metrics={f"{name}_{kind}": value for name, value in figures.items()}, results=results)


def _score_coco(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> Evaluation:
    kind, results = box_kind(dataset.people), coco_results(dataset, predictions)
    if not data.is_scored_by_ap:
        figures = keypoint_scores(dataset.people, predictions.keypoints, dataset.keypoint_set, data.used_metric)
        return Evaluation(metrics=figures, results=results)
    truth = data.read_annotations(data.val_split)
    figures = keypoint_ap(results, truth.images, truth.annotations, dataset.keypoint_set)
    return Evaluation(metrics={f"{name}_{kind}": value for name, value in figures.items()}, results=results)


SCORERS: dict[str, Callable[[TopDownDataset, Predictions, DataConfig], Evaluation]] = {
    "coco": _score_coco,
    "crowdpose": _score_crowdpose,
    "mpii": _score_mpii,
}
"""Functions that score the people of a format, by the name that the format gives."""
