"""People of a split in pictures: drawn with their names, and as a network gets them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.data_page.reading import SplitData
from analysis.data_page.sides import Sides
from analysis.errors.drawing import CENTRE, Picture, draw_labelled, encoded, sides
from analysis.pareto.front import Array
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person
from trainers.data.geometry.transforms import crop_of_box
from trainers.data.images.images import read_image
from trainers.data.images.orientation import APPLY

LINE_HEIGHT = 15.0
LETTER_WIDTH = 6.6
LONGEST_NAME = 22
GAP = 8.0
"""Between a picture and the names beside it, in pixels of the drawing, as all sizes here."""


@dataclass(frozen=True, kw_only=True)
class NameTag:
    """A keypoint's name beside a picture, and the line from it to the point."""

    name: str
    side: str
    x: float
    y: float
    point_x: float
    point_y: float
    is_right: bool


@dataclass(frozen=True, kw_only=True)
class LabelledPicture:
    """A person's picture with names in its margins, of ``width`` x ``height``; the picture begins at ``left``."""

    webp: bytes
    width: float
    height: float
    left: float
    picture_width: int
    tags: tuple[NameTag, ...]
    caption: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture as a data: URI."""
        return f"data:image/webp;base64,{base64.b64encode(self.webp).decode()}"


def choose_people(split: SplitData, count: int, generator: np.random.Generator, broken: set[Path]) -> list[int]:
    """Choose ``count`` people of usable images, one from each of as many groups of equal size, by the height of the box."""
    usable = [row for row, person in enumerate(split.people) if person.image_path not in broken]
    usable.sort(key=lambda row: split.people[row].box[3])
    strata = np.array_split(np.array(usable, np.int64), max(1, min(count, len(usable))))
    return [int(generator.choice(rows)) for rows in strata if len(rows)]


def seen_from_behind(split: SplitData, found: Sides, count: int, broken: set[Path]) -> list[int]:
    """Choose ``count`` people who are labelled as seen from behind without a conflict, large and clear ones first.

    Half of them are upside down where so many are.
    """
    rows = [
        row
        for row, person in enumerate(split.people)
        if found.torso[row] < 0 and not found.conflicts[row] and person.image_path not in broken
    ]
    rows.sort(key=lambda row: -split.people[row].box[3] * float(found.clearness[row]))
    upright, others = ([row for row in rows if found.upside_down[row] == down] for down in (False, True))
    kept = others[: max(count // 2, count - len(upright))]
    return upright[: count - len(kept)] + kept


def labelled_picture(
    person: Person,
    keypoint_set: KeypointSet,
    input_size: tuple[int, int],
    caption: str,
    *,
    on_orientation: str = APPLY,
) -> LabelledPicture:
    """Draw a person's skeleton on the photograph, and its names beside it."""
    assert person.keypoints is not None
    crop = crop_of_box(person.box, input_size)
    image = read_image(person.image_path, on_orientation=on_orientation)
    picture, points = draw_labelled(image, crop, person.keypoints, keypoint_set)
    known = np.flatnonzero(person.keypoints[:, 2] > 0)
    return framed(picture, points, known, keypoint_set, caption)


def framed(
    picture: Picture, points: Array, known: NDArray[np.integer], keypoint_set: KeypointSet, caption: str
) -> LabelledPicture:
    """Lay out the names of known points (K, 2) in the margins of a picture, each on the side it is nearer to."""
    height, width = picture.shape[:2]
    names = [_shortened(name.replace("_", " ")) for name in keypoint_set.names]
    order = sorted(known.tolist(), key=lambda index: float(points[index, 0]))
    columns = (order[: (len(order) + 1) // 2], order[(len(order) + 1) // 2 :])
    # Each margin is as wide as its longest name, so that a picture without long names stays small.
    margins = [GAP + LETTER_WIDTH * max((len(names[index]) for index in column), default=0) + GAP for column in columns]
    side_of = sides(keypoint_set)
    tags = []
    for is_right, column in enumerate(columns):
        column = sorted(column, key=lambda index: float(points[index, 1]))
        places = spaced([float(points[index, 1]) for index in column], LINE_HEIGHT, height)
        for index, y in zip(column, places, strict=True):
            tags.append(
                NameTag(
                    name=names[index],
                    side=side_of[index],
                    x=margins[0] + width + GAP if is_right else margins[0] - GAP,
                    y=y,
                    point_x=margins[0] + float(np.clip(points[index, 0], 0, width)),
                    point_y=float(np.clip(points[index, 1], 0, height)),
                    is_right=bool(is_right),
                )
            )
    said = {side: sum(tag.side == side for tag in tags) for side in (*dict.fromkeys(tag.side for tag in tags),)}
    words = ", ".join(f"{count} {'in the middle' if side == CENTRE else f'on the {side}'}" for side, count in said.items())
    return LabelledPicture(
        webp=encoded(picture),
        width=width + sum(margins),
        height=height,
        left=margins[0],
        picture_width=width,
        tags=tuple(tags),
        caption=caption,
        alt=f"{caption}. Labelled keypoints: {words or 'none'}.",
    )


def spaced(wanted: Sequence[float], gap: float, height: float) -> list[float]:
    """Move places in ascending order as little as needed to lie ``gap`` apart and, where there is room, within a height."""
    placed: list[float] = []
    for place in wanted:
        placed.append(max(place, placed[-1] + gap) if placed else max(place, gap / 2))
    limit = height - gap / 2
    for index in reversed(range(len(placed))):
        if placed[index] > limit:
            placed[index] = limit
        limit = placed[index] - gap
    return placed


def caption_of(split: SplitData, person: Person) -> str:
    """Name a person: the split, the file and the annotation."""
    return f"{split.name}, {person.image_path.name}, annotation {person.annotation_id}"


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
