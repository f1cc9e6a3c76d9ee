"""Seed noise: how far apart trainings of one network are, other images, and what both make of the front."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from analysis.pareto.budget_filter import within
from analysis.pareto.front import front_of, matrix_of, non_dominated, scored
from analysis.report.elements.figures import repeats_figure
from analysis.report.elements.options import Setup
from analysis.report.elements.section import Chart, Section, Table
from analysis.statistics.bootstrap import (
    FrontNoise,
    Interval,
    SeedNoise,
    front_from_intervals,
    front_noise,
    image_interval,
    repeats,
    seed_noise,
)
from analysis.study.labels import number_words, quantity, short
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.objectives import SIGNS, costs_and_scores, directions_of, format_value
from trainers.data.config import DataConfig

SEED = 0
MAX_ROWS = 25
MAX_DEVIATIONS_BEHIND = 2.5
"""A trial that another beats by more than twice so many deviations, 3.5 of their difference, is left out of the draws."""
MOST_DRAWN = 400_000
FEWEST_DRAWS, MOST_DRAWS = 100, 1000
"""Fronts are drawn so often that trials times draws stay within `MOST_DRAWN`, and within these."""
MIN_SHOWN_PROBABILITY = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise:
    """The known noise of a study: each part is None, or empty, where it is unknown."""

    seeds: SeedNoise | None
    by_seeds: FrontNoise | None
    by_images: FrontNoise | None

    def reach(self) -> float | None:
        """Half the width of the 95 % interval of one training's score over seeds."""
        if self.seeds is None or self.seeds.deviation is None:
            return None
        return self.seeds.deviation * float(stats.t.ppf(0.975, self.seeds.degrees))


def noise_of(study: StudyRecord, setup: Setup) -> Noise:
    """The noise over seeds and, where ``setup`` has intervals, over images; of the front within its budget."""
    scores = costs_and_scores(study.objectives)[1]
    if not scores or not scored(study):
        return Noise(seeds=None, by_seeds=None, by_images=None)
    # Of all repeats, also of those that are not near the front, or beyond the budget.
    seeds = seed_noise(study, scores[0])
    inside = within(study, setup.budget)
    by_seeds = by_images = None
    if seeds.deviation is not None and scored(inside):
        near, draws = _near_front(inside, seeds.deviation)
        part = dataclasses.replace(inside, trials=near)
        deviations = {record.number: seeds.deviation / record.trainings**0.5 for record in near}
        by_seeds = front_noise(part, deviations, generator=np.random.default_rng(SEED), draws=draws)
    known = {record.number for record in scored(inside)}
    intervals = {number: interval for number, interval in setup.intervals.items() if number in known}
    if intervals:
        widest = max(interval.high - interval.low for interval in intervals.values()) / 4
        near, draws = _near_front(inside, widest)
        part = dataclasses.replace(inside, trials=near)
        by_images = front_from_intervals(part, intervals, generator=np.random.default_rng(SEED), draws=draws)
    return Noise(seeds=seeds, by_seeds=by_seeds, by_images=by_images)


def image_intervals(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    data: DataConfig,
    *,
    flip_test: bool,
    follow: Follow = UNSEEN,
) -> dict[int, Interval]:
    """Return the interval of the accuracy over images of some trials, by number, from predictions made or kept.

    ``follow`` yields the trials again, and may show how far the work is.

    Raises:
        InvalidInput: a trial has no checkpoint, or the data cannot be read.
    """
    # The import takes torch with it, which a report without intervals need not wait for.
    from analysis.errors.predictions import predictions_of

    found: dict[int, Interval] = {}
    for record in follow(trials):
        predictions = predictions_of(study, record, data, flip_test=flip_test, follow=follow.within)
        found[record.number] = image_interval(predictions.image_figures(), generator=np.random.default_rng(SEED))
    return found


def uncertainty(study: StudyRecord, setup: Setup, noise: Noise) -> dict[int, str]:
    """By number, how sure the accuracy of each complete trial and its place on the front are, in words."""
    scores = costs_and_scores(study.objectives)[1]
    reach = noise.reach()
    found = {}
    for record in scored(study) if scores else ():
        parts = []
        if reach is not None:
            parts.append(f"{short(scores[0])} ± {reach / record.trainings**0.5:.3f} over seeds{_of(record)}")
        if record.number in setup.intervals:
            interval = setup.intervals[record.number]
            parts.append(f"{interval.low:.3f} to {interval.high:.3f} over images")
        if noise.by_seeds is not None and noise.by_seeds.probabilities.get(record.number, 0) >= MIN_SHOWN_PROBABILITY:
            parts.append(f"on the front with probability {noise.by_seeds.probabilities[record.number]:.2f}")
        if parts:
            found[record.number] = "; ".join(parts)
    return found


def _of(record: TrialRecord) -> str:
    return f", mean of {record.trainings} trainings" if record.trainings > 1 else ""


def noise_section(study: StudyRecord, setup: Setup, noise: Noise) -> Section:
    """Repeats, intervals over images, and the probability of each network to be on the front."""
    scores = costs_and_scores(study.objectives)[1]
    if not scores or not scored(study):
        return Section(words=["No trial was trained to its end, so there is no noise to tell."])
    groups = repeats(study, scores[0])
    tables = [_repeats_table(groups, scores[0])] if groups else []
    words = [_seed_words(noise, scores[0]), *_image_words(study, setup, scores[0])]
    for found, source in ((noise.by_seeds, "seeds"), (noise.by_images, "images")):
        if found is not None:
            words.append(_volume_words(found, source))
            tables.append(_front_table(study, found, source, scores[0]))
    return Section(words=words, tables=tables, charts=_charts(groups, scores[0]))


def _near_front(study: StudyRecord, deviation: float) -> tuple[list[TrialRecord], int]:
    """The trials that noise could bring onto the front, the dearest, which hold the reference; and how often to draw."""
    trials = scored(study)
    values = matrix_of(trials, study.objectives)
    directions = directions_of(study.objectives)
    column = study.objectives.index(costs_and_scores(study.objectives)[1][0])
    front = values[non_dominated(values, directions)]
    signs = np.array([SIGNS[direction] for direction in directions])
    front[:, column] += MAX_DEVIATIONS_BEHIND * deviation * signs[column]
    raised = values.copy()
    raised[:, column] -= MAX_DEVIATIONS_BEHIND * deviation * signs[column]
    kept = [
        record
        for record, row in zip(trials, raised * signs, strict=True)
        if not ((front * signs <= row).all(axis=1) & (front * signs < row).any(axis=1)).any()
    ]
    dearest = [trials[index] for index in values.argmax(axis=0)]
    near = {record.number: record for record in [*kept, *dearest]}
    draws = int(np.clip(MOST_DRAWN / max(1, len(near)), FEWEST_DRAWS, MOST_DRAWS))
    return sorted(near.values(), key=lambda record: record.number), draws


def _seed_words(noise: Noise, score: str) -> str:
    seeds, reach = noise.seeds, noise.reach()
    if seeds is None or seeds.deviation is None or reach is None:
        return (
            f"How far {quantity(score)} moves from seed to seed is not known: no network was trained twice. A small"
            " difference between two networks may be chance. In the search file, confirm: 3 trains the networks of the"
            " answer with three seeds, and repeats: 3 all of them."
        )
    return (
        f"Trainings of one network that differ in their seed alone have a standard deviation of {seeds.deviation:.4f} in"
        f" {quantity(score)}. It is pooled over {number_words(seeds.groups, 'network')} with {seeds.degrees} degrees of"
        f" freedom. A single training is good to ± {reach:.3f} (95 %). Two single trainings that differ by less than"
        f" {reach * 2**0.5:.3f} are not told apart."
    )


def _image_words(study: StudyRecord, setup: Setup, score: str) -> list[str]:
    if not setup.intervals:
        images = study.protocol.get("images")
        few = f" The validation has {images['val']} images." if isinstance(images, dict) and "val" in images else ""
        return [
            "The interval over images is not known here, because it takes the predictions of a network for each image."
            f" dite-search report STUDY --intervals makes them for the front.{few}"
        ]
    return [f"Intervals over images are of {quantity(score)} with the validation's images drawn anew, 95 %."]


def _volume_words(found: FrontNoise, source: str) -> str:
    volume = found.hypervolume
    spread = (volume.low / volume.value - 1, volume.high / volume.value - 1) if volume.value else (0.0, 0.0)
    return (
        f"Over {source}, the hypervolume of the front lies between {spread[0]:+.1%} and {spread[1]:+.1%} of what was"
        f" measured ({volume.level:.0%}). The best of noisy scores looks better than it is."
    )


def _front_table(study: StudyRecord, found: FrontNoise, source: str, score: str) -> Table:
    front = {record.number for record in front_of(study)}
    records = {record.number: record for record in scored(study)}
    ranked = sorted(found.probabilities.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [(number, share) for number, share in ranked if share >= MIN_SHOWN_PROBABILITY][:MAX_ROWS]
    return Table(
        title=f"Who would be on the front with other {source}",
        columns=("trial", "probability", "on the measured front", quantity(score)),
        rows=[
            (
                str(number),
                f"{share:.2f}",
                "yes" if number in front else "no",
                format_value(score, records[number].values[score]),
            )
            for number, share in shown
        ],
        note="The accuracy of each trial is drawn from a normal distribution around the measured one; costs are exact."
        " Trials that were not predicted again are taken to be as uncertain as the median of those that were."
        f" At most {MAX_ROWS} trials, none below {MIN_SHOWN_PROBABILITY:.0%}.",
    )


def _repeats_table(groups: Sequence[Sequence[TrialRecord]], score: str) -> Table:
    rows = []
    for group in groups[:MAX_ROWS]:
        values = [record.values[score] for record in group]
        rows.append(
            (
                group[0].arch.arch_id,
                ", ".join(str(record.number) for record in group),
                format_value(score, float(np.mean(values))),
                format_value(score, min(values)),
                format_value(score, max(values)),
            )
        )
    more = len(groups) - len(rows)
    return Table(
        title="Networks trained with several seeds",
        columns=("network", "trials", "mean", "lowest", "highest"),
        rows=rows,
        note=f"{number_words(more, 'more network')} are in trials.csv." if more > 0 else "",
    )


def _charts(groups: Sequence[Sequence[TrialRecord]], score: str) -> list[Chart]:
    if not groups:
        return []
    shown = groups[:MAX_ROWS]
    return [
        Chart(
            key="repeats",
            title=f"{quantity(score)} of repeats",
            caption="Each column is one network, named by its first trial; its points are trainings with different seeds.",
            alt="The table of networks trained with several seeds holds these figures.",
            figure=repeats_figure(
                {str(group[0].number): [record.values[score] for record in group] for group in shown}, quantity(score)
            ),
        )
    ]
