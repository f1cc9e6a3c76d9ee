"""Looks change, places do not; the changes follow from the generator; none are had for nothing."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from search_spaces.common.errors import InvalidInput
from tests.conftest import ROOT
from tests.profiles import examples
from tests.trainers.data.builders import annotation, document, write_dataset
from trainers.data.codecs import MsraCodec
from trainers.data.formats.coco import Person, load_people
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.photometric import Photometric, photometric_of

CODEC = MsraCodec(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.0)


@pytest.fixture
def people(tmp_path: Path) -> list[Person]:
    entries = [annotation(id=number, bbox=[5 + number, 5, 30, 45]) for number in range(6)]
    return load_people(*write_dataset(tmp_path, document(*entries)))


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def changed(image: np.ndarray, strength: float, seed: int) -> np.ndarray:
    return Photometric(strength=strength)(image, np.random.default_rng(seed))


@examples(25)
@given(strength=st.floats(0.01, 1), seed=st.integers(0, 2**32 - 1))
def test_the_change_follows_from_the_generator_alone(strength: float, seed: int) -> None:
    image, size = picture(seed), (64, 48, 3)
    first = changed(image, strength, seed)
    assert (first.shape, first.dtype) == (size, np.uint8)
    torch.rand(3), random.random(), np.random.random()
    np.testing.assert_array_equal(changed(image, strength, seed), first)
    np.testing.assert_array_equal(image, picture(seed))


def test_other_draws_are_other_changes() -> None:
    results = {changed(picture(0), 0.5, seed).tobytes() for seed in range(10)}
    assert len(results) == 10


def test_generators_of_the_process_stay_as_they_are() -> None:
    torch.manual_seed(11)
    expected_torch, expected_random, expected_numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    changed(picture(0), 1.0, 3)
    assert torch.equal(torch.get_rng_state(), expected_torch)
    assert random.getstate() == expected_random
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), expected_numpy, strict=True))
    assert torch.is_grad_enabled()


def test_a_stronger_change_changes_more() -> None:
    image = picture(1)
    difference = [
        np.mean([np.abs(changed(image, strength, seed).astype(float) - image).mean() for seed in range(40)])
        for strength in (0.05, 0.3, 1.0)
    ]
    assert 0 < difference[0] < difference[1] < difference[2]


@pytest.mark.slow
def test_colour_and_blur_and_patches_all_happen() -> None:
    """On stripes: blur lowers the contrast between neighbours, a patch has none inside."""
    stripes = np.zeros((64, 48, 3), np.uint8)
    stripes[:, ::2] = (40, 120, 200)
    kinds = {"sharp": 0, "blurred": 0, "covered": 0}
    for seed in range(200):
        result = changed(stripes, 1.0, seed).astype(int)
        flat = (np.abs(np.diff(result, axis=1)).max(axis=2) == 0).mean()
        contrast = np.median(np.abs(np.diff(result, axis=1)).max(axis=2))
        kinds["covered"] += flat > 0.01
        kinds["blurred" if contrast < 60 else "sharp"] += 1
    # A blur of less than half a pixel leaves the stripes sharp.
    assert 70 < kinds["covered"] < 130
    assert kinds["blurred"] > 50
    assert kinds["sharp"] > 50


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), x=st.integers(8, 39), y=st.integers(8, 55))
def test_a_dot_stays_where_it_is(seed: int, x: int, y: int) -> None:
    image = np.full((64, 48, 3), 40, np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 230
    near = changed(image, 1.0, seed)[y - 6 : y + 7, x - 6 : x + 7].astype(float)
    # The grey of a patch is the one colour that no background of 40 can become.
    covered = (np.abs(near - 0.449 * 255) <= 1).all(axis=2)
    assume(not covered.any())
    light = np.abs(near - near[0, 0]).sum(axis=2)
    rows, columns = np.mgrid[-6:7, -6:7]
    assert light.sum() > 0
    assert [(columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()] == pytest.approx([0, 0], abs=0.1)


def test_targets_are_those_without_the_change(people: list[Person]) -> None:
    plain = TopDownDataset(people, CODEC, augmentation=Augmentation(), seed=5)
    other = TopDownDataset(people, CODEC, augmentation=Augmentation(), photometric=Photometric(strength=0.7), seed=5)
    for index in range(6):
        before, after = plain[index], other[index]
        assert torch.equal(before["target"], after["target"])
        assert torch.equal(before["weight"], after["weight"])
        assert not torch.equal(before["image"], after["image"])
        # Still the same picture: patches and colours leave more in common than another crop would.
        both = torch.stack([before["image"].flatten(), after["image"].flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.5


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_follow_from_seed_epoch_and_index(people: list[Person], workers: int) -> None:
    def dataset(seed: int, epoch: int) -> TopDownDataset:
        made = TopDownDataset(people, CODEC, augmentation=Augmentation(), photometric=Photometric(strength=1), seed=seed)
        made.set_epoch(epoch)
        return made

    torch.manual_seed(1)
    loader = DataLoader(dataset(3, 2), batch_size=4, num_workers=workers)
    loaded = torch.cat([batch["image"] for batch in loader])
    torch.manual_seed(2)
    alone = dataset(3, 2)
    for index in reversed(range(6)):
        torch.testing.assert_close(alone[index]["image"], loaded[index], rtol=0, atol=0)
    assert not torch.equal(dataset(3, 1)[0]["image"], loaded[0])
    assert not torch.equal(dataset(4, 2)[0]["image"], loaded[0])


def test_it_travels_to_other_processes() -> None:
    photometric = Photometric(strength=0.5)
    first = photometric(picture(0), np.random.default_rng(0))
    again = pickle.loads(pickle.dumps(photometric))
    np.testing.assert_array_equal(again(picture(0), np.random.default_rng(0)), first)


@pytest.mark.parametrize("strength", [0.0, -0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        Photometric(strength=strength)
    assert str(caught.value) == f"photometric strength must be a number above 0 and at most 1, got {strength}"


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("kornia", "kornia.augmentation"):
        monkeypatch.setitem(sys.modules, module, None)
    message = (
        r"^photometric above 0 needs kornia, install the extra 'augment' .*dite-search\[augment\]'\), got photometric 0.5"
    )
    with pytest.raises(InvalidInput, match=message):
        photometric_of(0.5)
    assert photometric_of(0.0) is None


def test_without_a_strength_the_library_is_not_imported() -> None:
    code = (
        "import sys, trainers.training.loop\n"
        "from trainers.data.samples.photometric import photometric_of\n"
        "assert photometric_of(0.0) is None\n"
        "assert not [name for name in sys.modules if name.startswith('kornia')]\n"
        "assert photometric_of(0.5) is not None\n"
        "assert 'kornia.augmentation' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
