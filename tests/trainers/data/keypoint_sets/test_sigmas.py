"""Deviations from people that were labelled twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.keypoint_sets.sigmas import FEWEST_LABELS, estimated_sigmas

NAMES = ("tip", "base")


def labelled(rng: np.random.Generator, truth: np.ndarray, sigmas: tuple[float, float], area: float) -> list[dict[str, Any]]:
    """Return annotations of people whose labels deviate, in each direction, so that d² has the mean that OKS asks for."""
    entries = []
    for number, points in enumerate(truth):
        noise = rng.normal(0, 1, (2, 2)) * np.array(sigmas)[:, None] * np.sqrt(area / 2)
        values = [value for x, y in points + noise for value in (x, y, 2)]
        entries.append(
            {
                "image_id": number // 2,
                "iscrowd": 0,
                "num_keypoints": 2,
                "area": area,
                "bbox": [200.0 * (number % 2), 0, 100, 100],
                "keypoints": values,
            }
        )
    return entries


def test_the_deviation_that_labels_were_drawn_with_is_found() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0, 100, (4000, 2, 2))
    one, other = (labelled(rng, truth, (0.02, 0.1), 5000.0) for _ in range(2))
    assert estimated_sigmas(one, other[::-1], NAMES) == pytest.approx((0.02, 0.1), rel=0.05)


def test_few_labels_and_equal_ones_are_refused() -> None:
    rng = np.random.default_rng(4)
    entries = labelled(rng, rng.uniform(0, 100, (FEWEST_LABELS, 2, 2)), (0.1, 0.1), 5000.0)
    with pytest.raises(InvalidInput, match=r"^repeated labels must differ, but all of tip are equal$"):
        estimated_sigmas(entries, entries, NAMES)
    for entry in entries:
        entry["keypoints"][5] = 0
    with pytest.raises(InvalidInput, match=r"need 20 people or more with two labels of each keypoint, got 0 of base$"):
        estimated_sigmas(entries, labelled(rng, rng.uniform(0, 100, (20, 2, 2)), (0.1, 0.1), 5000.0), NAMES)


def test_other_people_of_the_image_are_not_the_same() -> None:
    rng = np.random.default_rng(5)
    truth = rng.uniform(0, 100, (40, 2, 2))
    one, other = (labelled(rng, truth, (0.1, 0.1), 5000.0) for _ in range(2))
    for entry in other:
        entry["bbox"][1] = 60
    with pytest.raises(InvalidInput, match=r"got 0 of tip$"):
        estimated_sigmas(one, other, NAMES)
