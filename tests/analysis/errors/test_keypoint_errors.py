"""Errors made on purpose, which must be called by their names, and the rules that hold for all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.errors.keypoint_errors import (
    CLASSES,
    GOOD,
    INVERSION,
    JITTER,
    MISS,
    SWAP,
    UNLABELLED,
    KeypointErrors,
    advice,
    classify,
    gains,
    part_errors,
)
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14
from trainers.evaluation.results import oks

AREA = 80.0 * 80.0
SIGMAS = np.array(COCO17.oks_sigmas)
PAIRED = [index for pair in COCO17.flip_pairs for index in pair]


def people(count: int = 2, *, apart: float = 1000.0, visibility: int = 2) -> NDArray[np.float64]:
    """People side by side whose keypoints are far from each other."""
    grid = np.stack([np.arange(17) % 5 * 90.0, np.arange(17) // 5 * 90.0], axis=1)
    points = np.stack([grid + np.array([number * apart, 0.0]) for number in range(count)])
    return np.concatenate([points, np.full((count, 17, 1), float(visibility))], axis=2)


def judge(predicted: NDArray[np.float64], truth: NDArray[np.float64], images: list[int] | None = None) -> KeypointErrors:
    count = len(truth)
    where = np.array(images if images is not None else [7] * count)
    return classify(predicted, np.arange(len(predicted)), truth, np.full(count, AREA), where, COCO17)


def off(similarity: float) -> NDArray[np.float64]:
    """Distances (K,) at which the keypoints have this similarity."""
    return np.sqrt(-2 * np.log(similarity) * AREA) * 2 * SIGMAS


def test_the_truth_is_good() -> None:
    truth = people()
    found = judge(truth[..., :2].copy(), truth)
    assert (found.classes == GOOD).all()
    assert found.oks.tolist() == [1.0, 1.0]
    assert advice(found) == "Every labelled keypoint is good; the mean OKS is 1.000."


@pytest.mark.parametrize(("similarity", "place"), [(0.86, GOOD), (0.84, JITTER), (0.51, JITTER), (0.49, MISS)])
def test_distance_from_the_true_place_alone(similarity: float, place: int) -> None:
    truth = people()
    predicted = truth[..., :2].copy()
    predicted[..., 1] -= off(similarity)
    found = judge(predicted, truth)
    assert np.allclose(found.similarity, similarity)
    near = [index for index in range(17) if off(similarity)[index] < 40]
    assert len(near) >= 5
    assert (found.classes[:, near] == place).all()


def test_exchanging_left_and_right_is_an_inversion_of_every_paired_keypoint() -> None:
    truth = people()
    found = judge(truth[:, list(COCO17.flip_permutation), :2], truth)
    assert (found.classes[:, PAIRED] == INVERSION).all()
    assert (found.classes[:, 0] == GOOD).all()
    assert "Fix first: left-right inversions. 32 keypoints of 34 (94.1%)" in advice(found)
    assert gains(found)["inversion"] == pytest.approx(1 - found.oks.mean())


@pytest.mark.parametrize("mirrored", [False, True])
def test_exchanging_people_is_a_swap_of_every_keypoint(mirrored: bool) -> None:
    truth = people()
    order = list(COCO17.flip_permutation) if mirrored else list(range(17))
    assert (judge(truth[::-1][:, order, :2], truth).classes == SWAP).all()


def test_people_of_other_images_explain_nothing() -> None:
    truth = people()
    assert (judge(truth[::-1, :, :2].copy(), truth, [1, 2]).classes == MISS).all()


def test_a_place_without_a_label_explains_nothing() -> None:
    truth = people()
    truth[:, 5, 2] = 0
    predicted = truth[:, list(COCO17.flip_permutation), :2]
    found = judge(predicted, truth)
    assert (found.classes[:, 5] == UNLABELLED).all()
    assert (found.classes[:, 6] == MISS).all()
    assert np.isnan(found.similarity[:, 5]).all()


def test_the_nearer_explanation_wins_and_the_true_place_first_of_all() -> None:
    truth = people()
    truth[1, 5, :2] = truth[0, 6, :2] + (6.0, 0)
    predicted = truth[..., :2].copy()
    predicted[0, 5] = truth[0, 6, :2] + (2.0, 0)
    assert judge(predicted, truth).classes[0, 5] == INVERSION
    predicted[0, 5] = truth[0, 6, :2] + (4.0, 0)
    assert judge(predicted, truth).classes[0, 5] == SWAP
    truth[0, 5, :2] = truth[0, 6, :2]
    assert judge(predicted, truth).classes[0, 5] in (GOOD, JITTER)


def test_a_person_without_labels_counts_nowhere() -> None:
    truth = people(2)
    truth[1, :, 2] = 0
    found = judge(truth[..., :2] + 500, truth)
    assert np.isnan(found.oks[1])
    assert sum(gains(found).values()) == pytest.approx(1 - found.oks[0])
    assert "Nobody has a labelled keypoint" in advice(found.take([1]))
    assert advice(judge(np.empty((0, 17, 2)), np.empty((0, 17, 3)))).startswith("Nobody")


def test_the_error_of_each_keypoint() -> None:
    truth = people(4)
    truth[3, 9, 2] = 0
    predicted = truth[..., :2].copy()
    predicted[0, 9, 1] -= 0.15 * 80
    predicted[1, 9, 1] -= 0.3 * 80
    parts = part_errors(judge(predicted, truth), COCO17.names)
    assert (parts[0].name, parts[0].people) == ("left wrist", 3)
    assert parts[0].median == pytest.approx(0.15)
    assert parts[0].within == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert all(part.median == 0 and part.shares["good"] == 1 for part in parts[1:])


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 5),
    error=st.floats(0, 1),
    keypoint_set=st.sampled_from([COCO17, CROWDPOSE14]),
)
def test_classes_partition_the_labelled_keypoints_and_gains_add_up(seed, count, error, keypoint_set) -> None:
    generator = np.random.default_rng(seed)
    shape = (count, keypoint_set.count)
    visibility = generator.integers(0, 3, shape)
    visibility[:, 0] = 2
    truth = np.concatenate([generator.uniform(0, 200, (*shape, 2)), visibility[..., None]], axis=2)
    areas = generator.uniform(100, 20_000, count)
    predicted = truth[..., :2] + generator.normal(0, error, (*shape, 2)) * np.sqrt(areas)[:, None, None]
    images = generator.integers(0, 2, count)
    found = classify(predicted, np.arange(count), truth, areas, images, keypoint_set)
    assert ((found.classes == UNLABELLED) == (visibility == 0)).all()
    assert sum(found.counts().values()) == (visibility > 0).sum()
    assert sum(gains(found).values()) == pytest.approx(1 - found.oks.mean(), abs=1e-9)
    assert all(gain >= 0 for gain in gains(found).values())
    assert set(gains(found)) == set(CLASSES)
    for row in range(count):
        known = visibility[row] > 0
        sigmas = tuple(np.array(keypoint_set.oks_sigmas)[known])
        expected = oks(predicted[row, known], truth[row, known, :2][None], areas[row : row + 1], sigmas)[0]
        assert found.oks[row] == pytest.approx(expected)
    # Whom a person stands beside does not change how near its own places are.
    alone = classify(predicted, np.arange(count), truth, areas, np.arange(count), keypoint_set)
    assert (alone.classes != SWAP).all()
    assert ((alone.classes <= JITTER) == (found.classes <= JITTER)).all()
