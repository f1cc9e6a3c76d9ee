"""Remarks that follow from the images, the counts and the sides, beside those of the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from analysis.data_page.duplicates import Copy, SharedImage, repeated_images
from analysis.data_page.reading import SplitData
from analysis.data_page.scanning import ScannedImage
from analysis.data_page.sides import Conflict, Sides
from analysis.data_page.statistics import MOST_ENLARGED, SplitStatistics
from analysis.study.labels import number_words
from trainers.data.annotations.notes import DataNote, Severity
from trainers.data.images.image_check import tag_notes
from trainers.data.images.orientation import APPLY

MOST_NAMED = 5
"""Files that one sentence names."""
SUSPICIOUS_SHARE, SUSPICIOUS_COUNT = 0.02, 5
"""Share and number of people with contradicting sides from which that is a warning, not a note."""
MIN_PEOPLE = 20
"""People below which the share that looks seen from the front says nothing."""
MOSTLY_BEHIND = 0.6
"""Share of people labelled as seen from behind from which left and right look exchanged throughout."""
DIFFERENT_SPLITS = 0.4
"""Difference between two splits in the share of people seen from the front from which one of them looks exchanged."""
DIFFERENT_UPSIDE_DOWN = 0.15
"""The same difference between people who are upside down and all others, from which it is worth a word."""
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
ADVICE_ON_SIDES = "Left is the person's own left, which is on the right of a picture from the front."


def image_notes(split: SplitData, scanned: Sequence[ScannedImage], *, on_orientation: str = APPLY) -> list[DataNote]:
    """Remark on images that cannot be used, that are turned, that nobody lists, and that repeat within the split."""
    needed = {person.image_path for person in split.people}
    tags = {image.path: image.orientation for image in scanned if image.path in needed and not image.problem}
    broken = [image for image in scanned if image.problem]
    with_people = [image for image in broken if image.path in needed]
    notes = tag_notes(
        tags, split.people, split.annotation_file, on_orientation=on_orientation, purpose="of people annotated in"
    )
    if with_people:
        people = sum(person.image_path in {image.path for image in with_people} for person in split.people)
        notes.append(
            _warning(
                "broken images",
                f"{number_words(len(with_people), 'image')} of {split.name} with {_people(people)} cannot be used:"
                f" {_named([str(image.problem) for image in with_people], '; ')}.",
                len(with_people),
            )
        )
    if len(broken) > len(with_people):
        others = [image.path.name for image in broken if image.path not in needed]
        notes.append(
            _note(
                "broken images",
                f"{number_words(len(others), 'image')} of {split.name} without people cannot be read, which changes nothing:"
                f" {_named(others)}.",
                len(others),
            )
        )
    listed = {image.path for image in split.images}
    unlisted = [path.name for path in _image_files(split.image_dir) if path not in listed]
    if unlisted:
        notes.append(
            _note(
                "images not listed",
                f"{number_words(len(unlisted), 'image')} in {split.image_dir} not listed by {split.annotation_file}:"
                f" {_named(unlisted)}.",
                len(unlisted),
            )
        )
    repeated = repeated_images(scanned)
    if repeated:
        sentence = (
            f"{number_words(repeated, 'image')} of {split.name} show the same pixels as another image of {split.name}."
        )
        notes.append(_note("repeated images", sentence, repeated))
    return notes


def shared_notes(first: str, second: str, shared: Sequence[SharedImage]) -> list[DataNote]:
    """Remark on photographs that two splits share."""
    copies = [pair for pair in shared if pair.kind != Copy.LOOK]
    alike = [pair for pair in shared if pair.kind == Copy.LOOK]
    notes = []
    if copies:
        notes.append(
            _warning(
                "shared images",
                f"{number_words(len(copies), 'image')} of {second} also in {first}, as the same file or with the same"
                f" pixels: {_named([pair.second.name for pair in copies])}. Scores on {second} are too good:"
                " take them out of one.",
                len(copies),
            )
        )
    if alike:
        notes.append(
            _warning(
                "shared images",
                f"{number_words(len(alike), 'image')} of {second} nearly the same as one of {first}:"
                f" {_named([pair.second.name for pair in alike])}. Such images are"
                " copies that were stored again, or frames of the same film.",
                len(alike),
            )
        )
    return notes


def count_notes(counts: SplitStatistics) -> list[DataNote]:
    """Remark on keypoints that nobody has, and on what reaches outside the images."""
    split, notes = counts.split, []
    never = [entry.name for entry in counts.keypoints if not entry.visible + entry.hidden]
    if never:
        notes.append(
            _warning(
                "keypoints", f"{_named(never)}: labelled for nobody in {split}, so nothing is learned of it.", len(never)
            )
        )
    for number, what in (
        (counts.boxes_outside, "boxes reach over their image and are cut to it"),
        (counts.keypoints_outside_image, "labelled keypoints lie outside their image"),
        (counts.keypoints_outside_box, "labelled keypoints lie outside the box of their person by over a tenth of its side"),
    ):
        if number:
            notes.append(_note("outside", f"{number:,} {what} in {split}.", number))
    if counts.enlarged:
        notes.append(
            _note(
                "small people",
                f"{_people(counts.enlarged)} of {split} ({counts.enlarged / counts.people:.0%}) are so small that the"
                f" network sees them enlarged by more than {MOST_ENLARGED:g}.",
                counts.enlarged,
            )
        )
    return notes


def sides_notes(found: Mapping[str, Sides]) -> list[DataNote]:
    """Remark on left and right: in each split, and where splits differ."""
    notes = [note for split, sides in found.items() for note in _split_sides(split, sides)]
    shares = {split: share for split, sides in found.items() if (share := front_share(sides)) is not None}
    for first, second in combinations(shares, 2):
        if abs(shares[first] - shares[second]) > DIFFERENT_SPLITS:
            notes.append(
                _warning(
                    "left and right",
                    f"{shares[first]:.0%} of the people of {first} are labelled as seen from the front, but"
                    f" {shares[second]:.0%} of those of {second}. Left and right may be exchanged throughout one of them.",
                )
            )
    return notes


def front_share(sides: Sides) -> float | None:
    """The share of people labelled as seen from the front, from 0 to 1; None where too few turn clearly."""
    clear = int((sides.torso != 0).sum())
    return float((sides.torso > 0).sum()) / clear if clear >= MIN_PEOPLE else None


def _split_sides(split: str, sides: Sides) -> list[DataNote]:
    notes = []
    faces, wrong = int((sides.face != 0).sum()), int((sides.face < 0).sum())
    if wrong > faces / 2:
        notes.append(
            _warning(
                "left and right",
                f"Left and right look exchanged throughout {split}. In {wrong} of {number_words(faces, 'face')} with nose"
                f" and both eyes, the left eye is on the wrong side of the nose. {ADVICE_ON_SIDES}",
                wrong,
            )
        )
    suspicious = len(sides.suspicious)
    if suspicious and wrong <= faces / 2:
        people = len(sides.conflicts)
        serious = suspicious >= max(SUSPICIOUS_COUNT, SUSPICIOUS_SHARE * people)
        kinds = [f"{count} where {kind}" for kind in Conflict if (count := sum(kind in entry for entry in sides.conflicts))]
        notes.append(
            DataNote(
                topic="left and right",
                severity=Severity.WARNING if serious else Severity.NOTE,
                sentence=f"{_people(suspicious)} of {split} ({suspicious / people:.1%}) have sides that contradict each"
                f" other: {'; '.join(kinds)}. The page draws them first; most such people have a left and a right"
                " exchanged.",
                count=suspicious,
            )
        )
    share = front_share(sides)
    if share is not None and not faces:
        clear = int((sides.torso != 0).sum())
        behind = int((sides.torso < 0).sum())
        sentence = (
            f"{behind:,} of {clear:,} people of {split} ({behind / clear:.0%}) whose turn is clear are labelled as seen from"
            " behind. These keypoints have no eyes to check that by: look at those people on the page."
        )
        severity = Severity.NOTE
        if 1 - share > MOSTLY_BEHIND:
            severity = Severity.WARNING
            sentence += " Photographs mostly show people from the front, so left and right may be exchanged throughout."
        notes.append(DataNote(topic="left and right", severity=severity, sentence=sentence, count=max(1, behind)))
    return notes + _upside_down(split, sides)


def _upside_down(split: str, sides: Sides) -> list[DataNote]:
    """Remark on sides that seem to follow the picture instead of the person."""
    clear = sides.torso != 0
    groups = [sides.torso[clear & (sides.upside_down == down)] < 0 for down in (True, False)]
    if min(map(len, groups)) < MIN_PEOPLE:
        return []
    below, others = (float(behind.mean()) for behind in groups)
    if below - others <= DIFFERENT_UPSIDE_DOWN:
        return []
    return [
        _note(
            "left and right",
            f"{below:.0%} of the people of {split} who are upside down are labelled as seen from behind, but {others:.0%} of"
            " all others. Some of their sides may follow the picture, not the person.",
            len(groups[0]),
        )
    ]


def _image_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _named(names: Sequence[str], between: str = ", ") -> str:
    """The first of some names, and how many more there are."""
    rest = len(names) - MOST_NAMED
    return between.join(names[:MOST_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _note(topic: str, sentence: str, count: int = 1) -> DataNote:
    return DataNote(topic=topic, severity=Severity.NOTE, sentence=sentence, count=count)


def _warning(topic: str, sentence: str, count: int = 1) -> DataNote:
    return DataNote(topic=topic, severity=Severity.WARNING, sentence=sentence, count=count)
