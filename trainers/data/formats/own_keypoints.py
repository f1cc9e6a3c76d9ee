"""The keypoint set of a data set in COCO's layout: what its annotation file says, completed and overruled by a user."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.categories import PERSON_NAME
from trainers.data.annotations.keypoint_names import keypoints_of_category
from trainers.data.annotations.keypoint_order import plain_name
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote, Severity
from trainers.data.formats.coco_file import parse_coco
from trainers.data.formats.json_file import read_json
from trainers.data.keypoint_sets.fields import default_sigmas, from_plain, is_whole
from trainers.data.keypoint_sets.sigmas import estimated_sigmas

REPEATED = "repeated"
"""The field of ``sigmas`` that names a file with other annotators' labels of the same people."""
WHERE = "data.keypoints"
_CATEGORIES = re.compile(rb'"categories"\s*:\s*(?=\[)')
_FIRST_BYTES = 2**16


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnKeypoints:
    """The keypoint set of an annotation file, with the remarks on what names and skeleton did not say."""

    keypoint_set: KeypointSet
    notes: tuple[DataNote, ...] = ()


def keypoints_of_file(
    annotation_file: Path | None,
    usual: KeypointSet,
    *,
    category: str | int | None = None,
    given: Mapping[str, Any] | None = None,
) -> OwnKeypoints:
    """Return the keypoints of an annotation file.

    They are the usual ones where the file names these, in any order, or names none and its annotations have as many. A file
    without names whose annotations all have another number of keypoints gives a set without names, pairs and halves.

    Args:
        annotation_file: The file, in COCO's layout; None where there is none yet.
        usual: The keypoints of the format.
        category: The name or the id of people, where a user gives one.
        given: The fields of ``data.keypoints``.

    Raises:
        InvalidInput: the file cannot be read, or a field of ``given`` breaks its rule.
    """
    if given and is_whole(given):
        whole = from_plain(given, None, WHERE)
        return OwnKeypoints(keypoint_set=whole, notes=(_confirmation(whole, annotation_file),))
    found = _described(annotation_file, usual, category) if annotation_file else OwnKeypoints(keypoint_set=usual)
    if not given:
        notes = (
            ()
            if found.keypoint_set == usual or annotation_file is None
            else (_confirmation(found.keypoint_set, annotation_file),)
        )
        return dataclasses.replace(found, notes=(*found.notes, *notes))
    values = dict(given)
    if annotation_file is None:
        base = None if values.get("names") else usual
        return OwnKeypoints(keypoint_set=_renamed(from_plain(values, base, WHERE), usual))
    if isinstance(values.get("sigmas"), Mapping) and REPEATED in values["sigmas"]:
        base = from_plain({name: value for name, value in values.items() if name != "sigmas"}, found.keypoint_set, WHERE)
        values |= _estimated(values["sigmas"][REPEATED], annotation_file, base, category)
    changed = _renamed(from_plain(values, found.keypoint_set, WHERE), usual)
    return OwnKeypoints(keypoint_set=changed, notes=(*_after(found.notes, changed), _confirmation(changed, annotation_file)))


def category_with_keypoints(
    categories: Any, usual: KeypointSet, *, category: str | int | None = None
) -> tuple[int, Mapping[str, Any]] | None:
    """Return the place and the entry of the category that names keypoints of its own.

    None where a category names the usual keypoints. None also where no category, or more than one that could be meant, names
    any: the reader has a word for those. ``category`` is the name or the id that a user gives.
    """
    naming = [
        (number, entry)
        for number, entry in enumerate(categories if isinstance(categories, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("keypoints"), list) and entry["keypoints"]
    ]
    if category is not None:
        wanted = plain_name(str(category))
        naming = [
            entry for entry in naming if wanted in map(plain_name, (str(entry[1].get("name")), str(entry[1].get("id"))))
        ]
    known = compared(usual.names)
    if any(compared(entry["keypoints"]) == known for _, entry in naming):
        return None
    people = [entry for entry in naming if plain_name(str(entry[1].get("name"))) == PERSON_NAME] or naming
    return people[0] if len(people) == 1 and type(people[0][1].get("id")) is int else None


def compared(names: Sequence[Any]) -> list[str]:
    """Return names as they are compared: letter case, blanks and signs aside, in any order."""
    return sorted(plain_name(str(name)) for name in names)


def categories_of(annotation_file: Path) -> Any:
    """Return ``categories`` of an annotation file without reading all of a large file, as far as they can be found.

    Raises:
        InvalidInput: the file is missing, or no JSON.
    """
    try:
        stat = Path(annotation_file).stat()
    except OSError:
        return read_json(annotation_file)
    return _categories(Path(annotation_file), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _categories(file: Path, changed: int, size: int) -> Any:
    del changed, size  # They are there for the cache to forget a file that was written anew.
    content = file.read_bytes()
    places = [match.end() for match in _CATEGORIES.finditer(content)]
    if len(places) == 1:
        for length in (_FIRST_BYTES, len(content)):
            try:
                text = content[places[0] : places[0] + length].decode("utf-8", errors="ignore")
                return json.JSONDecoder().raw_decode(text)[0]
            except (ValueError, RecursionError):
                continue
    document = read_json(file)
    return document.get("categories") if isinstance(document, dict) else None


def _described(annotation_file: Path, usual: KeypointSet, category: str | int | None) -> OwnKeypoints:
    """Return the keypoints that a file itself describes."""
    categories = categories_of(annotation_file)
    found = category_with_keypoints(categories, usual, category=category)
    if found is not None:
        number, entry = found
        words = "".join(letter for letter in str(entry.get("name") or "own") if letter.isalnum() or letter in "-_")
        named = keypoints_of_category(
            entry, name=f"{words or 'own'}{len(entry['keypoints'])}", place=f"categories[{number}] of {annotation_file}"
        )
        return OwnKeypoints(keypoint_set=from_plain({}, named.keypoint_set, WHERE), notes=named.notes)
    if any(isinstance(entry, dict) and entry.get("keypoints") for entry in categories or []):
        return OwnKeypoints(keypoint_set=usual)
    count = _unnamed_count(annotation_file, usual.count)
    if count == usual.count:
        return OwnKeypoints(keypoint_set=usual)
    sigmas, source = default_sigmas(count)
    unnamed = KeypointSet(
        name=f"unnamed{count}",
        names=tuple(f"keypoint_{place}" for place in range(1, count + 1)),
        flip_pairs=(),
        mirrors=False,
        upper_body=(),
        limbs=(),
        oks_sigmas=sigmas,
        sigmas_from=source,
    )
    sentence = (
        f"{annotation_file} has {count} keypoints a person without names: no image is mirrored, in training or in tests;"
        f" names of {WHERE} gives them"
    )
    return OwnKeypoints(
        keypoint_set=unnamed, notes=(DataNote(topic="keypoints", severity=Severity.WARNING, sentence=sentence),)
    )


def _unnamed_count(annotation_file: Path, usual: int) -> int:
    """Return the number of keypoints of all annotations with keypoints; the usual number where they differ or have none."""
    document = read_json(annotation_file)
    entries = document.get("annotations") if isinstance(document, dict) else None
    lengths = Counter(
        len(entry["keypoints"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("keypoints"), list) and entry["keypoints"]
    )
    length = next(iter(lengths), 0)
    return length // 3 if len(lengths) == 1 and length % 3 == 0 else usual


def _estimated(file: Any, annotation_file: Path, base: KeypointSet, category: str | int | None) -> dict[str, Any]:
    """Return the deviations that a second file of labels of the same people gives."""
    if not isinstance(file, str | Path):
        raise InvalidInput(f"sigmas.{REPEATED} of {WHERE} must be an annotation file, got {file!r}")
    first, second = (
        parse_coco(read_json(Path(place)), Path(place), base, category=category) for place in (annotation_file, file)
    )
    sigmas = estimated_sigmas(first.annotations, second.annotations, base.names)
    return {"sigmas": list(sigmas), "sigmas_from": f"estimated from the repeated labels of {Path(file).name}"}


def _renamed(changed: KeypointSet, usual: KeypointSet) -> KeypointSet:
    """Return a set under a name of its own where a user changed the usual one."""
    if changed != usual and changed.name == usual.name:
        return dataclasses.replace(changed, name=f"own{changed.count}")
    return changed


def _confirmation(keypoint_set: KeypointSet, annotation_file: Path | None) -> DataNote:
    """Return a note that says what was understood of the keypoints, for the user to confirm."""
    halves = "both halves of the body are known" if keypoint_set.has_halves else "halves of the body are not known"
    sentence = (
        f"{keypoint_set.count} keypoints of {annotation_file or WHERE}, please confirm: {keypoint_set.sides}; {halves};"
        f" sigmas {keypoint_set.sigma_words}"
    )
    return DataNote(topic="keypoints", severity=Severity.NOTE, sentence=sentence)


def _after(notes: Sequence[DataNote], changed: KeypointSet) -> tuple[DataNote, ...]:
    """Return the remarks that still hold once a user has named pairs."""
    if changed.mirrors:
        return tuple(note for note in notes if note.severity is not Severity.WARNING)
    return tuple(notes)
