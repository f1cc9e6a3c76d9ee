"""Batches finished on the device are those of the processor, and a training on them learns the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, default_collate

from search_spaces.families.architecture import CENTRED, IMAGENET, Normalisation
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import CODECS, TrainConfig
from tests.profiles import examples
from tests.trainers.second_device import META
from trainers.data.codecs import make_codec
from trainers.data.config import DataConfig
from trainers.data.geometry.transforms import gain_and_bias, normalise
from trainers.data.samples import device_batches
from trainers.data.samples.datasets import training_set, validation_set
from trainers.data.samples.device_batches import DeviceBatches, finished
from trainers.processes.distributed import Worker
from trainers.training.loop import train

CPU = torch.device("cpu")
TOLERANCE = 1e-6


def constants(statistics: Normalisation, device: torch.device = CPU) -> tuple[torch.Tensor, torch.Tensor]:
    gain, bias = gain_and_bias(statistics)
    return torch.from_numpy(gain).to(device), torch.from_numpy(bias).to(device)


@pytest.mark.parametrize("name", CODECS)
@examples(40)
@given(size=st.tuples(st.integers(8, 64), st.integers(8, 64)), sigma=st.floats(0.5, 4), seed=st.integers(0, 2**32 - 1))
def test_products_of_profiles_are_the_targets(name: str, size: tuple[int, int], sigma: float, seed: int) -> None:
    codec = make_codec(name, input_size=(4 * size[0], 4 * size[1]), heatmap_size=size, sigma=sigma)
    generator = np.random.default_rng(seed)
    # Outside of the input too, and not all visible.
    places = generator.uniform(-0.3, 1.3, (17, 2)) * (4 * size[1], 4 * size[0])
    keypoints = np.column_stack([places, generator.integers(0, 3, 17)])
    target, weight = codec.encode(keypoints)
    across, down, weight_too = codec.encode_profiles(keypoints)
    np.testing.assert_array_equal(weight_too, weight)
    np.testing.assert_allclose(down[:, :, None] * across[:, None, :], target, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("statistics", [IMAGENET, CENTRED], ids=["ImageNet", "centred"])
def test_a_finished_batch_is_that_of_the_processor(
    people: DataConfig, small_arch: ArchConfig, codec: str, statistics: Normalisation
) -> None:
    config = TrainConfig(codec=codec, photometric=0.0, seed=3)
    plain, raw = (training_set(people, small_arch, config, raw=value) for value in (False, True))
    plain.normalisation = raw.normalisation = statistics
    expected, sent = (default_collate([samples[index] for index in range(4)]) for samples in (plain, raw))
    assert sent["pixels"].dtype == torch.uint8
    found = finished(sent, *constants(statistics))
    assert found.keys() == expected.keys()
    assert torch.equal(found["image"], expected["image"])
    assert torch.equal(found["weight"], expected["weight"])
    assert torch.equal(found["index"], expected["index"])
    torch.testing.assert_close(found["target"], expected["target"], rtol=0, atol=TOLERANCE)
    assert found["image"].is_contiguous(memory_format=torch.channels_last), "as the network stores it"


def test_a_raw_sample_is_a_fraction_of_the_bytes(people: DataConfig, small_arch: ArchConfig) -> None:
    def size(raw: bool) -> int:
        sample = training_set(people, small_arch, TrainConfig(), raw=raw)[0]
        return sum(value.nbytes for value in sample.values())

    assert size(True) < 0.25 * size(False)


def test_every_byte_is_normalised_as_on_the_processor() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    raw = {name: torch.zeros(1, 1, 4) for name in ("across", "down")} | {
        "weight": torch.zeros(1, 1),
        "index": torch.zeros(1),
    }
    found = finished(raw | {"pixels": torch.from_numpy(pixels)[None]}, *constants(IMAGENET))
    assert torch.equal(found["image"][0], torch.from_numpy(normalise(pixels)))


def test_a_batch_is_finished_on_the_device(people: DataConfig, small_arch: ArchConfig) -> None:
    loader = DataLoader(validation_set(people, small_arch, TrainConfig(), raw=True), batch_size=4)
    batches = list(DeviceBatches(loader, META))
    assert len(batches) == len(loader)
    assert {name: value.device.type for name, value in batches[0].items()} == {
        "image": "meta",
        "target": "meta",
        "weight": "meta",
        "index": "cpu",
    }


@pytest.mark.parametrize("raw", [False, True])
def test_each_epoch_has_all_batches_in_their_order(people: DataConfig, small_arch: ArchConfig, raw: bool) -> None:
    loader = DataLoader(validation_set(people, small_arch, TrainConfig(), raw=raw), batch_size=5)
    batches = DeviceBatches(loader, CPU)
    for _ in range(2):
        indices = [index for batch in batches for index in batch["index"].tolist()]
        assert indices == list(range(len(loader.dataset)))  # type: ignore[arg-type]


def test_the_next_batch_is_begun_before_one_is_handed_out(
    people: DataConfig, small_arch: ArchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    right = device_batches.finished

    def noted(raw: dict[str, torch.Tensor], *constants: torch.Tensor) -> dict[str, torch.Tensor]:
        begun.append(len(begun))
        return right(raw, *constants)

    monkeypatch.setattr(device_batches, "finished", noted)
    loader = DataLoader(validation_set(people, small_arch, TrainConfig(), raw=True), batch_size=4)
    batches = iter(DeviceBatches(loader, CPU))
    for number in range(len(loader)):
        next(batches)
        assert len(begun) == min(number + 2, len(loader))


def test_a_training_on_raw_samples_learns_the_same(
    few_people: DataConfig,
    small_arch: ArchConfig,
    short_training: TrainConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def curve() -> list[dict[str, float]]:
        worker = Worker(device=CPU)
        return train(small_arch, short_training, few_people, directory=None, report=lambda *_: None, worker=worker).curve

    expected = curve()
    monkeypatch.setattr(device_batches, "RAW_DEVICES", ("cpu",))
    found = curve()
    assert found[-1].keys() == expected[-1].keys()
    assert [epoch["loss"] for epoch in found] == pytest.approx([epoch["loss"] for epoch in expected], rel=1e-5)
    assert found[-1]["ap_gt"] == pytest.approx(expected[-1]["ap_gt"], abs=1e-6)
