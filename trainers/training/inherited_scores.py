"""Scores of networks that inherit shared weights: on held-out training images, with statistics estimated for each.

Such a score ranks networks of one store among each other. It is no accuracy of a network's own, and its names say so.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.supernet_config import INHERITED, SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.keypoint_sets.metric import PCK, Metric
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import plain_training_set, training_set
from trainers.data.samples.held_out import training_parts
from trainers.evaluation.calibration import calibrate
from trainers.evaluation.coco_ap import keypoint_ap
from trainers.evaluation.inference import Predictions, predict
from trainers.evaluation.keypoint_scores import keypoint_scores
from trainers.evaluation.results import box_kind, coco_results
from trainers.networks.shared_store import SharedStore

CALIBRATION_BATCH = 128
"""Least number of images of a calibration batch: some layers see one value for each image."""
CACHED_BYTES = 2**30
"""Samples of one kind are kept in memory up to so many bytes; more are read again for every network."""


def inherited_figure(data: DataConfig) -> str:
    """Return the name of the figure that ranks networks which inherit shared weights, such as ``inherited_ap_gt``."""
    metric = _metric(data)
    return INHERITED + metric.objective("gt")


class InheritedScorer:
    """Scores networks of a store, one after another; the store stays as it is.

    Args:
        store: The shared weights, on the device that computes.
        arch: A network of the store.
        settings: How networks are scored.
        recipe: The recipe of the shared weights, as `SupernetConfig.recipe` gives it.
        data: The data set; its validation set is not read.

    Raises:
        InvalidInput: the data cannot be read, or a part of them is empty.
    """

    def __init__(
        self, store: SharedStore, arch: Architecture, settings: SupernetConfig, recipe: TrainConfig, data: DataConfig
    ) -> None:
        people = training_set(data, arch, recipe).people
        parts = training_parts(people, settings.held_out, recipe.seed)
        chosen = calibration_numbers(parts.learned, settings.calibration_images, recipe.seed)
        self._store, self._data = store, data
        self._device = next(store.parameters()).device
        self._held_out = plain_training_set(data, arch, recipe, [people[number] for number in parts.held_out])
        calibration = plain_training_set(data, arch, recipe, [people[number] for number in chosen])
        batches = max(1, len(chosen) // CALIBRATION_BATCH)
        self._calibration = _KeptBatches(calibration, len(chosen) // batches, data.workers)
        self._batches = _KeptBatches(self._held_out, CALIBRATION_BATCH, data.workers)

    def score(self, arch: Architecture) -> dict[str, float]:
        """Return the figures of a network that inherits the shared weights.

        Raises:
            InvalidInput: the network has no place in the store, or an image cannot be read.
        """
        return self.figures(self.calibrated(arch))

    def calibrated(self, arch: Architecture) -> nn.Module:
        """Return a network with the shared weights and statistics of its own.

        Raises:
            InvalidInput: the network has no place in the store, or an image cannot be read.
        """
        network = self._store.export(arch)
        calibrate(network, (batch["image"].to(self._device) for batch in self._calibration))
        return network

    def figures(self, network: nn.Module) -> dict[str, float]:
        """Return the figures of a network on the held-out images, as it is.

        Raises:
            InvalidInput: an image cannot be read.
        """
        found = predict(network, self._held_out, flip_test=False, device=self._device, batches=self._batches)
        return {INHERITED + name: value for name, value in self._figures(found).items()}

    def _figures(self, found: Predictions) -> dict[str, float]:
        people, metric = self._held_out.people, _metric(self._data)
        if not metric.is_oks:
            return keypoint_scores(people, found.keypoints, self._held_out.keypoint_set, metric)
        images = {person.image_id for person in people}
        figures = keypoint_ap(
            coco_results(self._held_out, found),
            images,
            [entry for entry in self._truth if entry["image_id"] in images],
            self._held_out.keypoint_set,
        )
        return {f"{name}_{box_kind(people)}": value for name, value in figures.items()}

    @functools.cached_property
    def _truth(self) -> list[dict[str, object]]:
        """The annotations of the training split, read once."""
        return self._data.read_annotations(self._data.train_split).annotations


def calibration_numbers(learned: Sequence[int], images: int, seed: int) -> list[int]:
    """Return the numbers of the samples from which statistics are estimated, enough for batches of one size.

    Args:
        learned: The numbers of the samples that were learned from.
        images: The samples that are wanted; fewer where there are not so many.
        seed: The seed of their choice.

    Raises:
        InvalidInput: there are fewer than two.
    """
    if len(learned) < 2:
        raise InvalidInput(f"statistics must be estimated from at least 2 training images, got {len(learned)}")
    chosen = sorted(np.random.default_rng([seed, 7]).permutation(np.array(learned))[:images].tolist())
    batches = max(1, len(chosen) // CALIBRATION_BATCH)
    return chosen[: len(chosen) - len(chosen) % batches]


def _metric(data: DataConfig) -> Metric:
    """Return the metric of scores on training people; those of MPII have no lengths of the head."""
    return Metric(name=PCK) if data.data_format.metric_words else data.used_metric


class _KeptBatches:
    """Batches of plain samples, kept in memory after the first time where they are few."""

    def __init__(self, dataset: TopDownDataset, batch_size: int, workers: int) -> None:
        height, width = dataset.codec.input_size
        self._keeps = 4 * 3 * height * width * len(dataset) <= CACHED_BYTES
        self._loader = DataLoader(
            dataset,
            batch_size=batch_size,
            num_workers=workers,
            persistent_workers=workers > 0 and not self._keeps,
        )
        self._kept: list[dict[str, Tensor]] = []

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        if self._kept:
            return iter(self._kept)
        read = ({name: batch[name] for name in ("image", "index")} for batch in self._loader)
        if not self._keeps:
            return read
        self._kept = list(read)
        return iter(self._kept)
