"""Remarks on what the reader of annotation files left out or corrected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from trainers.data.annotations.categories import MAX_CATEGORIES, Category
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.annotations.notes import DataNote, Severity


def category_notes(
    person: Category, others: Mapping[str, int], categories: Collection[Category], file: Path, *, chosen: bool
) -> list[DataNote]:
    """Return notes on the annotations of other categories, and on people whose category has another name.

    Args:
        person: The category of people.
        others: How many annotations each other category has, by its label.
        categories: All categories of the file.
        file: The annotation file, for the sentences.
        chosen: Whether the user named the category.
    """
    notes = []
    if not (chosen or person.is_named_person) and person.name and len(categories) > 1:
        notes.append(
            _note("categories", 1, f"{file}: category {person.label} is taken for people, because only its keypoints fit")
        )
    if others:
        ranked = sorted(others.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{count} of category {label}" for label, count in ranked[:MAX_CATEGORIES])
        more = f" and {len(ranked) - MAX_CATEGORIES} categories more" if len(ranked) > MAX_CATEGORIES else ""
        count = sum(others.values())
        notes.append(
            _note(
                "categories",
                count,
                f"{file}: people are category {person.label}; {counted(count, 'annotation')} of other categories left out:"
                f" {listed}{more}",
            )
        )
    return notes


def unknown_image_notes(count: int, annotations: int, file: Path) -> list[DataNote]:
    """Return a warning where annotations are of images that the file does not list."""
    if not count:
        return []
    sentence = (
        f"{file}: {count} of {annotations} annotations of people left out, because 'images' does not list their images;"
        " figures are of the listed images alone"
    )
    return [DataNote(topic="images", severity=Severity.WARNING, sentence=sentence, count=count)]


def repeated_image_notes(repeated: int, shared_files: int, file: Path) -> list[DataNote]:
    """Return remarks on entries of ``images`` that repeat, and on image files that several entries name."""
    notes = []
    if repeated:
        verb = "repeats another and is" if repeated == 1 else "repeat others and are"
        notes.append(
            _note("images", repeated, f"{file}: {counted(repeated, 'entry', 'entries')} of 'images' {verb} read once")
        )
    if shared_files:
        sentence = (
            f"{file}: {counted(shared_files, 'image file')} under more than one image id, so that people of one file are"
            " scored as if in different images: give each file one id"
        )
        notes.append(DataNote(topic="images", severity=Severity.WARNING, sentence=sentence, count=shared_files))
    return notes


def id_notes(without: int, annotations: int, file: Path) -> list[DataNote]:
    """Return a note where annotations are numbered anew, because some have no usable id."""
    if not without:
        return []
    sentence = (
        f"{file}: ids of {without} of {annotations} annotations are missing, repeated or no whole numbers from 1; all"
        " annotations are numbered by their place in the file instead, from 1"
    )
    return [_note("ids", without, sentence)]


def keypoint_order_notes(
    order: tuple[int, ...] | None, person: Category, keypoint_set: KeypointSet, annotations: int, file: Path
) -> list[DataNote]:
    """Return a note where keypoints stand in another order than the format's."""
    if order is None:
        return []
    first = next(index for index, place in enumerate(order) if index != place)
    sentence = (
        f"{file}: keypoints are put into the order of {keypoint_set.name}; the file has {person.keypoints[first]!r} where"
        f" {keypoint_set.name} has {keypoint_set.names[first]!r}, and names all of them"
    )
    return [_note("keypoints", max(1, annotations), sentence)]


def keypoint_count_notes(contradicting: int, annotations: int, file: Path) -> list[DataNote]:
    """Return a note where ``num_keypoints`` contradicts the visibilities."""
    if not contradicting:
        return []
    sentence = (
        f"{file}: 'num_keypoints' of {contradicting} of {annotations} annotations contradicts the visibilities of their"
        " keypoints, and is counted anew"
    )
    return [_note("num_keypoints", contradicting, sentence)]


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def _note(topic: str, count: int, sentence: str) -> DataNote:
    return DataNote(topic=topic, severity=Severity.NOTE, sentence=sentence, count=count)
