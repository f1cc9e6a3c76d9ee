"""The sentence on a difference says no more than is known."""

from __future__ import annotations

import pytest

from analysis.comparison.significance import verdict
from analysis.statistics.bootstrap import Difference, SeedNoise


def difference(value: float, low: float, high: float) -> Difference:
    return Difference(value=value, low=low, high=high, level=0.95, images=200, share=0.01, deviation=0.01)


NOISE = SeedNoise(objective="ap_gt", deviation=0.01, groups=2, degrees=3)


@pytest.mark.parametrize(
    ("over_images", "with_seeds", "noise", "sentences"),
    [
        (difference(0.02, 0.01, 0.03), None, None, ["A is better by 0.020 AP", ": more than the noise of the images."]),
        (difference(-0.02, -0.05, 0.01), None, None, ["B is better by 0.020 AP", "−0.010 to +0.050", ": not more than"]),
        (
            difference(-0.0001, -0.2, 0.1),
            None,
            None,
            ["The two differ by less than 0.001 AP (A less B: 95% interval −0.200 to +0.100 over 200 images)"],
        ),
        (difference(0.0, 0.0, 0.0), None, None, ["find the same people equally well", "no difference."]),
        (
            difference(0.02, 0.01, 0.03),
            difference(0.02, -0.01, 0.05),
            NOISE,
            ["standard deviation 0.0100, from 2 networks trained more than once", ": not more than noise."],
        ),
        (
            difference(-0.02, -0.03, -0.01),
            difference(-0.02, -0.05, 0.01),
            NOISE,
            [
                "B is better by 0.020 AP (95% interval +0.010 to +0.030",
                "trained more than once) 95% interval −0.010 to +0.050",
            ],
        ),
    ],
)
def test_a_difference_in_words(over_images, with_seeds, noise, sentences: list[str]) -> None:
    text = verdict(over_images, with_seeds, noise, figure="ap_gt", scored=True)
    assert all(sentence in text for sentence in sentences), text


def test_a_difference_that_is_not_known() -> None:
    text = verdict(None, None, None, figure="", scored=False, missing="A has no score")
    assert text == "Accuracies are not compared: A has no score."
    text = verdict(None, None, None, figure="", scored=True, missing="the images differ")
    assert "is not known: the images differ." in text


def test_the_better_one_has_the_smaller_error() -> None:
    for figure, sentence in (("pck", "A is better by 0.020 PCK"), ("nme", "B is better by 0.020 ")):
        text = verdict(difference(0.02, 0.01, 0.03), None, None, figure=figure, scored=True)
        assert text.startswith(sentence), text
