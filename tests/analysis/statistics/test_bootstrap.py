"""Intervals: the rules they keep, and how often they hold the truth."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.front import front_of
from analysis.statistics.bootstrap import (
    Difference,
    Interval,
    SeedNoise,
    front_from_intervals,
    front_noise,
    image_difference,
    image_interval,
    pooled,
    repeats,
    seed_noise,
    with_seed_noise,
)
from analysis.statistics.image_scores import ImageScores, average_precisions, image_scores
from search_spaces.common.errors import InvalidInput
from tests.analysis.poses import ids, people, predictions
from tests.analysis.studies import study, trial
from tests.profiles import examples
from trainers.data.annotations.keypoints import COCO17


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores_of(images: int, *, error: float, seed: int = 0) -> ImageScores:
    annotations = people(images, seed=5)
    return image_scores(predictions(annotations, error=error, seed=seed), ids(images), annotations, COCO17)


def part(scores: ImageScores, rows: np.ndarray) -> ImageScores:
    """Some of the images, each as an image of its own."""
    members = [np.flatnonzero(scores.image == row) for row in rows]
    kept = np.concatenate(members)
    image = np.repeat(np.arange(len(rows)), [len(found) for found in members])
    order = np.argsort(kept, kind="stable")
    kept = kept[order]
    return ImageScores(
        image_ids=np.arange(len(rows)),
        people=scores.people[rows],
        image=image[order],
        hits=scores.hits[:, kept],
        misses=scores.misses[:, kept],
    )


@examples(15)
@given(images=st.integers(5, 30), error=st.floats(0.02, 0.2), seed=st.integers(0, 100))
def test_the_interval_is_of_the_whole_and_the_same_for_the_same_seed(images, error, seed):
    scores = scores_of(images, error=error, seed=seed)
    found = image_interval(scores, generator=generator(seed), resamples=100)
    assert found.low <= found.high
    assert found.low >= 0
    assert found.high <= 1
    assert found.value == average_precisions(scores, np.ones((1, images), np.int64))[0]
    assert found == image_interval(scores, generator=generator(seed), resamples=100)


def test_a_network_does_not_differ_from_itself():
    scores = scores_of(30, error=0.08)
    found = image_difference(scores, scores, generator=generator())
    assert (found.value, found.low, found.high, found.share) == (0, 0, 0, 1)
    assert not found.more_than_noise


def test_exchanging_the_networks_turns_the_difference_round():
    first, second = scores_of(40, error=0.06), scores_of(40, error=0.08, seed=1)
    there = image_difference(first, second, generator=generator())
    back = image_difference(second, first, generator=generator())
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))
    assert back.share == there.share


def test_pairing_tells_more_than_two_intervals():
    """Hard images are hard for both: the difference is surer than either figure."""
    first, second = scores_of(150, error=0.06), scores_of(150, error=0.075, seed=1)
    paired = image_difference(first, second, generator=generator())
    single = [image_interval(scores, generator=generator()) for scores in (first, second)]
    assert paired.deviation < 0.8 * math.hypot(*(interval.deviation for interval in single))
    assert paired.more_than_noise
    assert single[0].low < single[1].high


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """100 data sets of 100 images from a population of 2000, whose AP is the truth."""
    population = [scores_of(2000, error=0.06), scores_of(2000, error=0.066, seed=1)]
    truths = [average_precisions(scores, np.ones((1, 2000), np.int64))[0] for scores in population]
    draw, held = generator(), np.zeros(2)
    for _ in range(100):
        rows = draw.choice(2000, 100, replace=False)
        first, second = (part(scores, rows) for scores in population)
        alone = image_interval(first, generator=draw, resamples=200)
        both = image_difference(first, second, generator=draw, resamples=200)
        held += [alone.low <= truths[0] <= alone.high, both.low <= truths[0] - truths[1] <= both.high]
    assert (held / 100 > 0.87).all()
    assert (held / 100 < 0.99).all()


def test_other_images_are_refused():
    with pytest.raises(InvalidInput, match="two networks must be scored on the same images and people to be compared"):
        image_difference(scores_of(10, error=0.1), scores_of(11, error=0.1), generator=generator())


def test_nobody_to_find_is_refused():
    with pytest.raises(InvalidInput, match="images must hold at least one person to resample, got none"):
        image_interval(image_scores([], [1, 2], [], COCO17), generator=generator())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resamples": 1}, "resamples must be at least 2, got 1"),
        ({"level": 1.0}, "level must be a fraction between 0 and 1, got 1.0"),
    ],
)
def test_numbers_out_of_range(changes, message):
    with pytest.raises(InvalidInput, match=message):
        image_interval(scores_of(10, error=0.1), generator=generator(), **changes)


def repeated(*scores: tuple[float, ...]):
    """A study in which network i was trained once for each of its scores."""
    records = []
    for index, row in enumerate(scores):
        for score in row:
            base = trial(index, ap=score)
            records.append(dataclasses.replace(base, number=len(records), seed=len(records)))
    return study(records, objectives=("ap_gt", "mmacs"))


def test_seed_noise_is_the_pooled_deviation():
    found = seed_noise(repeated((0.50, 0.52), (0.40, 0.41, 0.45), (0.6,)))
    pool = (np.var([0.50, 0.52], ddof=1) * 1 + np.var([0.40, 0.41, 0.45], ddof=1) * 2) / 3
    assert found == SeedNoise(objective="ap_gt", deviation=pytest.approx(math.sqrt(pool)), groups=2, degrees=3)


def test_without_repeats_there_is_no_seed_noise():
    assert seed_noise(repeated((0.5,), (0.6,))) == SeedNoise(objective="ap_gt", deviation=None, groups=0, degrees=0)


def test_trainings_of_one_seed_are_no_repeat():
    records = [dataclasses.replace(record, seed=0) for record in repeated((0.5, 0.51), (0.6,)).trials]
    assert repeats(study(records)) == []
    assert repeats(study([records[0], dataclasses.replace(records[1], seed=1)])) != []


def test_other_hyper_parameters_are_no_repeat():
    first = trial(0, ap=0.5)
    second = dataclasses.replace(
        first, number=1, seed=1, parameters={**first.parameters, "learning_rate": 0.5}, metrics={"ap_gt": 0.6}
    )
    assert repeats(study([first, second])) == []


@examples(20)
@given(deviation=st.floats(1e-4, 0.1), groups=st.integers(200, 400), seed=st.integers(0, 2**31))
def test_seed_noise_finds_the_deviation_that_was_put_in(deviation, groups, seed):
    draw = np.random.default_rng(seed)
    rows = [tuple((0.5 + deviation * draw.standard_normal(2)).tolist()) for _ in range(groups)]
    records = []
    for index, row in enumerate(rows):
        base = trial(0, ap=0.5, parameters={"learning_rate": index})
        records += [
            dataclasses.replace(base, number=2 * index + copy, seed=copy, metrics={"ap_gt": ap})
            for copy, ap in enumerate(row)
        ]
    found = seed_noise(study(records))
    assert found.deviation == pytest.approx(deviation, rel=0.3)
    assert found.degrees == groups


def test_studies_are_pooled_by_their_degrees():
    first = SeedNoise(objective="ap_gt", deviation=0.01, groups=1, degrees=1)
    second = SeedNoise(objective="ap_gt", deviation=0.02, groups=3, degrees=3)
    nothing = SeedNoise(objective="ap_gt", deviation=None, groups=0, degrees=0)
    found = pooled([first, nothing, second])
    assert found == SeedNoise(objective="ap_gt", deviation=pytest.approx(math.sqrt((1e-4 + 12e-4) / 4)), groups=4, degrees=4)
    assert pooled([nothing]) is None


DIFFERENCE = Difference(value=0.03, low=0.01, high=0.05, images=200, deviation=0.01, share=0.004)


def test_seed_noise_makes_a_difference_less_sure():
    known = SeedNoise(objective="ap_gt", deviation=0.01, groups=20, degrees=20)
    found = with_seed_noise(DIFFERENCE, known)
    assert found.deviation == pytest.approx(0.01 * math.sqrt(3))
    assert found.low < DIFFERENCE.low
    assert found.share > DIFFERENCE.share
    few = with_seed_noise(DIFFERENCE, dataclasses.replace(known, groups=1, degrees=1))
    assert few.high - few.low > 1.5 * (found.high - found.low)
    many = with_seed_noise(DIFFERENCE, known, trainings=(1000, 1000))
    assert (many.low, many.high) == pytest.approx((DIFFERENCE.low, DIFFERENCE.high), abs=0.001)


def test_unknown_seed_noise_is_refused():
    nothing = SeedNoise(objective="ap_gt", deviation=None, groups=0, degrees=0)
    with pytest.raises(InvalidInput, match="seed noise must be known"):
        with_seed_noise(DIFFERENCE, nothing)


def test_a_front_without_noise_is_certain():
    made_up = study()
    found = front_noise(made_up, {}, generator=generator(), draws=10)
    on_front = {record.number for record in front_of(made_up)}
    assert found.probabilities == {number: float(number in on_front) for number in found.probabilities}
    assert found.hypervolume.low == pytest.approx(found.hypervolume.value)
    assert found.hypervolume.high == pytest.approx(found.hypervolume.value)


@examples(15)
@given(deviation=st.floats(0, 0.3), seed=st.integers(0, 100))
def test_probabilities_are_probabilities(deviation, seed):
    made_up = study(objectives=("ap_gt", "mmacs"))
    found = front_noise(made_up, dict.fromkeys(range(12), deviation), generator=generator(seed), draws=30)
    assert all(0 <= probability <= 1 for probability in found.probabilities.values())
    assert sum(found.probabilities.values()) >= 1


def test_two_networks_of_equal_cost_share_the_front_by_how_far_apart_they_are():
    """The better one stays better with the probability that a normal of deviation √2 · 0.01 exceeds −0.01: 0.76."""
    first, second = trial(0, ap=0.51), trial(0, ap=0.50)
    pair = study([first, dataclasses.replace(second, number=1)], objectives=("ap_gt", "mmacs"))
    found = front_noise(pair, {0: 0.01, 1: 0.01}, generator=generator(), draws=4000)
    assert found.probabilities[0] == pytest.approx(0.760, abs=0.025)
    assert found.probabilities[1] == pytest.approx(0.240, abs=0.025)
    intervals = {number: Interval(value=0.5, low=0.5 - 0.0196, high=0.5 + 0.0196) for number in (0, 1)}
    same = front_from_intervals(pair, intervals, generator=generator(), draws=4000)
    assert same.probabilities[0] == pytest.approx(found.probabilities[0], abs=0.01)
    half = front_from_intervals(pair, {0: intervals[0]}, generator=generator(), draws=4000)
    assert half.probabilities == same.probabilities, "who has no interval is as uncertain as those who have"


def test_a_deviation_that_is_none():
    with pytest.raises(InvalidInput, match=r"deviation of trial 2 must be a number of at least 0, got -0\.1"):
        front_noise(study(), {2: -0.1}, generator=generator())
