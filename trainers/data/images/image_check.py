"""Reading the images of people before they are needed: which are broken, and which a camera wants to be turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.notes import DataNote, Severity
from trainers.data.formats.coco import Person
from trainers.data.images.images import decode_image, read_image_file
from trainers.data.images.orientation import APPLY, IGNORE, UPRIGHT, displayed_size, orientation_of

ORIENTATION = "orientation"
"""The topic of the remark on images that are not stored upright."""


@dataclass(frozen=True, kw_only=True)
class ImageState:
    """An image as it was read: why it cannot be used, or None, and its orientation tag."""

    problem: str | None
    orientation: int = UPRIGHT


def image_states(people: Sequence[Person], on_orientation: str) -> dict[Path, ImageState]:
    """Read every image of these people, on as many threads as torch has, and return its state; in the people's order."""
    sizes = {person.image_path: person.image_size for person in people}

    def state(path: Path) -> ImageState:
        try:
            data = read_image_file(path)
            decode_image(data, path, size=sizes[path], on_orientation=on_orientation)
        except InvalidInput as error:
            return ImageState(problem=str(error))
        return ImageState(problem=None, orientation=orientation_of(data))

    # Decoding leaves the interpreter to others.
    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        return dict(zip(sizes, pool.map(state, sizes), strict=True))


def broken_images(people: Sequence[Person], on_orientation: str) -> dict[Path, str]:
    """Return every image of these people that cannot be read as annotated, and why; in the people's order."""
    states = image_states(people, on_orientation)
    return {path: state.problem for path, state in states.items() if state.problem}


def image_notes(people: Sequence[Person], annotation_file: Path, *, on_orientation: str) -> list[DataNote]:
    """Read the images of people who are scored, and return the remarks on them.

    Args:
        people: The people, annotated or detected.
        annotation_file: The file that names their images, for the remarks.
        on_orientation: The rule of `trainers.data.images.orientation` by which they are read.

    Raises:
        InvalidInput: an image is broken or not of its annotated size; the message says of how many that is true.
    """
    states = image_states(people, on_orientation)
    problems = [state.problem for state in states.values() if state.problem]
    if problems:
        more = f" (and {len(problems) - 1} more of {len(states)} images to be scored cannot be read)"
        raise InvalidInput(f"{problems[0]}{more if len(problems) > 1 else ''}")
    found = {path: state.orientation for path, state in states.items()}
    return tag_notes(found, people, annotation_file, on_orientation=on_orientation)


def orientation_notes(people: Sequence[Person], annotation_file: Path, *, on_orientation: str) -> list[DataNote]:
    """Return the remarks of `image_notes` without decoding an image; one that cannot be read is passed over."""

    def orientation(path: Path) -> int:
        try:
            return orientation_of(read_image_file(path))
        except InvalidInput:
            return UPRIGHT

    paths = list(dict.fromkeys(person.image_path for person in people))
    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        found = dict(zip(paths, pool.map(orientation, paths), strict=True))
    return tag_notes(found, people, annotation_file, on_orientation=on_orientation)


def tag_notes(
    orientations: Mapping[Path, int],
    people: Sequence[Person],
    annotation_file: Path,
    *,
    on_orientation: str,
    purpose: str = "to be scored by",
) -> list[DataNote]:
    """Return the remark on images that are not stored upright; a warning where their size does not tell who is right.

    Args:
        orientations: The tag of every image of the people.
        people: The people.
        annotation_file: The file that names their images.
        on_orientation: The rule of `trainers.data.images.orientation` by which they are read.
        purpose: Words between the images and the file.
    """
    turned = [path for path, orientation in orientations.items() if orientation != UPRIGHT]
    if not turned:
        return []
    sizes = {person.image_path: person.image_size for person in people}
    untold = [path for path in turned if _keeps_size(orientations[path], sizes[path])]
    applied = on_orientation == APPLY
    sentence = (
        f"{len(turned)} of {len(orientations)} images {purpose} {annotation_file} carry an orientation tag, which is"
        f" {'applied, as annotation tools do' if applied else 'ignored'}"
    )
    if untold:
        frame, rule = ("as they are stored", IGNORE) if applied else ("as they are displayed", APPLY)
        sentence += (
            f"; the size of {len(untold)} of them does not tell whether that is right, {untold[0].name} first: choose"
            f" on_orientation {rule} if boxes and keypoints are of the images {frame}"
        )
    severity = Severity.WARNING if untold else Severity.NOTE
    return [DataNote(topic=ORIENTATION, severity=severity, sentence=sentence, count=len(turned))]


def _keeps_size(orientation: int, size: tuple[int, int] | None) -> bool:
    """Whether an image has the same annotated size as stored and as displayed, as far as its annotations say one."""
    return size is None or displayed_size(size, orientation) == tuple(size)
