"""A keypoint set from the names in an annotation file: which points are left and right, and which a drawing joins.

A side is read from a word (``left_eye``, ``LeftEye``, ``eye-right``) or from a letter of its own (``L_Eye``, ``EyeR``).
Where the other side is named alike, it is read from the beginning of a name (``lefteye``, ``Rsho``, ``lank``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote, Severity

LEFT, RIGHT = "left", "right"
TOPIC = "keypoints"
_WORDS = {LEFT: LEFT, RIGHT: RIGHT}
_LETTERS = {"l": LEFT, "r": RIGHT}
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_INSIDE_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")
_SHORTEST_STEM = 2
"""Letters that must follow a side glued to a name, so that ``la`` and ``ra`` are no pair."""
_LOWER_STEMS = ("hip", "pelv", "leg", "thigh", "knee", "kne", "shin", "calf", "ank", "foot", "feet", "heel", "toe")


@dataclass(frozen=True, kw_only=True)
class NamePart:
    """One keypoint's name, read: the ``side`` of the body, or None, and the other words in lower case."""

    side: str | None
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NamedKeypoints:
    """A keypoint set that was made from names, and remarks on what the names and the skeleton did not say."""

    keypoint_set: KeypointSet
    notes: tuple[DataNote, ...] = ()


def words_of(name: str) -> tuple[str, ...]:
    """Split a name into its words in lower case: ``"LHip"``, ``"l_hip"`` and ``"l hip"`` give ``("l", "hip")``."""
    pieces = [piece for part in _BETWEEN_WORDS.split(name) for piece in _INSIDE_WORDS.split(part)]
    return tuple(piece.lower() for piece in pieces if piece)


def name_parts(names: Sequence[str]) -> tuple[NamePart, ...]:
    """Read the side and the part of the body from each name.

    A side that is glued to a name counts only where the same name exists with the other side.
    """
    parts = [_separate(words_of(name)) for name in names]
    for glued in (_WORDS, _LETTERS):
        found = {index: _glued(part, glued) for index, part in enumerate(parts) if part.side is None}
        known = set(found.values()) | set(parts)
        for index, part in found.items():
            if part and NamePart(side=_other(part.side), words=part.words) in known:
                parts[index] = part
    return tuple(parts)


def left_right_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the (left, right) indices of names that differ in their side alone, in the order of the left ones.

    Raises:
        InvalidInput: two names say the same side of the same part.
    """
    seen: dict[NamePart, int] = {}
    for index, part in enumerate(name_parts(names)):
        if part.side and part in seen:
            raise InvalidInput(
                f"keypoint names must differ, but {names[seen[part]]!r} and {names[index]!r} are both the {part.side}"
                f" {' '.join(part.words)}"
            )
        seen.setdefault(part, index)
    return tuple(
        (index, seen[partner])
        for part, index in seen.items()
        if part.side == LEFT and (partner := NamePart(side=RIGHT, words=part.words)) in seen
    )


def upper_body(names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the upper half of the body: all names but hips, legs and feet; all where those are all."""
    parts = name_parts(names)
    upper = tuple(i for i, part in enumerate(parts) if not any(word.startswith(_LOWER_STEMS) for word in part.words))
    return upper or tuple(range(len(names)))


def limbs_from_skeleton(
    skeleton: Any, count: int, pairs: Sequence[tuple[int, int]]
) -> tuple[tuple[tuple[int, int], ...], int, int]:
    """Return the limbs of a COCO skeleton counted from 0, the number it counts from, and how many entries name no limb.

    COCO counts from 1. A 0 says that a file counts from 0. Where the highest number contradicts that, the count is taken
    under which more limbs have a mirror image.

    Args:
        skeleton: As read from the file; None stands for none.
        count: The number of keypoints.
        pairs: The (left, right) indices that change places in a mirror.
    """
    entries = skeleton if isinstance(skeleton, list) else []
    joined = [(entry[0], entry[1]) for entry in entries if _is_pair(entry)]
    numbers = [number for limb in joined for number in limb]
    first = 1
    if 0 in numbers:
        first = 0 if max(numbers) < count else max((1, 0), key=lambda base: _symmetry(joined, base, pairs))
    limbs = [(a - first, b - first) for a, b in joined]
    inside = tuple(dict.fromkeys(limb for limb in limbs if all(0 <= index < count for index in limb)))
    lost = len(entries) - sum(all(0 <= index < count for index in limb) for limb in limbs)
    return inside, first, lost + (skeleton is not None and not isinstance(skeleton, list))


def keypoints_of_category(category: Mapping[str, Any], *, name: str, place: str) -> NamedKeypoints:
    """Make the keypoint set that a category of a COCO file describes; it has no deviations for OKS.

    Args:
        category: An entry of ``categories`` with ``keypoints``, a list of names, and maybe a ``skeleton``.
        name: The name of the set.
        place: Words for the category in messages, such as ``categories[0] of FILE``.

    Raises:
        InvalidInput: the names are no list of distinct texts.
    """
    names = category.get("keypoints")
    if not isinstance(names, list) or not names or not all(isinstance(entry, str) and entry.strip() for entry in names):
        raise InvalidInput(f"'keypoints' of {place} must be a list of names, got {str(names)[:80]}")
    repeated = sorted({entry for entry in names if names.count(entry) > 1})
    if repeated:
        raise InvalidInput(f"'keypoints' of {place} must be distinct names, got {repeated[0]!r} twice")
    pairs = left_right_pairs(names)
    limbs, first, lost = limbs_from_skeleton(category.get("skeleton"), len(names), pairs)
    upper = upper_body(names)
    keypoint_set = KeypointSet(
        name=name,
        names=tuple(names),
        flip_pairs=pairs,
        mirrors=bool(pairs),
        upper_body=upper,
        limbs=limbs,
        oks_sigmas=(),
    )
    return NamedKeypoints(keypoint_set=keypoint_set, notes=_notes(keypoint_set, place, first=first, lost=lost))


def _notes(keypoint_set: KeypointSet, place: str, *, first: int, lost: int) -> tuple[DataNote, ...]:
    names, notes = keypoint_set.names, []

    def note(severity: Severity, sentence: str, count: int = 1) -> None:
        notes.append(DataNote(topic=TOPIC, severity=severity, sentence=sentence, count=count))

    paired = {index for pair in keypoint_set.flip_pairs for index in pair}
    alone = [names[i] for i, part in enumerate(name_parts(names)) if part.side and i not in paired]
    if not paired:
        note(
            Severity.WARNING,
            f"No left and right can be told from the names of {place}: no image is mirrored, in training or in tests, unless"
            " flip_pairs of data.keypoints names pairs, or none by [].",
        )
    if alone:
        note(
            Severity.WARNING,
            f"{', '.join(alone)} of {place} say a side, but the other side has no such name: a mirrored picture would keep"
            " the name.",
            len(alone),
        )
    if first == 0:
        note(Severity.NOTE, f"'skeleton' of {place} counts keypoints from 0; COCO's counts from 1.")
    if lost:
        words = "1 entry" if lost == 1 else f"{lost} entries"
        note(Severity.NOTE, f"{words} of 'skeleton' of {place} left out: not two numbers of keypoints.", lost)
    if not keypoint_set.limbs:
        note(Severity.NOTE, f"{place} has no skeleton: people are drawn without limbs.")
    return tuple(notes)


def _separate(words: tuple[str, ...]) -> NamePart:
    """Read a side that is a word anywhere, or a letter at either end, if exactly one is there."""
    places = [(index, _WORDS[word]) for index, word in enumerate(words) if word in _WORDS]
    if not places:
        ends = dict.fromkeys((0, len(words) - 1))
        places = [(index, _LETTERS[words[index]]) for index in ends if words and words[index] in _LETTERS]
    if len(places) != 1 or len(words) < 2:
        return NamePart(side=None, words=words)
    index, side = places[0]
    return NamePart(side=side, words=words[:index] + words[index + 1 :])


def _glued(part: NamePart, sides: Mapping[str, str]) -> NamePart | None:
    """Read a side from the beginning of the first word, or None."""
    for text, side in sides.items():
        first = part.words[0] if part.words else ""
        if first.startswith(text) and len(first) >= len(text) + _SHORTEST_STEM:
            return NamePart(side=side, words=(first[len(text) :], *part.words[1:]))
    return None


def _other(side: str | None) -> str:
    return RIGHT if side == LEFT else LEFT


def _is_pair(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(number, int) and not isinstance(number, bool) for number in entry)
    )


def _symmetry(limbs: Sequence[tuple[int, int]], first: int, pairs: Sequence[tuple[int, int]]) -> int:
    """Count the limbs whose mirror image is a limb, another one or the same, where keypoints count from ``first``."""
    mirror = {a: b for left, right in pairs for a, b in ((left, right), (right, left))}
    known = {frozenset((a - first, b - first)) for a, b in limbs}
    return sum(any(i in mirror for i in limb) and frozenset(mirror.get(i, i) for i in limb) in known for limb in known)
