"""The certainty of a figure: over images, over the seeds of training, and what is left of the front.

Two sources of noise are kept apart. Other images of the same kind would give another AP. Images are therefore drawn again
with replacement (Efron, doi:10.1214/aos/1176344552), the same ones for both networks of a comparison. Another seed would
have trained another network: only repeats of a training tell how far apart those are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.pareto.front import Array, hypervolume, matrix_of, non_dominated, reference_point, scored
from analysis.statistics.forest import measured
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import costs_and_scores, directions_of
from search_spaces.space.candidate import training_key

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and the interval (``low`` to ``high``) that holds the true one with probability ``level``, about."""

    value: float
    low: float
    high: float
    level: float = LEVEL


class ImageFigures(Protocol):
    """The parts of a figure by image, so that the figure can be computed anew for any choice of I images."""

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """The ids (I,) of the images, ascending."""

    @property
    def people(self) -> NDArray[np.int64]:
        """The number (I,) of annotated people that count."""

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether an image holds anything that the figure depends on (I,)."""

    def figures(self, counts: NDArray[np.integer[Any]]) -> Array:
        """Return the figure (B,) where each image counts so many times (B, I); NaN where nothing is left to count."""


@dataclass(frozen=True, kw_only=True)
class ImageInterval(Interval):
    """The figure of one network, and on how many images it was measured; ``deviation`` is the standard error."""

    images: int
    deviation: float


@dataclass(frozen=True, kw_only=True)
class Difference(ImageInterval):
    """The figure of the first network less that of the second, on the same images.

    ``share`` (0 to 1) is twice the share of resamples on the rarer side of zero, about what is called a p-value.
    """

    share: float

    @property
    def more_than_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class SeedNoise:
    """The standard deviation of a score between trainings that differ in their seed alone.

    Args:
        objective: The name of the score.
        deviation: The standard deviation, pooled over networks; None where no network was trained twice.
        groups: The number of networks that were trained more than once.
        degrees: The degrees of freedom; 0 where no network was trained twice.
    """

    objective: str
    deviation: float | None
    groups: int
    degrees: int


@dataclass(frozen=True, kw_only=True)
class FrontNoise:
    """The effect of noise on a front: each trial's probability to be on it, by number; the interval of its hypervolume."""

    probabilities: Mapping[int, float]
    hypervolume: Interval


def image_interval(
    scores: ImageFigures, *, generator: np.random.Generator, resamples: int = RESAMPLES, level: float = LEVEL
) -> ImageInterval:
    """Return a figure and its percentile interval over images.

    Raises:
        InvalidInput: no image has a person to be found, or a number is out of its range.
    """
    counts = _draws(scores.informative, generator, resamples, level)
    value = _whole(scores)
    drawn = scores.figures(counts)
    low, high = _percentiles(drawn, level)
    images, deviation = int(scores.informative.sum()), float(np.nanstd(drawn, ddof=1))
    return ImageInterval(value=value, low=low, high=high, level=level, images=images, deviation=deviation)


def image_difference(
    first: ImageFigures,
    second: ImageFigures,
    *,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Difference:
    """Return the difference of two networks' figures, with each resample drawn for both (a paired bootstrap).

    Raises:
        InvalidInput: as `image_interval`, or the two were not scored on the same images and people.
    """
    if not np.array_equal(first.image_ids, second.image_ids) or not np.array_equal(first.people, second.people):
        raise InvalidInput(
            "two networks must be scored on the same images and people to be compared,"
            f" got {first.people.sum()} people in {len(first.image_ids)} images"
            f" and {second.people.sum()} in {len(second.image_ids)}"
        )
    informative = first.informative | second.informative
    counts = _draws(informative, generator, resamples, level)
    drawn = first.figures(counts) - second.figures(counts)
    low, high = _percentiles(drawn, level)
    kept = drawn[np.isfinite(drawn)]
    # One more on each side: no number of resamples proves a probability of zero.
    rarer = min((kept <= 0).sum(), (kept >= 0).sum()) + 1
    return Difference(
        value=_whole(first) - _whole(second),
        low=low,
        high=high,
        level=level,
        images=int(informative.sum()),
        deviation=float(kept.std(ddof=1)),
        share=min(1.0, 2 * float(rarer) / (len(kept) + 1)),
    )


def with_seed_noise(difference: Difference, noise: SeedNoise, trainings: tuple[int, int] = (1, 1)) -> Difference:
    """Return the difference with an interval for other seeds too, where each network was trained so many times.

    The variances of the images and of both networks' seeds add up. The interval is Student's with the degrees of freedom of
    Welch and Satterthwaite (doi:10.2307/3002019).

    Raises:
        InvalidInput: the noise is not known.
    """
    if noise.deviation is None:
        raise InvalidInput("seed noise must be known, but no network was trained with more than one seed")
    images, seeds = difference.deviation**2, noise.deviation**2 * sum(1 / count for count in trainings)
    total = images + seeds
    if total == 0:
        return difference
    degrees = total**2 / (images**2 / max(1, difference.images - 1) + seeds**2 / noise.degrees)
    reach = float(stats.t.ppf(0.5 + difference.level / 2, degrees)) * math.sqrt(total)
    share = 2 * float(stats.t.sf(abs(difference.value) / math.sqrt(total), degrees))
    return Difference(
        value=difference.value,
        low=difference.value - reach,
        high=difference.value + reach,
        level=difference.level,
        images=difference.images,
        deviation=math.sqrt(total),
        share=share,
    )


def repeats(study: StudyRecord, objective: str | None = None) -> list[list[TrialRecord]]:
    """The trainings of each network that was trained with several seeds and the same hyper-parameters, in order of number.

    Those of one seed count once: they differ, if at all, by the order in which processors add.
    """
    name = objective or _score_of(study)
    groups: dict[str, dict[int | None, TrialRecord]] = {}
    for record in measured(study, name):
        groups.setdefault(training_key(record.arch, record.parameters), {}).setdefault(record.seed, record)
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def seed_noise(study: StudyRecord, objective: str | None = None) -> SeedNoise:
    """The pooled standard deviation of an objective (the study's accuracy unless given) over repeats.

    Raises:
        InvalidInput: no objective is given and the study has no accuracy.
    """
    name = objective or _score_of(study)
    groups = repeats(study, name)
    degrees = sum(len(group) - 1 for group in groups)
    squares = sum(float(np.var([record.values[name] for record in group])) * len(group) for group in groups)
    deviation = math.sqrt(squares / degrees) if degrees else None
    return SeedNoise(objective=name, deviation=deviation, groups=len(groups), degrees=degrees)


def pooled(noises: Sequence[SeedNoise]) -> SeedNoise | None:
    """The noise of several studies with one objective as one, each weighted by its degrees of freedom; None of none."""
    known = [noise for noise in noises if noise.deviation is not None]
    degrees = sum(noise.degrees for noise in known)
    if not degrees:
        return None
    squares = math.fsum(noise.degrees * noise.deviation**2 for noise in known if noise.deviation is not None)
    return SeedNoise(
        objective=known[0].objective,
        deviation=math.sqrt(squares / degrees),
        groups=sum(noise.groups for noise in known),
        degrees=degrees,
    )


def front_from_intervals(
    study: StudyRecord,
    intervals: Mapping[int, Interval],
    *,
    generator: np.random.Generator,
    draws: int = RESAMPLES,
    level: float = LEVEL,
) -> FrontNoise:
    """Estimate the front under other images, from an interval of the accuracy of trials by number, of one at least.

    Trials without an interval are taken to be as uncertain as the median of those with one. Images are drawn for each trial
    on its own, although the same images are hard for all. Two trials are therefore told apart better than this says.
    """
    known = {
        number: (interval.high - interval.low) / (2 * float(stats.norm.ppf(0.5 + interval.level / 2)))
        for number, interval in intervals.items()
    }
    usual = float(np.median(list(known.values())))
    deviations = {record.number: known.get(record.number, usual) for record in scored(study)}
    return front_noise(study, deviations, generator=generator, draws=draws, level=level)


def front_noise(
    study: StudyRecord,
    deviations: Mapping[int, float],
    *,
    generator: np.random.Generator,
    draws: int = RESAMPLES,
    level: float = LEVEL,
) -> FrontNoise:
    """Return the front where each trial's accuracy, by number, is drawn from a normal distribution around the measured one.

    Costs are exact. The hypervolume is in the objectives' own units, from `reference_point` of the study. The best of
    several noisy scores looks better than it is, and in a draw, noisy twice, better again. The interval is therefore the
    basic one, which takes off as much as the draws add.

    Raises:
        InvalidInput: a deviation is negative or not finite, a number is out of its range, or the study has no accuracy.
    """
    _check_draws(draws, level)
    for number, deviation in deviations.items():
        if not (math.isfinite(deviation) and deviation >= 0):
            raise InvalidInput(f"deviation of trial {number} must be a number of at least 0, got {deviation}")
    trials = scored(study)
    directions = directions_of(study.objectives)
    column = study.objectives.index(_score_of(study))
    values = matrix_of(trials, study.objectives)
    corner = reference_point(values, directions)
    spread = np.array([deviations.get(record.number, 0.0) for record in trials])
    on_front = np.zeros(len(trials))
    volumes = np.empty(draws)
    for index in range(draws):
        drawn = values.copy()
        drawn[:, column] += spread * generator.standard_normal(len(trials))
        mask = non_dominated(drawn, directions)
        on_front += mask
        volumes[index] = hypervolume(drawn[mask], corner, directions)
    value = hypervolume(values, corner, directions)
    low, high = _percentiles(volumes, level)
    return FrontNoise(
        probabilities={record.number: float(count) / draws for record, count in zip(trials, on_front, strict=True)},
        hypervolume=Interval(value=value, low=max(0.0, 2 * value - high), high=2 * value - low, level=level),
    )


def _draws(informative: np.ndarray, generator: np.random.Generator, resamples: int, level: float) -> np.ndarray:
    """How often each image was drawn (B, I), of the images that say anything."""
    _check_draws(resamples, level)
    rows = np.flatnonzero(informative)
    if not len(rows):
        raise InvalidInput("images must hold at least one person to resample, got none")
    counts = np.zeros((resamples, len(informative)), np.int64)
    counts[:, rows] = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
    return counts


def _check_draws(draws: int, level: float) -> None:
    if draws < 2:
        raise InvalidInput(f"resamples must be at least 2, got {draws}")
    if not 0 < level < 1:
        raise InvalidInput(f"level must be a fraction between 0 and 1, got {level}")


def _whole(scores: ImageFigures) -> float:
    """Return the figure of every image once."""
    (value,) = scores.figures(np.ones((1, len(scores.image_ids)), np.int64))
    if math.isnan(value):
        raise InvalidInput("images must hold at least one person that counts, got none")
    return float(value)


def _percentiles(drawn: Array, level: float) -> tuple[float, float]:
    """The middle part of what was drawn; a resample without anybody to be found has no figure and says nothing."""
    low, high = np.nanquantile(drawn, (0.5 - level / 2, 0.5 + level / 2))
    return float(low), float(high)


def _score_of(study: StudyRecord) -> str:
    scores: Sequence[str] = costs_and_scores(study.objectives)[1]
    if not scores:
        raise InvalidInput(f"objectives of study {study.name} must hold an accuracy, got {', '.join(study.objectives)}")
    return scores[0]
