"""Trainings that go on for another number of epochs than they were begun with, and what that means for their schedule."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint


def lengthened(checkpoint: Checkpoint, epochs: int, place: Path | str) -> Checkpoint:
    """Return a checkpoint as one of a training of so many epochs, which remembers the schedules so far.

    Args:
        checkpoint: The last checkpoint of a training.
        epochs: The epochs of the whole training, those that are finished among them.
        place: The folder of the training, for messages.

    Raises:
        InvalidInput: no epoch would be left.
    """
    finished = len(checkpoint.curve)
    if epochs <= finished:
        raise InvalidInput(
            f"--epochs must be above the {finished} that the training in {place} has finished to go on with it, got {epochs}"
        )
    supernet = checkpoint.supernet
    # Shared weights are never validated, which their recipe says by the number of epochs.
    every = checkpoint.train.validate_every if supernet is None else epochs
    return dataclasses.replace(
        checkpoint,
        train=dataclasses.replace(checkpoint.train, epochs=epochs, validate_every=every),
        supernet=None if supernet is None else {**supernet, "epochs": epochs},
        lengthened=[*(checkpoint.lengthened or []), [finished, checkpoint.train.epochs]],
    )


def schedule_words(checkpoint: Checkpoint) -> str:
    """Return the schedules that the epochs of a training followed, in words; empty where there is one only."""
    if not checkpoint.lengthened:
        return ""
    parts, first = [], 1
    for finished, epochs in checkpoint.lengthened:
        if finished >= first:
            parts.append(f"epochs {first} to {finished} by the schedule of {epochs}")
            first = finished + 1
    whole = checkpoint.train.epochs
    parts.append(f"epochs {first} to {whole} by that of {whole}" if parts else f"all by the schedule of {whole}")
    return ", ".join(parts)


def sentences_on(before: Checkpoint, after: Checkpoint) -> list[str]:
    """Return what a reader must know of a training that was lengthened: its milestones, and what it cannot be taken for."""
    finished, whole, earlier = len(before.curve), after.train.epochs, before.train.epochs
    found = [f"From epoch {finished + 1} on the schedule of {whole} epochs holds; so far that of {earlier} did."]
    if before.train.milestones:
        old, new = milestone_epochs(before.train), milestone_epochs(after.train)
        found.append(f"The milestones lie after epochs {_listed(new)}; those so far lay after epochs {_listed(old)}.")
        passed = sum(each < finished for each in old) - sum(each <= finished for each in new)
        if finished and passed:
            factor = after.train.decay**-passed
            found.append(f"The learning rate of epoch {finished + 1} is {factor:.4g} times that of epoch {finished}.")
    found.append(f"The result is not that of a training of {whole} epochs from its start.")
    return found


def milestone_epochs(train: TrainConfig) -> list[int]:
    """Return the epochs after which the learning rate falls."""
    return [round(fraction * train.epochs) for fraction in train.milestones]


def _listed(values: Sequence[int]) -> str:
    return " and ".join(map(str, values))
