"""Comparing the keypoint names of an annotation file with those of a keypoint set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import KeypointSet

OWN_SET_PAGE = "docs/how_to/own_data.md"
"""Page that says how to describe a keypoint set of one's own."""
MAX_NAMES = 4
"""Names that a message lists before it counts the others."""


def keypoint_order(names: Sequence[str], keypoint_set: KeypointSet, where: str) -> tuple[int, ...] | None:
    """Return for each keypoint of the set its index among ``names``, or None where both have one order.

    Letter case, blanks, ``-`` and ``_`` do not count. ``where`` names the list in messages.

    Raises:
        InvalidInput: the names are not those of the set.
    """
    plain = [plain_name(name) for name in names]
    wanted = [plain_name(name) for name in keypoint_set.file_names or keypoint_set.names]
    if Counter(plain) != Counter(wanted):
        raise InvalidInput(_refusal(names, plain, wanted, keypoint_set, where))
    order = tuple(plain.index(name) for name in wanted)
    return None if order == tuple(range(keypoint_set.count)) else order


def plain_name(name: str) -> str:
    """Return a name without letter case, blanks, ``-`` and ``_``."""
    return "".join(letter for letter in name.casefold() if letter not in "-_" and not letter.isspace())


def listed_names(names: Sequence[str], most: int = MAX_NAMES) -> str:
    """Return names as a message lists them: the first few, and how many more there are."""
    shown = [name if name.isprintable() and name else repr(name) for name in (text[:40] for text in names[:most])]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _refusal(
    names: Sequence[str], plain: Sequence[str], wanted: Sequence[str], keypoint_set: KeypointSet, where: str
) -> str:
    unknown = [name for name, key in zip(names, plain, strict=True) if key not in wanted]
    expected = keypoint_set.file_names or keypoint_set.names
    missing = [name for name, key in zip(expected, wanted, strict=True) if key not in plain]
    repeated = [name for index, name in enumerate(names) if plain[index] in wanted and plain[index] in plain[:index]]
    parts = [
        f"{word} {listed_names(found)}"
        for word, found in (("unknown:", unknown), ("missing:", missing), ("written twice:", repeated))
        if found
    ]
    return (
        f"{where} must name the {keypoint_set.count} keypoints of {keypoint_set.name}, in any order, got {len(names)} names"
        f" ({'; '.join(parts)}): rename those that mean the same points, or describe a keypoint set of your own"
        f" ({OWN_SET_PAGE})"
    )
