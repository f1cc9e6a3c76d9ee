"""Whether the networks of a study have learned anything, and the likely reasons where they have not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.study.labels import number_words, short
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores, format_value, gain
from search_spaces.training_config import TrainConfig, steps_per_epoch

FEWEST_STEPS = 100
"""Steps of a training, of which fewer seldom teach a network that begins from drawn weights anything.

Seventy-five steps on 86 people led to an AP of 0.14 on the same people, and 280 on drawn people to 0.6 (docs/benchmarks.md).
"""
FEWEST_PEOPLE = 100
"""People to learn from, of whom fewer seldom teach such a network anything about others."""
FEWEST_IMAGES = 100
"""Validation images below which an answer says how many they are."""


@dataclass(frozen=True, kw_only=True)
class DataCounts:
    """The people that a search learns from, those that it is scored on, and the images of the latter.

    A study keeps them in its provenance, under these names.
    """

    training_people: int
    validation_people: int
    validation_images: int


@dataclass(frozen=True, kw_only=True)
class TrainingAmount:
    """How much each training of a search learns from, as far as it is known.

    Args:
        epochs: The epochs of a training.
        batch_size: The samples of a step.
        warmup: The steps of the warm-up.
        people: The people to learn from.
        images: The images with people to be scored on.
        from_weights: Whether trainings begin from weights of an earlier one.
    """

    epochs: int
    batch_size: int
    warmup: int
    people: int | None = None
    images: int | None = None
    from_weights: bool = False

    @property
    def steps(self) -> int | None:
        """The steps of a training; None where the people are not known."""
        return None if self.people is None else self.epochs * steps_per_epoch(self.people, self.batch_size)

    @property
    def steps_words(self) -> str:
        """The steps of a training and of an epoch; empty where they are not known."""
        if self.people is None or self.steps is None:
            return ""
        each = steps_per_epoch(self.people, self.batch_size)
        return f"a training takes {number_words(self.steps, 'step')}, {each} an epoch"

    @property
    def has_few_images(self) -> bool:
        """Whether an answer rests on few images, as far as their number is known."""
        return self.images is not None and self.images < FEWEST_IMAGES

    def doubts(self) -> list[str]:
        """Return what may keep networks from learning anything, each counted; nothing where all is well."""
        found = []
        steps = self.steps
        if steps is not None and 2 * self.warmup > steps:
            share = "all" if self.warmup >= steps else f"{self.warmup / steps:.0%}"
            found.append(f"{self.steps_words}, and {share} of them are warm-up (training.warmup_iterations {self.warmup})")
        elif steps is not None and steps < FEWEST_STEPS and not self.from_weights:
            found.append(f"{self.steps_words}: fewer than {FEWEST_STEPS} seldom teach anything")
        if self.people is not None and self.people < FEWEST_PEOPLE and not self.from_weights:
            found.append(f"{'one person is' if self.people == 1 else f'{self.people} people are'} learned from")
        return found


def amount_of(study: StudyRecord) -> TrainingAmount | None:
    """Return how much the trainings of a study learned from; None where its protocol does not say it."""
    protocol, counted = study.protocol, study.provenance
    epochs, batch = protocol.get("epochs"), protocol.get("batch_size")
    changes = protocol.get("recipe_changes")
    if not isinstance(epochs, int) or not isinstance(batch, int) or not isinstance(changes, Mapping):
        return None
    return TrainingAmount(
        epochs=epochs,
        batch_size=batch,
        warmup=int(changes.get("warmup_iterations", TrainConfig().warmup_iterations)),
        people=_count(counted, "training_people"),
        images=_count(counted, "validation_images"),
        from_weights="start_from" in protocol,
    )


def few_images(study: StudyRecord) -> int | None:
    """Return the number of validation images of a study where it is small; None elsewhere."""
    images = _count(study.provenance, "validation_images")
    return images if images is not None and images < FEWEST_IMAGES else None


def few_images_words(images: int) -> str:
    """Say that an answer rests on few images."""
    return f"The accuracy is that of {number_words(images, 'image')} only: of others it may differ much."


def learned(study: StudyRecord, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the records whose accuracy is better than what chance finds; all where nobody knows what that is."""
    scores = costs_and_scores(study.objectives)[1]
    return [
        record for record in records if all(OBJECTIVES[name].is_beyond_chance(record.values[name]) for name in scores[:1])
    ]


def nothing_learned_words(study: StudyRecord, records: Sequence[TrialRecord]) -> str:
    """Say that no network has learned anything, how good the best of the records is, and why that may be."""
    name = costs_and_scores(study.objectives)[1][0]
    best = max(records, key=lambda record: gain(name, record.values[name]))
    useless = OBJECTIVES[name].useless
    assert useless is not None, "a quantity without such a value has no network that learned nothing"
    told = (
        f"No network has learned anything: the best {short(name)} is {format_value(name, best.values[name])}"
        f" (trial {best.number}), and one {'below' if OBJECTIVES[name].is_better_high else 'above'} {useless:g} is no better"
        " than chance."
    )
    return f"{told} {reasons_words(amount_of(study))}"


def reasons_words(amount: TrainingAmount | None) -> str:
    """Return the likely reasons why nothing was learned, counted, or what else to look at."""
    doubts = amount.doubts() if amount else []
    if amount and amount.has_few_images:
        doubts.append(f"{number_words(amount.images or 0, 'image')} alone {'is' if amount.images == 1 else 'are'} scored")
    if doubts:
        return f"Likely reasons: {'; '.join(doubts)}."
    steps = amount.steps_words if amount else ""
    enough = f"{steps[0].upper()}{steps[1:]}, which should do. " if steps else ""
    return f"{enough}Look at the losses of the learning curves, at training.learning_rate, and at the annotations."


def _count(counted: Mapping[str, Any], name: str) -> int | None:
    value = counted.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
