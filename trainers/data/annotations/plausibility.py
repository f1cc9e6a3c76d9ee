"""Remarks on annotations that can be read and hardly be meant: areas, boxes and repetitions that falsify a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainers.data.annotations.annotations import OUTSIDE as OUTSIDE_REASON
from trainers.data.annotations.annotations import Annotation, counts_in_scores, reason_left_out
from trainers.data.annotations.notes import DataNote, Severity

SMALLEST_SHARE, LARGEST_SHARE = 0.01, 1.2
"""Shares of its box that the area of a person has: below and above, the area is hardly the person's."""
NEARLY_ALL = 0.95
CORNERS_BEYOND = 0.5
"""Share of boxes that reach beyond their images where corners are read as widths and heights."""
APART_SHARE = 0.5
"""Share of people with most keypoints outside their own box from which boxes or keypoints are in another form."""
FEWEST_PLACED = 5
"""People below which that share says nothing: a few may be annotated carelessly."""
PIXEL = 1.0


def implausible(
    annotations: Sequence[Annotation], sizes: Mapping[int, tuple[int, int]], file: Path, *, own_areas: bool
) -> list[DataNote]:
    """Return warnings about the people whom scores ask for.

    Args:
        annotations: The annotations of people, in the form of `trainers.data.formats.coco_file.CocoFile`.
        sizes: The (height, width) of each image.
        file: The annotation file, for the sentences.
        own_areas: Whether the file gives the areas; where boxes stand for them nothing can be said of them.
    """
    people = [annotation for annotation in annotations if counts_in_scores(annotation)]
    notes = area_notes(people, file) if own_areas else []
    return [
        *notes,
        *box_notes(people, sizes, file),
        *keypoint_place_notes(people, file),
        *repetition_notes(people, file),
    ]


def area_notes(people: Sequence[Annotation], file: Path) -> list[DataNote]:
    """Return warnings about areas that do not fit their boxes, and a note where they are the boxes'."""
    shares = [
        person["area"] / (person["bbox"][2] * person["bbox"][3])
        for person in people
        if person["bbox"][2] * person["bbox"][3] > 0
    ]
    tiny = sum(share < SMALLEST_SHARE for share in shares)
    huge = sum(share > LARGEST_SHARE for share in shares)
    boxes = sum(abs(share - 1) < 1e-3 for share in shares)
    notes = []
    if tiny:
        notes.append(
            _warning(
                "area",
                tiny,
                f"{file}: the area of {tiny} of {len(people)} people is below {SMALLEST_SHARE:.0%} of their box, so that AP"
                " counts nearly all their keypoints as wrong and comes out too low; 'area' must be that of the person in"
                " square pixels",
            )
        )
    if huge:
        notes.append(
            _warning(
                "area",
                huge,
                f"{file}: the area of {huge} of {len(people)} people is above {LARGEST_SHARE} times their box, so that AP"
                " forgives large errors and comes out too high; 'area' must be that of the person in square pixels",
            )
        )
    if shares and boxes >= NEARLY_ALL * len(shares):
        notes.append(
            DataNote(
                topic="area",
                severity=Severity.NOTE,
                sentence=f"{file}: the area of {boxes} of {len(people)} people is width times height of their box, so that"
                " AP comes out higher than with the areas of outlines, and compares with no published figure",
                count=boxes,
            )
        )
    return notes


def box_notes(people: Sequence[Annotation], sizes: Mapping[int, tuple[int, int]], file: Path) -> list[DataNote]:
    """Return warnings about boxes that look like corners or fractions, or that lie outside their images."""
    if not people:
        return []
    notes = _form_notes([(person["bbox"], sizes[person["image_id"]]) for person in people], "people", file)
    points = sum(_may_be_fractions(person["keypoints"]) for person in people)
    if points >= NEARLY_ALL * len(people):
        notes.append(
            _warning(
                "keypoints",
                points,
                f"{file}: all keypoints of {points} of {len(people)} people are at most 1, like fractions of the image:"
                " 'keypoints' must be in pixels, or AP is wrong",
            )
        )
    outside = sum(reason_left_out(person, sizes[person["image_id"]]) == OUTSIDE_REASON for person in people)
    if outside:
        notes.append(
            _warning(
                "boxes",
                outside,
                f"{file}: the boxes of {outside} of {len(people)} people lie outside their images or have no extent: nobody"
                " learns from these people or predicts them in annotated boxes, and AP counts them as missed",
            )
        )
    return notes


def keypoint_place_notes(people: Sequence[Annotation], file: Path) -> list[DataNote]:
    """Return a warning where boxes and keypoints do not belong together, as with boxes given by their centres."""
    placed = [person for person in people if not (_is_fractions(person["bbox"]) or _may_be_fractions(person["keypoints"]))]
    apart = sum(_mostly_outside(person) for person in placed)
    if len(placed) < FEWEST_PLACED or apart < APART_SHARE * len(placed):
        return []
    return [
        _warning(
            "boxes",
            apart,
            f"{file}: most keypoints of {apart} of {len(people)} people lie outside the person's own box, so that networks"
            " see little of these people and AP is wrong: 'bbox' must be x and y of the top left corner (not of the centre),"
            " width and height, and keypoints must be in the same pixels",
        )
    ]


def detection_notes(boxes: Sequence[tuple[Sequence[float], tuple[int, int]]], file: Path) -> list[DataNote]:
    """Return warnings about detected boxes, each with its image's (height, width), that look like corners or fractions."""
    return _form_notes(boxes, "detections", file) if boxes else []


def repetition_notes(people: Sequence[Annotation], file: Path) -> list[DataNote]:
    """Return a warning where people are annotated more than once with the very same box and keypoints."""
    times = Counter((person["image_id"], tuple(person["bbox"]), tuple(person["keypoints"])) for person in people)
    again = sum(times.values()) - len(times)
    if not again:
        return []
    return [
        _warning(
            "repetitions",
            again,
            f"{file}: {again} of {len(people)} annotations of people repeat the box and the keypoints of another in the same"
            " image; each counts as a person of its own, so that AP counts the repetitions as missed: take them out",
        )
    ]


def _form_notes(boxes: Sequence[tuple[Sequence[float], tuple[int, int]]], noun: str, file: Path) -> list[DataNote]:
    """Return warnings about boxes, at least one, in another form than x, y, width, height in pixels."""
    notes = []
    corners = sum(_may_be_corners(box, size) for box, size in boxes)
    beyond = sum(_reaches_beyond(box, size) for box, size in boxes)
    if corners >= NEARLY_ALL * len(boxes) and beyond >= CORNERS_BEYOND * len(boxes):
        notes.append(
            _warning(
                "boxes",
                beyond,
                f"{file}: boxes look like two corners (x1, y1, x2, y2), and {beyond} of {len(boxes)} reach beyond their"
                " images: 'bbox' must be x, y, width, height, or people are cut out too large and AP is wrong",
            )
        )
    fractions = sum(_is_fractions(box) for box, _ in boxes)
    if fractions >= NEARLY_ALL * len(boxes):
        notes.append(
            _warning(
                "boxes",
                fractions,
                f"{file}: all numbers in the boxes of {fractions} of {len(boxes)} {noun} are at most 1, like fractions of"
                " the image: 'bbox' must be in pixels, or nothing is seen of the people and AP is wrong",
            )
        )
    return notes


def _warning(topic: str, count: int, sentence: str) -> DataNote:
    return DataNote(topic=topic, severity=Severity.WARNING, sentence=sentence, count=count)


def _may_be_corners(box: Sequence[float], size: tuple[int, int]) -> bool:
    x, y, right, bottom = box
    return x < right <= size[1] + PIXEL and y < bottom <= size[0] + PIXEL


def _reaches_beyond(box: Sequence[float], size: tuple[int, int]) -> bool:
    x, y, width, height = box
    return x + width > size[1] + PIXEL or y + height > size[0] + PIXEL


def _is_fractions(box: Sequence[float]) -> bool:
    return all(-1 <= value <= 1 for value in box)


def _mostly_outside(person: Annotation) -> bool:
    x, y, width, height = person["bbox"]
    values = person["keypoints"]
    labelled = [(px, py) for px, py, seen in zip(values[0::3], values[1::3], values[2::3], strict=True) if seen]
    inside = sum(x - PIXEL <= px <= x + width + PIXEL and y - PIXEL <= py <= y + height + PIXEL for px, py in labelled)
    return bool(2 * inside < len(labelled))


def _may_be_fractions(keypoints: Sequence[float]) -> bool:
    places = zip(keypoints[0::3], keypoints[1::3], keypoints[2::3], strict=True)
    return all(-1 <= x <= 1 and -1 <= y <= 1 for x, y, visibility in places if visibility)
