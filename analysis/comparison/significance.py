"""One honest sentence on a difference in accuracy: is it more than noise?"""

from __future__ import annotations

from analysis.statistics.bootstrap import Difference, SeedNoise
from analysis.study.labels import number_words, short
from search_spaces.common.objectives import OBJECTIVES


def verdict(
    difference: Difference | None,
    with_seeds: Difference | None,
    noise: SeedNoise | None,
    *,
    figure: str,
    scored: bool,
    missing: str = "",
) -> str:
    """Say whether A and B differ by more than noise.

    Args:
        difference: The difference over the same images.
        with_seeds: The same difference with the noise of seeds in it.
        noise: The noise of seeds.
        figure: The name of the accuracy that differs; any text where there is no difference.
        scored: Whether there are scores of both where there is no difference.
        missing: The reason why there is no difference.
    """
    if difference is None:
        if not scored:
            return f"Accuracies are not compared: {missing or 'at least one side has none'}."
        said = missing or "it takes the predictions of both for each image"
        return f"Whether the difference in accuracy is more than noise is not known: {said}."
    if difference.low == difference.high == 0:
        return f"The two find the same people equally well in each of {_images(difference)}: no difference."
    is_first = (difference.value > 0) == OBJECTIVES[figure].is_better_high
    # What is said to be better leads by a positive number: its interval is that of the lead, whichever side it is.
    sign = 1.0 if difference.value > 0 else -1.0
    words = f"{'A' if is_first else 'B'} is better by {abs(difference.value):.3f} {short(figure)}"
    of = ""
    if not round(difference.value, 3):
        words, sign, of = f"The two differ by less than 0.001 {short(figure)}", 1.0, "A less B: "
    sentence = f"{words} ({of}{_interval(difference, sign)} over {_images(difference)})"
    if with_seeds is None or noise is None or noise.deviation is None:
        answer = "more" if difference.more_than_noise else "not more"
        return (
            f"{sentence}: {answer} than the noise of the images. Seed noise is not in this: another seed of either training"
            " may turn it round, and no network here was trained with several."
        )
    answer = "more" if with_seeds.more_than_noise else "not more"
    return (
        f"{sentence}; with the noise of seeds in it (standard deviation {noise.deviation:.4f}, from"
        f" {number_words(noise.groups, 'network')} trained more than once)"
        f" {_interval(with_seeds, sign)}: {answer} than noise."
    )


def _interval(difference: Difference, sign: float) -> str:
    low, high = sorted((sign * difference.low, sign * difference.high))
    return f"{difference.level:.0%} interval {_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _images(difference: Difference) -> str:
    return number_words(difference.images, "image")
