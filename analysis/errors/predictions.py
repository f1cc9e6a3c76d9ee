"""The predictions of a trained network for its validation people; those of a study's trials are kept in its folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from analysis.statistics.bootstrap import ImageFigures
from analysis.statistics.image_distances import image_distances
from analysis.statistics.image_scores import ImageScores, image_scores, keypoint_aps
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_checkpoint import trial_checkpoint
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_text
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.data.config import OWN, DataConfig
from trainers.data.keypoint_sets.metric import PCKH50
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import validation_set
from trainers.evaluation.inference import Predictions, predict
from trainers.evaluation.keypoint_scores import POOLED, distances_in_lengths, parts_of_figure
from trainers.evaluation.pckh import annotation_rows, parts_of_pckh
from trainers.evaluation.results import Result
from trainers.evaluation.scoring import score
from trainers.networks.load import load_any_network
from trainers.processes.distributed import default_device

PREDICTIONS_FOLDER = "predictions"
FORMAT = 2
"""Kept predictions of format 1 were for the people of category 1, whatever the file says people are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPredictions:
    """The predictions of one network for the validation people of a data set.

    Args:
        data: The data set.
        dataset: The people in the order of ``predictions``, with their truth where boxes are annotated.
        predictions: The keypoints in pixels of the original images.
        metrics: The figures, as in `trainers.evaluation.scoring.Evaluation`.
        results: The entries of the results file, as there.
    """

    data: DataConfig
    dataset: TopDownDataset
    predictions: Predictions
    metrics: dict[str, float]
    results: list[Any]

    @property
    def has_similarity(self) -> bool:
        """Whether the data are scored by object keypoint similarity, as COCO's are and MPII's are not."""
        return self.data.has_oks

    @property
    def is_scored_by_ap(self) -> bool:
        """Whether the figure that ranks networks is AP."""
        return self.data.has_oks and self.data.is_scored_by_ap

    def image_figures(self) -> ImageFigures:
        """Return the parts of the figure that ranks networks, image by image."""
        if self.is_scored_by_ap:
            return self.image_scores()
        people, metric = self.dataset.people, self.data.used_metric
        truth, keypoints = self.data.truth(len(people)), self.predictions.keypoints
        if truth is not None:
            parts = parts_of_pckh(keypoints, truth.take(annotation_rows(self.dataset)), PCKH50)
        else:
            distances = distances_in_lengths(people, keypoints, self.dataset.keypoint_set, metric)
            parts = parts_of_figure(distances, metric)
        pooled = truth is not None or metric.name in POOLED
        return image_distances(parts, [person.image_id for person in people], pooled=pooled)

    def image_scores(self) -> ImageScores:
        """The matches behind AP, image by image; only where `has_similarity`."""
        truth = self.data.read_annotations(self.data.val_split)
        return image_scores(self._results, truth.images, truth.annotations, self.dataset.keypoint_set)

    def keypoint_aps(self) -> dict[str, float]:
        """AP of every keypoint alone, as in `analysis.statistics.image_scores.keypoint_aps`; only where `has_similarity`."""
        truth = self.data.read_annotations(self.data.val_split)
        return keypoint_aps(self._results, truth.images, truth.annotations, self.dataset.keypoint_set)

    @property
    def _results(self) -> list[Result]:
        assert self.has_similarity, self.data.format
        return self.results


def predictions_of(
    study: StudyRecord,
    record: TrialRecord,
    data: DataConfig,
    *,
    flip_test: bool,
    follow: Callable[[Any], Iterable[Any]] = iter,
) -> ScoredPredictions:
    """Return the predictions of a trial's last checkpoint for the validation people of ``data``, and their scores.

    Kept predictions are read from ``predictions/`` of the study's folder as long as checkpoint, annotations and boxes are
    the same. A folder that cannot be written keeps nothing.

    Args:
        study: The study.
        record: The trial.
        data: The data set.
        flip_test: Whether to average with the mirrored image, as the study's protocol says whether its scores do.
        follow: Yields batches of people again, and may show how far the work is.

    Raises:
        InvalidInput: the trial has no checkpoint, it is broken or of another network, or the data cannot be read.
    """
    if record.checkpoint is None:
        raise InvalidInput(f"trial {record.number} of study {study.name} has no checkpoint to predict with")
    checkpoint, trained = trial_checkpoint(study, record)
    name = f"{record.number:05d}-{data.boxes}-{'flip' if flip_test else 'noflip'}.json"
    kept = study.directory / PREDICTIONS_FOLDER / name
    dataset = validation_set(data, trained.arch, trained.train)
    identity = {"format": FORMAT, "flip_test": flip_test, "checkpoint": digest(checkpoint), "data": data_digest(data)}
    found = _read(kept, identity, dataset)
    if found is None:
        _, network = load_any_network(checkpoint)
        found = _predicted(network, dataset, flip_test=flip_test, follow=follow)
        _write(kept, identity, found)
    return _scored(dataset, found, data)


def predictions_with(
    arch: Architecture,
    network: nn.Module,
    config: TrainConfig,
    data: DataConfig,
    *,
    flip_test: bool,
    follow: Callable[[Any], Iterable[Any]] = iter,
) -> ScoredPredictions:
    """The predictions of any network, whose heatmaps are read as ``config`` says; nothing is kept.

    Args:
        arch: The architecture.
        network: The network.
        config: The recipe of its training.
        data: The data set.
        flip_test: Whether to average with the mirrored image.
        follow: Yields batches of people again, and may show how far the work is.

    Raises:
        InvalidInput: the data cannot be read, or the network is for other keypoints.
    """
    dataset = validation_set(data, arch, config)
    return _scored(dataset, _predicted(network, dataset, flip_test=flip_test, follow=follow), data)


def data_digest(data: DataConfig) -> str:
    """Return an identity of a validation set: format, boxes, annotations, category and detections, wherever they lie."""
    parts = [data.format, data.boxes, digest(data.annotations)]
    if data.category is not None:
        parts.append(f"category {data.category}")
    own = {name: value for name, value in data.to_dict().items() if name in OWN}
    if own:
        parts.append(hashlib.sha256(json.dumps(_without_places(own), sort_keys=True).encode()).hexdigest()[:16])
    return "-".join([*parts, digest(data.detections)] if data.detections else parts)


def _without_places(own: dict[str, Any]) -> dict[str, Any]:
    """Return what makes people and scores what they are, wherever the files lie."""
    layout = own.get("layout") or {}
    return own | {"layout": {name: layout.get(name) for name in ("val_share", "group_by")}}


def digest(path: Path) -> str:
    """The SHA-256 of a file, in short.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def _predicted(
    network: nn.Module, dataset: TopDownDataset, *, flip_test: bool, follow: Callable[[Any], Iterable[Any]]
) -> Predictions:
    device = torch.device(default_device())
    return predict(network.to(device), dataset, flip_test=flip_test, device=device, follow=follow)


def _scored(dataset: TopDownDataset, predictions: Predictions, data: DataConfig) -> ScoredPredictions:
    evaluation = score(dataset, predictions, data)
    return ScoredPredictions(
        data=data,
        dataset=dataset,
        predictions=predictions,
        metrics=evaluation.metrics,
        results=list(evaluation.results),
    )


def _write(path: Path, identity: dict[str, Any], predictions: Predictions) -> None:
    content = identity | {"keypoints": predictions.keypoints.tolist(), "scores": predictions.scores.tolist()}
    try:
        write_text(path, json.dumps(content, allow_nan=False, separators=(",", ":")))
    except (OSError, ValueError):
        # A study that is shared read-only can still be looked at, and numbers that are not finite cannot be kept: both are
        # predicted anew each time.
        return


def _read(path: Path, identity: dict[str, Any], dataset: TopDownDataset) -> Predictions | None:
    """Read kept predictions; None where they are damaged, or of anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        keypoints, scores = np.array(content.pop("keypoints"), np.float64), np.array(content.pop("scores"), np.float64)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    shape = (len(dataset), dataset.keypoint_set.count)
    if content != identity or scores.shape != shape or keypoints.shape != (*shape, 2):
        return None
    if not (np.isfinite(keypoints).all() and np.isfinite(scores).all()):
        return None
    return Predictions(keypoints=keypoints, scores=scores)
