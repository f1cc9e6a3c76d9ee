from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17
from trainers.data.geometry.augmentation import Augmentation, half_body_crop, vary
from trainers.data.geometry.transforms import crop_of_box

INPUT = (64, 48)


def test_variations_keep_to_their_ranges_and_rates() -> None:
    keypoints = np.column_stack([np.linspace(10, 90, 17), np.linspace(10, 190, 17), np.full(17, 2)])
    crop = crop_of_box((0, 0, 100, 200), INPUT)
    generator = np.random.default_rng(0)
    drawn = [
        vary(
            crop,
            keypoints,
            augmentation=Augmentation(half_body=0.0),
            keypoint_set=COCO17,
            input_size=INPUT,
            generator=generator,
        )
        for _ in range(3000)
    ]
    rotations = np.array([one.crop.rotation for one in drawn])
    factors = np.array([one.crop.size[0] / crop.size[0] for one in drawn])
    assert np.abs(rotations).max() == 30
    assert (rotations == 0).mean() == pytest.approx(0.4, abs=0.04)
    assert (factors.min(), factors.max()) == pytest.approx((0.75, 1.25))
    assert np.mean([one.flip for one in drawn]) == pytest.approx(0.5, abs=0.04)
    assert {one.crop.center for one in drawn} == {crop.center}


@pytest.mark.parametrize(("labelled", "share"), [(8, 0.3), (7, 0.0)])
def test_half_body_needs_enough_labelled_keypoints(labelled: int, share: float) -> None:
    keypoints = np.column_stack([np.linspace(10, 90, 17), np.linspace(10, 190, 17), np.arange(17) < labelled])
    crop, generator = crop_of_box((0, 0, 100, 200), INPUT), np.random.default_rng(1)
    halves = [
        vary(
            crop,
            keypoints,
            augmentation=Augmentation(),
            keypoint_set=COCO17,
            input_size=INPUT,
            generator=generator,
        ).crop.center
        != crop.center
        for _ in range(1500)
    ]
    assert np.mean(halves) == pytest.approx(share, abs=0.04)


def test_half_body_crops_hold_their_half() -> None:
    keypoints = np.column_stack([np.linspace(10, 90, 17), np.linspace(10, 190, 17), np.full(17, 2)])
    seen = set()
    for seed in range(20):
        crop = half_body_crop(keypoints, COCO17, INPUT, np.random.default_rng(seed))
        assert crop is not None
        inside = np.abs(keypoints[:, :2] - crop.center) <= np.array(crop.size) / 2
        half = COCO17.upper_body if crop.center[1] < 100 else COCO17.lower_body
        assert inside[list(half)].all()
        seen.add(half)
    assert seen == {COCO17.upper_body, COCO17.lower_body}


def test_half_body_without_a_region_is_none() -> None:
    keypoints = np.zeros((17, 3))
    assert half_body_crop(keypoints, COCO17, INPUT, np.random.default_rng(0)) is None
    keypoints[:, 2] = 2
    assert half_body_crop(keypoints, COCO17, INPUT, np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip": 1.5}, "augmentation flip must be a probability in [0, 1], got 1.5"),
        ({"half_body": -0.1}, "augmentation half_body must be a probability in [0, 1], got -0.1"),
        ({"rotate": float("nan")}, "augmentation rotate must be a probability in [0, 1], got nan"),
        ({"rotation": 200}, "augmentation rotation must be degrees in [0, 180], got 200"),
        ({"scale": 1.0}, "augmentation scale must be a fraction in [0, 1), got 1.0"),
        ({"half_body_minimum": 1}, "augmentation half_body_minimum must be 2 or more, got 1"),
    ],
)
def test_augmentation_out_of_range_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Augmentation(**changes)
    assert str(caught.value) == message
