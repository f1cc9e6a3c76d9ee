"""Figures of distances anew for any choice of images: exactly those of the scorers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.bootstrap import image_difference, image_interval
from analysis.statistics.image_distances import ImageDistances, image_distances
from search_spaces.common.errors import InvalidInput
from tests.profiles import examples
from trainers.data.formats.coco import Person
from trainers.data.formats.mpii_truth import MpiiTruth
from trainers.data.keypoint_sets.fields import from_plain
from trainers.data.keypoint_sets.metric import METRICS, Metric
from trainers.evaluation.keypoint_scores import POOLED, distances_in_lengths, keypoint_scores, parts_of_figure
from trainers.evaluation.pckh import parts_of_pckh, pckh

POINTS = from_plain({"names": ["head_top", "neck", "tail"]}, None, "data.keypoints")


def people_of(generator: np.random.Generator, count: int) -> list[Person]:
    """Return people in up to four images, with points that are labelled now and then."""
    found = []
    for image_id in generator.integers(1, 5, count).tolist():
        keypoints = np.column_stack([generator.uniform(0, 100, (3, 2)), generator.integers(0, 3, 3)])
        found.append(
            Person(
                image_path=Path("a.jpg"),
                image_id=image_id,
                image_size=(100, 100),
                box=(0, 0, 50, 80),
                area=4000,
                annotation_id=1,
                keypoints=keypoints,
            )
        )
    return found


def by_image(people: list[Person], predicted: np.ndarray, metric: Metric) -> ImageDistances:
    parts = parts_of_figure(distances_in_lengths(people, predicted, POINTS, metric), metric)
    return image_distances(parts, [person.image_id for person in people], pooled=metric.name in POOLED)


@examples(40)
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 12), name=st.sampled_from([name for name in METRICS if name != "oks"])
)
def test_each_choice_of_images_has_the_figure_of_so_many_copies(seed, count, name):
    generator, metric = np.random.default_rng(seed), Metric(name=name)
    people = people_of(generator, count)
    truth = np.array([person.keypoints[:, :2] for person in people])
    predicted = truth + generator.normal(0, 4, truth.shape)
    try:
        expected = keypoint_scores(people, predicted, POINTS, metric)[name]
    except InvalidInput:
        return
    scores = by_image(people, predicted, metric)
    once = np.ones((1, len(scores.image_ids)), np.int64)
    assert scores.figures(once)[0] == pytest.approx(expected, abs=1e-12)
    drawn = generator.integers(0, 3, len(scores.image_ids))
    times = dict(zip(scores.image_ids.tolist(), drawn.tolist(), strict=True))
    rows = [row for row, person in enumerate(people) for _ in range(times[person.image_id])]
    (found,) = scores.figures(drawn[None])
    try:
        copied = keypoint_scores([people[row] for row in rows], predicted[rows], POINTS, metric)[name] if rows else np.nan
    except InvalidInput:
        copied = np.nan
    assert found == pytest.approx(copied, abs=1e-12, nan_ok=True)


@examples(20)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 8))
def test_the_figure_of_mpii_is_its_weighted_mean(seed, count):
    generator = np.random.default_rng(seed)
    truth = MpiiTruth(
        keypoints=generator.uniform(0, 100, (count, 16, 2)),
        present=generator.random((count, 16)) < 0.6,
        head_sizes=generator.uniform(5, 20, count),
    )
    keypoints = truth.keypoints + generator.normal(0, 6, (count, 16, 2))
    expected = pckh(keypoints, truth).get("pckh50", np.nan)
    scores = image_distances(parts_of_pckh(keypoints, truth, "pckh50"), range(count), pooled=True)
    assert scores.figures(np.ones((1, count)))[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_an_interval_holds_the_figure_and_a_difference_is_paired():
    generator, metric = np.random.default_rng(0), Metric(name="nme", points=("head_top", "neck"))
    people = people_of(generator, 60)
    truth = np.array([person.keypoints[:, :2] for person in people])
    noise = generator.normal(0, 4, truth.shape)
    first, second = (by_image(people, truth + factor * noise, metric) for factor in (2, 1))
    interval = image_interval(first, generator=np.random.default_rng(1))
    assert interval.low < interval.value < interval.high
    assert interval.images == first.informative.sum() == 4
    apart = image_difference(first, second, generator=np.random.default_rng(1))
    assert apart.value == pytest.approx(interval.value / 2)
    assert apart.low > 0, "twice the error is worse in every choice of images"


def test_people_without_a_counted_keypoint_leave_their_image_out():
    scores = image_distances(np.array([[0.5, np.nan], [np.nan, np.nan]]), [7, 3], pooled=False)
    assert scores.image_ids.tolist() == [3, 7]
    assert scores.informative.tolist() == [False, True]
    assert scores.figures(np.array([[5, 1]])).tolist() == [0.5]
    assert np.isnan(scores.figures(np.array([[5, 0]]))).all()
