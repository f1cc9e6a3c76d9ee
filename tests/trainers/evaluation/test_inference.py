from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_dataset
from trainers.data.annotations.keypoints import COCO17
from trainers.data.codecs import MsraCodec
from trainers.data.formats.coco import load_people
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.inference import predict, predict_heatmaps, unflip

CODEC = MsraCodec(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.0)


class Columns(nn.Module):
    """Heatmap k is brightness averaged over each 4 × 4 block, plus k: a network that is exactly known."""

    def forward(self, images: Tensor) -> Tensor:
        pooled = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4)
        return pooled + torch.arange(17.0)[None, :, None, None]


@pytest.fixture
def dataset(tmp_path: Path) -> TopDownDataset:
    entries = [annotation(id=number, bbox=[5 + number, 5, 30, 45]) for number in range(5)]
    return TopDownDataset(load_people(*write_dataset(tmp_path, document(*entries))), CODEC)


def test_unflip_mirrors_exchanges_and_moves_by_one_cell() -> None:
    heatmaps = torch.zeros(1, 17, 16, 12)
    heatmaps[0, 5, 3, 2] = 1
    result = unflip(heatmaps, COCO17.flip_permutation)
    assert torch.nonzero(result).tolist() == [[0, 6, 3, 12 - 1 - 2 + 1]]


def test_flip_test_averages_both_passes() -> None:
    images = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    network, permutation = Columns(), COCO17.flip_permutation
    plain, mirrored = network(images), network(images.flip(3))
    expected = plain.clone()
    for k in range(17):
        back = mirrored[:, permutation[k]].flip(2)
        back[:, :, 1:] = back[:, :, :-1].clone()
        expected[:, k] = (plain[:, k] + back) / 2
    torch.testing.assert_close(predict_heatmaps(network, images, permutation), expected)
    torch.testing.assert_close(predict_heatmaps(network, images), plain)


@pytest.mark.parametrize("flip_test", [True, False])
def test_batches_and_workers_change_nothing(dataset: TopDownDataset, flip_test: bool) -> None:
    results = [
        predict(Columns(), dataset, flip_test=flip_test, batch_size=size, workers=workers)
        for size, workers in ((1, 0), (3, 1), (32, 0))
    ]
    assert results[0].keypoints.shape == (5, 17, 2)
    assert results[0].scores.shape == (5, 17)
    for other in results[1:]:
        np.testing.assert_allclose(other.keypoints, results[0].keypoints)
        np.testing.assert_allclose(other.scores, results[0].scores, rtol=1e-6)


def test_keypoints_are_in_pixels_of_the_image(dataset: TopDownDataset) -> None:
    """A network that always answers the middle of the crop finds the middle of each box."""

    class Middle(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            heatmaps = torch.zeros(len(images), 17, 16, 12)
            heatmaps[:, :, 8, 6] = 1
            return heatmaps

    found = predict(Middle(), dataset, flip_test=False)
    for person, keypoints in zip(dataset.people, found.keypoints, strict=True):
        x, y, width, height = person.box
        np.testing.assert_allclose(keypoints, np.tile([x + width / 2, y + height / 2], (17, 1)))


def test_network_is_evaluated_and_given_back_in_its_mode(dataset: TopDownDataset) -> None:
    modes = []

    class Watched(Columns):
        def forward(self, images: Tensor) -> Tensor:
            modes.append((self.training, torch.is_grad_enabled()))
            return super().forward(images)

    network = Watched().train()
    predict(network, dataset)
    assert set(modes) == {(False, False)}
    assert network.training
    predict(network.eval(), dataset)
    assert not network.training


def test_arguments_out_of_range_are_refused(dataset: TopDownDataset) -> None:
    with pytest.raises(InvalidInput, match=r"^batch_size of an evaluation must be 1 or more, got 0$"):
        predict(Columns(), dataset, batch_size=0)
    with pytest.raises(InvalidInput, match=r"^workers of an evaluation must be 0 or more, got -1$"):
        predict(Columns(), dataset, workers=-1)
