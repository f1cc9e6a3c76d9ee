"""The part of the training images that shared weights do not learn from, on which inherited networks are scored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.common.errors import InvalidInput
from trainers.data.formats.coco import Person


@dataclass(frozen=True, kw_only=True)
class TrainingParts:
    """Numbers of training samples: those that are learned from, and those of images that are held out."""

    learned: tuple[int, ...]
    held_out: tuple[int, ...]


def training_parts(people: Sequence[Person], share: float, seed: int) -> TrainingParts:
    """Return the parts of a training set; all people of an image stand in one part.

    An image is held out by its name and the seed, wherever it lies and whichever other images there are.

    Args:
        people: The people of the training set.
        share: The share of the images that is held out, about.
        seed: The seed of the parts.

    Raises:
        InvalidInput: a part would be empty.
    """
    held = {name for name in {person.image_path.name for person in people} if _place(name, seed) < share}
    parts = TrainingParts(
        learned=tuple(number for number, person in enumerate(people) if person.image_path.name not in held),
        held_out=tuple(number for number, person in enumerate(people) if person.image_path.name in held),
    )
    if not parts.learned or not parts.held_out:
        images = len({person.image_path for person in people})
        empty = "held out" if parts.learned else "left to learn from"
        raise InvalidInput(f"held_out {share:g} of {images} training images leaves none {empty}: choose another share")
    return parts


def _place(name: str, seed: int) -> float:
    """Return a number from 0 to 1 that an image's name and a seed decide on."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
