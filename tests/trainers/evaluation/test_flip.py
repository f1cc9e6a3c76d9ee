"""Flip tests under each codec, with an oracle that answers the true heatmaps of an image and of its mirror image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from search_spaces.training_config import CODECS
from tests.trainers.data.builders import annotation, document, write_dataset
from trainers.data.annotations.keypoints import COCO17
from trainers.data.codecs import Codec, make_codec
from trainers.data.formats.coco import load_people
from trainers.data.geometry.transforms import flip_keypoints, warp_points
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.inference import predict, predict_heatmaps

# In cells. Quarter offset: the half of its rounding, and a quarter toward the other map. The published shift by a whole
# cell leaves half of 1 / stride where decoding is fine enough to see it.
ERROR = {"msra": 0.75, "udp": 0.005, "dark": 0.03}


class Oracle(nn.Module):
    """Perfectly equivariant: (B, K, 3) keypoints in input pixels, encoded as they are, then mirrored, and so on."""

    def __init__(self, codec: Codec, keypoints: np.ndarray) -> None:
        super().__init__()
        mirrored = [flip_keypoints(one, codec.input_size[1], COCO17) for one in keypoints]
        self.answers = [torch.from_numpy(np.stack([codec.encode(k)[0] for k in both])) for both in (keypoints, mirrored)]
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.answers[(self.calls - 1) % 2]


@pytest.mark.parametrize("name", CODECS)
@given(
    size=st.tuples(st.integers(16, 64), st.integers(16, 64)),
    stride=st.integers(2, 8),
    sigma=st.floats(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_mirroring_twice_leaves_points_where_they_are(
    name: str, size: tuple[int, int], stride: int, sigma: float, seed: int
) -> None:
    (height, width) = size
    codec = make_codec(name, input_size=(height * stride, width * stride), heatmap_size=size, sigma=sigma)
    generator = np.random.default_rng(seed)
    cells = generator.uniform(4, (width - 5, height - 5), (1, 17, 2))
    keypoints = np.concatenate([cells * codec.stride, np.full((1, 17, 1), 2)], axis=2)
    images = torch.zeros(1, 3, *codec.input_size)
    heatmaps = predict_heatmaps(Oracle(codec, keypoints), images, COCO17.flip_permutation, codec.flip_shift)
    located, _ = codec.decode(heatmaps.numpy())
    error = located / codec.stride - cells
    left_over = 0.5 / stride if name == "dark" else 0.0
    assert np.abs(error[..., 0] - left_over).max() <= ERROR[name] + 1e-6
    assert np.abs(error[..., 1]).max() <= ERROR[name] + 1e-6


@pytest.mark.parametrize(("name", "pixels"), [("msra", 3.0), ("udp", 0.02), ("dark", 0.7)])
@pytest.mark.parametrize("flip_test", [True, False])
def test_prediction_finds_what_the_oracle_knows(tmp_path: Path, name: str, pixels: float, flip_test: bool) -> None:
    """From the crop to the image, each by the codec: ``pixels`` of the input are the allowed error."""
    people = load_people(*write_dataset(tmp_path, document(annotation(), annotation(id=8, bbox=[12, 3, 40, 52]))))
    codec = make_codec(name, input_size=(256, 192), heatmap_size=(64, 48))
    dataset = TopDownDataset(people, codec)
    truth = np.stack([person.keypoints for person in people if person.keypoints is not None])
    inputs = np.stack([warp_points(one, codec.crop_matrix(dataset.crop(i))) for i, one in enumerate(truth)])
    oracle = Oracle(codec, inputs)
    found = predict(oracle, dataset, flip_test=flip_test)
    assert oracle.calls == 1 + flip_test
    for index in range(2):
        scale = dataset.crop(index).size[0] / 192
        assert np.abs(found.keypoints[index] - truth[index, :, :2]).max() <= pixels * scale
