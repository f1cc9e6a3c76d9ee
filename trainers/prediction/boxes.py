"""The boxes of people in pictures and videos: of a user's files, of a user's own numbers, or none but the picture."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import SMALLEST_EXTENT, Box, clip_box
from trainers.data.annotations.categories import PERSON_NAME, read_categories
from trainers.data.annotations.json_fields import LARGEST_COORDINATE, box_field
from trainers.data.annotations.json_fields import field as checked_field
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person, annotated_people, detected_people
from trainers.data.formats.coco_file import CocoFile, CocoImage, parse_coco, read_image_info
from trainers.data.formats.json_file import read_json
from trainers.prediction.sources import Frame, Source

UNKNOWN_SIZE = (2**31, 2**31)
"""Height and width of a picture that nobody has read yet: no box lies outside."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PersonBoxes:
    """Where the people of pictures and videos are.

    Args:
        find: Returns the people of a frame, without keypoints.
        sources: The pictures and videos whose people are known.
        kind: The origin of the boxes in words.
        ids: The numbers of pictures that a file names; without one, frames are numbered from 1 as they are read.
        sizes: The heights and widths of pictures as a file states them.
        drops_duplicates: Whether a person may have several boxes, of which the best remains.
        notes: Remarks for the user.
    """

    find: Callable[[Frame], Sequence[Person]]
    sources: Sequence[Source]
    kind: str
    ids: Mapping[Path, int] = field(default_factory=dict)
    sizes: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    drops_duplicates: bool = True
    notes: tuple[str, ...] = ()


def person_in(frame: Frame, box: Box, *, score: float = 1.0) -> Person:
    """Return a person of a frame that has a box."""
    return Person(
        image_path=frame.source.path,
        image_id=frame.image_id,
        image_size=frame.size,
        box=box,
        area=box[2] * box[3],
        score=score,
    )


def whole_pictures(sources: Sequence[Source]) -> PersonBoxes:
    """Return boxes where nothing says where people are: each picture is one person's."""

    def find(frame: Frame) -> list[Person]:
        height, width = frame.size
        return [person_in(frame, (0.0, 0.0, float(width), float(height)))]

    note = "no boxes were given, so the whole picture is taken for the box of one person"
    return PersonBoxes(find=find, sources=sources, kind="whole pictures", drops_duplicates=False, notes=(note,))


def given_boxes(sources: Sequence[Source], boxes: Sequence[Box]) -> PersonBoxes:
    """Return the same boxes in each frame; of a frame without a pixel of one, `PersonBoxes.find` raises InvalidInput.

    Raises:
        InvalidInput: a box has no extent, or a number that is none.
    """
    checked = [check_box(box) for box in boxes]

    def find(frame: Frame) -> list[Person]:
        for box in checked:
            if clip_box(box, frame.size) is None:
                height, width = frame.size
                raise InvalidInput(
                    f"a box must show some of {frame.label}, of {width} x {height} pixels, got {_box_text(box)}"
                )
        return [person_in(frame, box) for box in checked]

    return PersonBoxes(find=find, sources=sources, kind="given boxes", drops_duplicates=False)


def parse_box(text: str) -> Box:
    """Return the box of a text such as ``10,20,64,128``: x, y, width and height in pixels.

    Raises:
        InvalidInput: the text is no box.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise InvalidInput(f"a box must be x,y,width,height in pixels, as in 10,20,64,128, got {text!r}")
    x, y, width, height = values
    return check_box((x, y, width, height))


def check_box(box: Sequence[float]) -> Box:
    """Return a box whose numbers are those of a box.

    Raises:
        InvalidInput: a number is not finite or too large, or there is no extent.
    """
    if len(box) != 4 or not all(math.isfinite(value) and abs(value) <= LARGEST_COORDINATE for value in box):
        raise InvalidInput(f"a box must be 4 numbers up to {LARGEST_COORDINATE:g}, got {_box_text(box)}")
    if min(box[2], box[3]) < SMALLEST_EXTENT:
        raise InvalidInput(f"a box must have a width and a height above 0, got {_box_text(box)}")
    x, y, width, height = (float(value) for value in box)
    return x, y, width, height


def annotated_boxes(
    sources: Sequence[Source], annotations: Path, keypoint_set: KeypointSet, *, category: str | int | None = None
) -> PersonBoxes:
    """Return the boxes of a COCO annotation file.

    People are those that an evaluation on the file scores, if it has keypoints of the network's number. Otherwise every
    box of a person counts that is no crowd.

    Args:
        sources: The pictures.
        annotations: The file.
        keypoint_set: The keypoints of the network.
        category: The name or the id of people, where the file does not tell.

    Raises:
        InvalidInput: the file is broken, has nobody, or lists none of the pictures.
    """
    document = read_json(annotations)
    if _has_keypoints(document, keypoint_set.count):
        coco = parse_coco(document, annotations, keypoint_set, category=category)
        people = annotated_people(coco, annotations.parent, require_images=False)
    else:
        coco = read_image_info(annotations)
        people = _boxes_alone(document, coco, category)
    return _of_file(sources, coco, people, kind=f"boxes of {annotations}")


def detected_boxes(
    sources: Sequence[Source], detections: Path, *, annotations: Path | None = None, min_score: float = 0.0
) -> PersonBoxes:
    """Return the boxes of a COCO detections file.

    Its ``image_id`` is a picture's in ``annotations``. Without these it is the number that a picture's file is named by, as
    COCO names them. In one video it is the number of the frame, from 1.

    Args:
        sources: The pictures, or one video.
        detections: The file.
        annotations: A COCO file whose ``images`` name the pictures.
        min_score: The confidence from 0 to 1 from which on a box counts.

    Raises:
        InvalidInput: a file is broken, no box is in a picture, or the pictures have no numbers.
    """
    if not detections.is_file():
        raise InvalidInput(f"file not found: {detections}")
    coco = read_image_info(annotations) if annotations else _numbered_images(sources, detections)
    people = detected_people(coco, detections, detections.parent, score_threshold=min_score, require_images=False)
    kind = f"detections of {detections}"
    if annotations or not sources[0].is_video:
        return _of_file(sources, coco, people, kind=kind, has_sizes=annotations is not None)
    return PersonBoxes(find=_finder(people), sources=sources, kind=kind)


def _of_file(
    sources: Sequence[Source], coco: CocoFile, people: Sequence[Person], *, kind: str, has_sizes: bool = True
) -> PersonBoxes:
    videos = [source.path for source in sources if source.is_video]
    if videos:
        raise InvalidInput(
            f"boxes of a file must be of pictures, or detections of one video, got video {videos[0]} among others"
        )
    images = _listed(sources, coco)
    left_out = len(sources) - len(images)
    if not images:
        raise InvalidInput(f"{coco.path} must list the pictures by their file names, but lists none of {len(sources)}")
    owners: dict[int, Path] = {}
    for path, image in images.items():
        if owners.setdefault(image.image_id, path) != path:
            raise InvalidInput(
                f"{path} and {owners[image.image_id]} must be two images of {coco.path}, but both are its image"
                f" {image.image_id}"
            )
    note = f"{left_out} of {len(sources)} pictures are left out, which {coco.path} does not list"
    return PersonBoxes(
        find=_finder(people),
        sources=[source for source in sources if source.path in images],
        kind=kind,
        ids={path: image.image_id for path, image in images.items()},
        sizes={path: image.size for path, image in images.items()} if has_sizes else {},
        notes=(note,) if left_out else (),
    )


def _finder(people: Sequence[Person]) -> Callable[[Frame], list[Person]]:
    by_image: dict[int, list[Person]] = defaultdict(list)
    for person in people:
        by_image[person.image_id].append(person)

    def find(frame: Frame) -> list[Person]:
        return [
            replace(person, image_path=frame.source.path, image_size=frame.size)
            for person in by_image.get(frame.image_id, ())
            if clip_box(person.box, frame.size) is not None
        ]

    return find


def _listed(sources: Sequence[Source], coco: CocoFile) -> dict[Path, CocoImage]:
    """Return the entry of each picture that a file lists: the longest file name with which the path ends."""
    by_name: dict[str, list[CocoImage]] = defaultdict(list)
    for image in coco.images.values():
        by_name[PurePosixPath(image.file_name).name].append(image)
    found = {}
    for source in sources:
        ending = [
            (len(parts), image)
            for image in by_name.get(source.path.name, ())
            if source.path.absolute().parts[-len(parts := PurePosixPath(image.file_name).parts) :] == parts
        ]
        longest = max((length for length, _ in ending), default=0)
        fitting = [image for length, image in ending if length == longest]
        if len(fitting) > 1:
            raise InvalidInput(f"{coco.path} must list {source.path} once, but has {len(fitting)} images of that name")
        if fitting:
            found[source.path] = fitting[0]
    return found


def _numbered_images(sources: Sequence[Source], detections: Path) -> CocoFile:
    """Return the images that detections without an annotation file can be of."""
    if any(source.is_video for source in sources):
        if len(sources) > 1:
            raise InvalidInput(f"{detections} must be of pictures or of one video, got {len(sources)} files with a video")
        numbers = dict.fromkeys(range(1, sources[0].frames + 1), sources[0].path.name)
    else:
        numbers = {}
        for path in (source.path for source in sources if _is_number(source.path.stem)):
            if numbers.setdefault(int(path.stem), path.name) != path.name:
                raise InvalidInput(
                    f"{path} and {numbers[int(path.stem)]} must not both be image {int(path.stem)} of {detections}"
                )
    if not numbers:
        raise InvalidInput(
            f"{detections} names pictures by numbers, which the names of the pictures are not: give a COCO file that lists"
            " them, too (--annotations)"
        )
    images = {number: CocoImage(image_id=number, file_name=name, size=UNKNOWN_SIZE) for number, name in numbers.items()}
    return CocoFile(path=Path("the given pictures"), images=images, annotations=[])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _has_keypoints(document: Any, count: int) -> bool:
    entries = document.get("annotations") if isinstance(document, dict) else None
    points = [entry.get("keypoints") for entry in entries or () if isinstance(entry, dict)]
    return any(isinstance(values, list) and len(values) == 3 * count for values in points)


def _boxes_alone(document: Any, coco: CocoFile, category: str | int | None) -> list[Person]:
    """Return the people of a file whose annotations have boxes, and no keypoints of the network."""
    categories = read_categories(document, coco.path)
    wanted = str(PERSON_NAME if category is None else category)
    chosen = {number for number, known in categories.items() if wanted in (known.name, str(number))}
    if categories and not chosen:
        names = ", ".join(known.label for known in categories.values())
        raise InvalidInput(f"{coco.path} must have a category {wanted}, got {names}; --category names that of people")
    people = []
    for number, entry in enumerate(checked_field(document, "annotations", list, str(coco.path))):
        where = f"annotations[{number}] of {coco.path}"
        if chosen and checked_field(entry, "category_id", int, where) not in chosen:
            continue
        image = coco.images.get(checked_field(entry, "image_id", int, where))
        box = box_field(entry, where)
        if image is None or entry.get("iscrowd") or (clipped := clip_box(box, image.size)) is None:
            continue
        people.append(
            Person(
                image_path=Path(image.file_name),
                image_id=image.image_id,
                image_size=image.size,
                box=clipped,
                area=clipped[2] * clipped[3],
            )
        )
    if not people:
        raise InvalidInput(f"{coco.path} must hold at least one box of a {wanted} inside its image, but holds none")
    return people


def _box_text(box: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in box)
