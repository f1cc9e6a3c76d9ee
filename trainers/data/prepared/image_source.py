"""The source of a data set's pictures, and the handling of people whose image is broken.

Training may leave them out, if told so, and says whom. Validation never does: a score of fewer people is not the score.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from trainers.data.config import SKIP, STOP, DataConfig
from trainers.data.formats.coco import Person
from trainers.data.images.image_check import broken_images
from trainers.data.prepared.prepared_set import PreparedPictures, PreparedSource, find_prepared

# Told whatever the level of other loggers: who trains on fewer people must know.
notices = logging.getLogger("dite_search.notices")
notices.setLevel(logging.WARNING)


def training_pictures(
    data: DataConfig, input_size: tuple[int, int], people: list[Person] | None = None
) -> tuple[list[Person], PreparedPictures | None]:
    """The people to learn from and, where there is a prepared set, their pictures.

    With ``on_broken_image`` ``skip`` those of broken images are left out, with a notice that names the files. A prepared set
    knows them; without one every image is read once to find them. ``people`` are those of the training split, where they
    have been read before.

    Raises InvalidInput for a prepared set that is stale or damaged, or where people were left out of it but should not be.
    So it does where nobody is left.
    """
    if people is None:
        people = data.people(data.train_split)
    source = _source(data, data.train_split, input_size)
    if source is not None:
        broken = source.broken
        if broken and data.on_broken_image == STOP:
            raise InvalidInput(
                f"prepared {source.manifest.directory} lacks the people of {_images(broken)}:"
                " mend the files and prepare again, or train without them by on_broken_image skip"
            )
    else:
        broken = broken_images(people, data.on_orientation) if data.on_broken_image == SKIP else {}
    if broken:
        everybody = len(people)
        people = [person for person in people if person.image_path not in broken]
        if not people:
            raise InvalidInput(f"on_broken_image skip leaves nobody to learn from: {_images(broken)} broken")
        notices.warning("training without %d of %d people: %s broken", everybody - len(people), everybody, _images(broken))
    return people, source.pictures(people) if source else None


def validation_pictures(data: DataConfig, people: Sequence[Person], input_size: tuple[int, int]) -> PreparedPictures | None:
    """The pictures of annotated people to be scored on, where a prepared set has them as they are in the images.

    A person without one is read from the image, and an image that cannot be read stops the validation.
    """
    return None if data.detections is not None else _plain_pictures(data, data.val_split, people, input_size)


def held_out_pictures(data: DataConfig, people: Sequence[Person], input_size: tuple[int, int]) -> PreparedPictures | None:
    """The pictures of people of the training split as they are in the images, for samples that do not vary."""
    return _plain_pictures(data, data.train_split, people, input_size)


def _plain_pictures(
    data: DataConfig, split: str, people: Sequence[Person], input_size: tuple[int, int]
) -> PreparedPictures | None:
    source = _source(data, split, input_size, optional=True)
    return source.pictures(people) if source and not source.manifest.reduced else None


def _source(data: DataConfig, split: str, input_size: tuple[int, int], *, optional: bool = False) -> PreparedSource | None:
    found = find_prepared(
        data.root,
        split=split,
        format=data.format,
        input_size=input_size,
        directory=data.prepared,
        on_orientation=data.on_orientation,
    )
    if found is None or (optional and split not in found.splits):
        return None
    return PreparedSource(found, root=data.root, split=split, annotation_file=data.annotation_file(split))


def _images(broken: Mapping[Path, str]) -> str:
    count = len(broken)
    return f"{count} image{'s' if count > 1 else ''} ({', '.join(str(path) for path in broken)})"
