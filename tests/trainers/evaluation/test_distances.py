"""PCK, AUC, NME and EPE against a literal reading of MMPose's definitions, on a worked example and on any numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.profiles import examples
from trainers.evaluation.distances import (
    area_under_curve,
    mean_distances,
    named_figures,
    normalised_distances,
    shares_within,
)

# Two people, three keypoints: distances 3, 5 and 10 pixels of the first; 0, -, 8 of the second, whose second has no truth.
TRUTH = np.array([[[0.0, 0.0], [10.0, 10.0], [20.0, 0.0]], [[5.0, 5.0], [0.0, 0.0], [0.0, 8.0]]])
PREDICTED = TRUTH + np.array([[[3.0, 0.0], [3.0, 4.0], [6.0, 8.0]], [[0.0, 0.0], [9.0, 9.0], [0.0, 8.0]]])
PRESENT = np.array([[True, True, True], [True, False, True]])
LENGTHS = np.array([20.0, 40.0])


def test_the_worked_example() -> None:
    distances = normalised_distances(PREDICTED, TRUTH, PRESENT, LENGTHS)
    np.testing.assert_allclose(distances, [[0.15, 0.25, 0.5], [0.0, np.nan, 0.2]])
    assert shares_within(distances, 0.2).tolist() == [1.0, 0.0, 0.0]
    assert shares_within(distances, 0.3).tolist() == [1.0, 1.0, 0.5]
    # Means over all five counted keypoints, not over the means of keypoints.
    assert np.nanmean(distances) == pytest.approx((0.15 + 0.25 + 0.5 + 0.0 + 0.2) / 5)
    assert mean_distances(distances).tolist() == pytest.approx([0.075, 0.25, 0.35])
    pixels = normalised_distances(PREDICTED, TRUTH, PRESENT, np.ones(2))
    assert np.nanmean(pixels) == pytest.approx((3 + 5 + 10 + 0 + 8) / 5)
    # 20 thresholds of 1.5 pixels each: a distance of 3 is below 17 of them (4.5 to 28.5), of 5 below 16, 10 13, 0 19, 8 14.
    curve = area_under_curve(normalised_distances(PREDICTED, TRUTH, PRESENT, np.full(2, 30.0)), 20)
    assert curve.tolist() == pytest.approx([(17 + 19) / 40, 16 / 20, (13 + 14) / 40])


def test_a_distance_at_the_threshold_is_not_below_it() -> None:
    assert shares_within(np.array([[0.5], [0.25]]), 0.5).tolist() == [0.5]


def test_without_a_truth_or_a_length_nothing_is_counted() -> None:
    nobody = normalised_distances(PREDICTED, TRUTH, np.zeros_like(PRESENT), LENGTHS)
    assert np.isnan(shares_within(nobody, 0.1)).all()
    assert np.isnan(mean_distances(nobody)).all()
    assert np.isfinite(normalised_distances(PREDICTED, TRUTH, PRESENT, np.array([0.0, 40.0]))).sum() == 2


def test_figures_have_names_and_absent_ones_none() -> None:
    assert named_figures("pck", 0.5, np.array([0.5, np.nan]), ("tip", "base")) == {"pck": 0.5, "pck_tip": 0.5}


def literal(predicted, truth, present, lengths):
    """Return the distances of each keypoint by plain loops, -1 where none is counted."""
    found = [[-1.0] * len(truth) for _ in truth[0]]
    for person, (ours, theirs, seen, length) in enumerate(zip(predicted, truth, present, lengths, strict=True)):
        for keypoint in range(len(theirs)):
            if seen[keypoint] and length > 0:
                (x, y), (a, b) = ours[keypoint], theirs[keypoint]
                found[keypoint][person] = math.hypot((x - a) / length, (y - b) / length)
    return found


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 4), st.floats(0.01, 2))
@examples(40)
def test_a_literal_reading_gives_the_same(seed: int, people: int, count: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.uniform(-50, 50, (2, people, count, 2))
    present, lengths = rng.random((people, count)) < 0.7, rng.choice([0.0, 7.0, 30.0], people)
    rows = literal(predicted, truth, present, lengths)
    distances = normalised_distances(predicted, truth, present, lengths)
    for keypoint, row in enumerate(rows):
        known = [value for value in row if value != -1]
        share, mean = shares_within(distances, threshold)[keypoint], mean_distances(distances)[keypoint]
        if not known:
            assert np.isnan(share)
            assert np.isnan(mean)
            continue
        assert share == pytest.approx(sum(value < threshold for value in known) / len(known))
        assert mean == pytest.approx(sum(known) / len(known))
        curve = [sum(value < step / 20 for value in known) / len(known) for step in range(20)]
        assert area_under_curve(distances, 20)[keypoint] == pytest.approx(sum(curve) / 20)


@given(st.integers(0, 2**32), st.floats(0.1, 10))
@examples(20)
def test_scale_and_place_change_nothing_but_pixels(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.uniform(0, 100, (2, 3, 4, 2))
    present, lengths = np.ones((3, 4), bool), rng.uniform(1, 50, 3)
    plain = normalised_distances(predicted, truth, present, lengths)
    moved = normalised_distances(factor * predicted + 7, factor * truth + 7, present, factor * lengths)
    np.testing.assert_allclose(moved, plain, rtol=1e-9, atol=1e-9)
    assert np.allclose(normalised_distances(truth, truth, present, lengths), 0)
