"""Protocols of two sides: what must agree for scores to be compared, and what is noted."""

from __future__ import annotations

import math
from typing import Any

from analysis.comparison.published_baselines import BOXES, UNRECORDED
from analysis.comparison.sides import FEW_IMAGES, ComparedNetwork
from analysis.errors.predictions import data_digest
from analysis.statistics.bootstrap import (
    Difference,
)
from analysis.study.labels import number_words, plain, quantity
from analysis.study.trial_status import TrialStatus
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import format_value, is_score

MUST_AGREE = {
    "dataset": "data set",
    "val_split": "validation split",
    "format": "format",
    "boxes": "boxes",
    "category": "category of people",
    "on_orientation": "rule on the orientation of images",
    "flip_test": "flip test",
    "keypoints": "keypoints",
    "metric": "metric",
    "split": "rule that parts the images",
    "start_from": "weights that the training begins from",
    "distill": "teacher of the training",
}
"""Fields of a protocol that two scores must have in common to be compared."""


MAY_DIFFER = {
    "input_size": "input size",
    "epochs": "epochs",
    "batch_size": "batch size",
    "train_split": "training split",
    "recipe_changes": "hyper-parameters",
    "freeze": "frozen parts",
    "head_learning_rate_factor": "factor of the head's learning rate",
    "seed": "seed",
}
"""Fields of a protocol that may differ; a note names each one that does."""

ABSENT = {
    "start_from": "none, from scratch",
    "distill": "none",
    "freeze": "none",
    "head_learning_rate_factor": 1.0,
}
"""The meaning of a field that a protocol leaves out, where it is known."""


def check_protocols(first: ComparedNetwork, second: ComparedNetwork) -> None:
    """Refuse two sides whose scores are of different things.

    Raises:
        InvalidInput: the first field that differs, and both its values.
    """
    if first.protocol and second.protocol:
        for name, label in MUST_AGREE.items():
            ours, other = (side.protocol.get(name, ABSENT.get(name, UNRECORDED)) for side in (first, second))
            if ours != other:
                shown = [BOXES.get(value, plain(value)) if name == "boxes" else plain(value) for value in (ours, other)]
                raise _not_comparable(first, second, f"{label} must be the same, got {shown[0]} and {shown[1]}")
    predicted = [side.predictions for side in (first, second) if side.predictions]
    if len({data_digest(predictions.data) for predictions in predicted}) > 1:
        raise _not_comparable(first, second, "the people to find must be the same, got different annotations or boxes")


def notes_of(sides: tuple[ComparedNetwork, ComparedNetwork], difference: Difference | None) -> list[str]:
    """Return sentences on what differs between the sides and may, and on what each side is."""
    notes = []
    for name, label in MAY_DIFFER.items():
        if not all(side.protocol for side in sides):
            break
        ours, other = (_of_protocol(side, name) for side in sides)
        if ours != other:
            notes.append(
                f"{label[0].upper()}{label[1:]} {plain(ours) or 'unchanged'} in A, {plain(other) or 'unchanged'} in B."
            )
    for name, side in zip("AB", sides, strict=True):
        if side.record is not None and side.record.status is not TrialStatus.COMPLETE:
            epochs = number_words(len(side.curve), "epoch")
            notes.append(f"{name} is {side.record.status} after {epochs}: its scores are of a lower fidelity.")
        notes += _reproduced(name, side)
    if difference is not None and difference.images < FEW_IMAGES:
        notes.append(f"{difference.images} images are few: the interval is a rough guide.")
    return notes


def _of_protocol(side: ComparedNetwork, name: str) -> Any:
    size = side.arch.input_size
    return f"{size[0]}x{size[1]}" if name == "input_size" else side.protocol.get(name, ABSENT.get(name, UNRECORDED))


def _reproduced(name: str, side: ComparedNetwork) -> list[str]:
    """A sentence where the checkpoint scores otherwise than its trial did."""
    if side.predictions is None:
        return []
    return [
        f"The checkpoint of {name} scores {format_value(score, side.predictions.metrics[score])} in {quantity(score)} here,"
        f" the trial {format_value(score, value)}."
        for score, value in side.metrics.items()
        if is_score(score)
        and score in side.predictions.metrics
        and not math.isclose(value, side.predictions.metrics[score], abs_tol=5e-4)
    ]


def _not_comparable(first: ComparedNetwork, second: ComparedNetwork, rule: str) -> InvalidInput:
    return InvalidInput(
        f"{first.label} and {second.label} cannot be compared by accuracy, since {rule}; --costs-only leaves accuracies out"
    )
