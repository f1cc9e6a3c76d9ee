"""The laws of every codec: round trips to its own error, batches, scores, and heatmaps that are no heatmaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import CODECS
from tests.profiles import examples
from trainers.data.codecs import Codec, DarkCodec, MsraCodec, UdpCodec, default_sigma, make_codec

ERROR = {"msra": 0.5, "udp": 0.005, "dark": 0.02}
"""Largest error of a round trip along each axis, in cells, for sigma 1 or more and keypoints so far from the edges:"""
MARGIN = {"msra": 0.0, "udp": 1.5, "dark": 2.5}

sizes = st.tuples(st.integers(8, 96), st.integers(8, 96))
seeds = st.integers(0, 2**32 - 1)


def codec_of(name: str, heatmap_size: tuple[int, int], stride: int, sigma: float | None) -> DarkCodec | MsraCodec | UdpCodec:
    height, width = heatmap_size
    return make_codec(name, input_size=(height * stride, width * stride), heatmap_size=heatmap_size, sigma=sigma)


def keypoints_in(codec: DarkCodec | MsraCodec | UdpCodec, margin: float, count: int, seed: int) -> np.ndarray:
    """Cells (count, 2) no nearer to an edge than ``margin``, and the visible keypoints (count, 3) there."""
    height, width = codec.heatmap_size
    cells = np.random.default_rng(seed).uniform(margin, (width - 1 - margin, height - 1 - margin), (count, 2))
    return np.column_stack([cells * codec.stride, np.full(count, 2)])


def test_every_codec_of_the_hyper_parameters_is_made() -> None:
    made = {name: type(make_codec(name, input_size=(64, 48), heatmap_size=(16, 12))) for name in CODECS}
    assert made == {"msra": MsraCodec, "udp": UdpCodec, "dark": DarkCodec}


def test_sigma_is_the_published_one_unless_named() -> None:
    for name in CODECS:
        assert make_codec(name, input_size=(384, 288), heatmap_size=(96, 72)).sigma == default_sigma((96, 72)) == 3
        assert make_codec(name, input_size=(384, 288), heatmap_size=(96, 72), sigma=1.5).sigma == 1.5


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        make_codec("drak", input_size=(64, 48), heatmap_size=(16, 12))
    assert str(caught.value) == "unknown codec 'drak': did you mean 'dark'? known: dark, msra, udp"


@pytest.mark.parametrize("name", CODECS)
@given(size=sizes, stride=st.integers(1, 8), sigma=st.floats(1, 4), seed=seeds)
def test_round_trip_is_exact_to_the_error_of_the_codec(
    name: str, size: tuple[int, int], stride: int, sigma: float, seed: int
) -> None:
    codec = codec_of(name, size, stride, sigma)
    keypoints = keypoints_in(codec, MARGIN[name], 5, seed)
    targets, weights = codec.encode(keypoints)
    assert weights.tolist() == [1] * 5
    assert targets.dtype == weights.dtype == np.float32
    located, scores = codec.decode(targets[None])
    error = np.abs(located[0] - keypoints[:, :2]) / codec.stride
    assert error.max() <= ERROR[name] + 1e-6
    assert 0 < scores.min() <= scores.max() <= 1


@pytest.mark.parametrize("name", CODECS)
@given(size=sizes, sigma=st.floats(1, 4), seed=seeds)
def test_near_an_edge_a_round_trip_is_off_by_half_a_cell_at_most(
    name: str, size: tuple[int, int], sigma: float, seed: int
) -> None:
    codec = codec_of(name, size, 4, sigma)
    keypoints = keypoints_in(codec, 0, 5, seed)
    located, _ = codec.decode(codec.encode(keypoints)[0][None])
    assert (np.abs(located[0] - keypoints[:, :2]) / codec.stride).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("name", CODECS)
@given(size=sizes, sigma=st.floats(0.5, 4), seed=seeds)
def test_a_batch_is_decoded_as_each_map_alone(name: str, size: tuple[int, int], sigma: float, seed: int) -> None:
    codec = codec_of(name, size, 4, sigma)
    generator = np.random.default_rng(seed)
    targets = np.stack([codec.encode(keypoints_in(codec, -2, 3, seed + sample))[0] for sample in range(2)])
    heatmaps = (targets + generator.normal(0, 0.05, targets.shape)).astype(np.float32)
    located, scores = codec.decode(heatmaps)
    assert (located.shape, scores.shape) == ((2, 3, 2), (2, 3))
    for sample in range(2):
        for index in range(3):
            alone, score = codec.decode(heatmaps[sample, index][None, None])
            np.testing.assert_allclose(located[sample, index], alone[0, 0], atol=1e-6)
            assert scores[sample, index] == score[0, 0] == heatmaps[sample, index].max()


@pytest.mark.parametrize("name", CODECS)
@given(
    heatmaps=arrays(
        np.float32,
        (1, 2, 8, 9),
        elements=st.one_of(st.sampled_from([0.0, -1.0, 1.0]), st.floats(-(2.0**99), 2.0**99, width=32)),
        fill=st.sampled_from([0.0, -1.0, 1.0, 0.5, 2.0**-130]),
    ),
    sigma=st.floats(0.1, 100),
)
@examples(200)
def test_whatever_the_heatmap_the_point_lies_in_it_and_the_score_is_its_maximum(
    name: str, heatmaps: np.ndarray, sigma: float
) -> None:
    """Flat, negative, zero and wild ones: nothing is infinite or not a number, and nothing is warned of."""
    codec = codec_of(name, (8, 9), 4, sigma)
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        located, scores = codec.decode(heatmaps)
    cells = located / codec.stride
    assert np.isfinite(located).all()
    # As in the published code, `msra` puts a keypoint without a positive value outside.
    nowhere = (scores <= 0) & (name == "msra")
    assert (cells[nowhere] == -1).all()
    cells[nowhere] = 0
    assert (cells >= 0).all()
    assert (cells <= (8, 7)).all()
    np.testing.assert_array_equal(scores, heatmaps.max(axis=(2, 3)))


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("value", [0.0, -3.0, 1.0])
def test_a_flat_heatmap_is_its_first_cell(name: str, value: float) -> None:
    located, scores = codec_of(name, (16, 12), 4, 2.0).decode(np.full((1, 1, 16, 12), value, np.float32))
    place = [-4, -4] if name == "msra" and value <= 0 else [0, 0]
    assert located.tolist() == [[place]]
    assert scores.tolist() == [[value]]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(
    ("x", "y", "v"), [(80, 80, 0), (-40, 80, 2), (230, 80, 2), (80, -40, 2), (80, 300, 2), (1e30, 0, 2), (-1e30, 0, 2)]
)
def test_invisible_or_outside_has_no_weight_and_no_target(name: str, x: float, y: float, v: float) -> None:
    codec: Codec = codec_of(name, (64, 48), 4, 2.0)
    target, weight = codec.encode(np.array([[x, y, v], [80, 80, 1]]))
    assert weight.tolist() == [0, 1]
    assert not target[0].any()
    assert target[1].max() > 0.9
