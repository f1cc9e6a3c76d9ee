"""From a network and the crops of a data set to keypoints in the original images.

Shapes: images (B, 3, H, W), heatmaps (B, K, h, w).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from search_spaces.common.errors import InvalidInput
from trainers.data.geometry.transforms import invert, warp_points
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.device_batches import DeviceBatches


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """One prediction for each of N people.

    ``keypoints`` (N, K, 2) are x, y in pixels of the original images, and ``scores`` (N, K) the maxima of their heatmaps.
    """

    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]

    @classmethod
    def interleaved(cls, shares: Sequence[Predictions]) -> Predictions:
        """Join the predictions of all people from the shares of all ranks."""
        total = sum(len(share.scores) for share in shares)
        keypoints = np.empty((total, *shares[0].keypoints.shape[1:]))
        scores = np.empty(keypoints.shape[:2])
        for rank, share in enumerate(shares):
            keypoints[rank :: len(shares)], scores[rank :: len(shares)] = share.keypoints, share.scores
        return cls(keypoints=keypoints, scores=scores)


def predict(
    network: nn.Module,
    dataset: TopDownDataset,
    *,
    flip_test: bool = True,
    device: torch.device | str = "cpu",
    batch_size: int = 32,
    workers: int = 0,
    rank: int = 0,
    count: int = 1,
    batches: Iterable[dict[str, Tensor]] | None = None,
    follow: Callable[[Any], Iterable[dict[str, Tensor]]] = iter,
) -> Predictions:
    """Predict every ``count``-th person of a data set from ``rank`` on, in its order; the data set must not augment.

    Args:
        network: The network, which must already be on ``device``; it is put in evaluation mode for the while.
        dataset: The people.
        flip_test: Whether heatmaps are averaged with those of the mirrored crop, where the sides of the keypoints are known.
            The data set's codec says how they are laid over each other.
        device: The device of the network.
        batch_size: The number of people at once.
        workers: The number of processes that load the samples.
        rank: The number of this process, from 0.
        count: The number of processes.
        batches: The batches of `prediction_batches`, kept from an earlier prediction of the same share.
        follow: Yields the batches again, and may show how far the work is.

    Raises:
        InvalidInput: ``batch_size`` is below 1, ``workers`` below 0, or an image cannot be read.
    """
    assert dataset.augmentation is None, "an augmented crop cannot be mapped back to its image"
    codec = dataset.codec
    # Nothing is known of the mirrored image where left and right are not.
    permutation = dataset.keypoint_set.flip_permutation if flip_test and dataset.keypoint_set.mirrors else None
    share = range(rank, len(dataset), count)
    if batches is None:
        batches = prediction_batches(
            dataset, torch.device(device), batch_size=batch_size, workers=workers, rank=rank, count=count
        )
    keypoints = np.empty((len(share), dataset.keypoint_set.count, 2))
    scores = np.empty(keypoints.shape[:2])
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            for batch in follow(batches):
                heatmaps = predict_heatmaps(network, batch["image"].to(device), permutation, codec.flip_shift)
                located, values = codec.decode(heatmaps.float().cpu().numpy())
                for row, index in enumerate(batch["index"].tolist()):
                    to_image = invert(codec.crop_matrix(dataset.crop(index)))
                    keypoints[index // count] = warp_points(located[row], to_image)
                    scores[index // count] = values[row]
    finally:
        network.train(training)
    return Predictions(keypoints=keypoints, scores=scores)


def prediction_batches(
    dataset: TopDownDataset, device: torch.device, *, batch_size: int, workers: int, rank: int = 0, count: int = 1
) -> DeviceBatches:
    """Return the batches of a process's share of people; their loader processes last as long as the batches.

    Args:
        dataset: the people, without augmentation.
        device: finishes raw samples.
        batch_size: people at a time.
        workers: loader processes.
        rank: the first person of the share.
        count: the distance from each person of the share to the next.

    Raises:
        InvalidInput: ``batch_size`` is below 1, or ``workers`` below 0.
    """
    if batch_size < 1:
        raise InvalidInput(f"batch_size of an evaluation must be 1 or more, got {batch_size}")
    if workers < 0:
        raise InvalidInput(f"workers of an evaluation must be 0 or more, got {workers}")
    loader = DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=range(rank, len(dataset), count),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    return DeviceBatches(loader, device)


def predict_heatmaps(
    network: nn.Module, images: Tensor, flip_permutation: Sequence[int] | None = None, shift: int = 1
) -> Tensor:
    """The heatmaps of a batch, averaged with those of the mirrored images where a permutation is given.

    ``shift`` is the codec's `flip_shift`; 1 is that of the published networks.
    """
    heatmaps: Tensor = network(images)
    if flip_permutation is None:
        return heatmaps
    mirrored: Tensor = network(images.flip(3))
    return (heatmaps + unflip(mirrored, flip_permutation, shift)) / 2


def unflip(heatmaps: Tensor, flip_permutation: Sequence[int], shift: int = 1) -> Tensor:
    """Heatmaps of mirrored images as heatmaps of the images: mirrored, left and right exchanged, moved by ``shift`` cells.

    They move to the right, 0 or more cells; the columns on the left that would be left empty keep what they hold.
    """
    mirrored = heatmaps.flip(3)[:, list(flip_permutation)]
    return torch.cat([mirrored[..., :shift], mirrored[..., : mirrored.shape[3] - shift]], dim=3)
