"""A look at a folder of data: its format, its splits, its people, and how large they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from dite_search.config.data_section import DataSection
from dite_search.config.mistakes.sentences import file_error, sentences_of
from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.config import DataConfig
from trainers.data.formats.coco import Person
from trainers.data.formats.data_format import COCO, FORMATS
from trainers.data.formats.layout import TRAIN, VAL

VAL_SHARE = 0.2
"""The share of the images to be scored on, where the data have no split of their own."""
_SPLITS = {TRAIN: re.compile("train", re.IGNORECASE), VAL: re.compile("val", re.IGNORECASE)}
_MOST_FILES = 1000
"""Files of a folder that are looked at for annotations."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The people and images in a folder of data.

    Args:
        section: The fields of ``data`` of a search file.
        data: The data set.
        keypoint_set: Its keypoints.
        training_people: The people to learn from.
        training_images: The images that show them.
        validation_people: The people to be scored on.
        validation_images: The images that show them.
        height: The median height of a person's box, in pixels.
    """

    section: Mapping[str, Any]
    data: DataConfig
    keypoint_set: KeypointSet
    training_people: int
    training_images: int
    validation_people: int
    validation_images: int
    height: float


def survey(folder: Path, options: Mapping[str, Any]) -> Survey:
    """Look at a folder of data; ``options`` are fields of ``data`` that a user gives, None for those left open.

    Raises:
        InvalidInput: the folder is missing, is of no layout that is known, or its annotations break a rule.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} must be a folder with annotations and images, and is none")
    section = _section(folder, {name: value for name, value in options.items() if value is not None})
    try:
        checked = DataSection.model_validate(section)
    except ValidationError as error:
        raise file_error(str(folder), sentences_of(error, DataSection, "the data")) from None
    data = checked.data_config(checked.folder or folder)
    learned, scored = data.people(data.train_split), data.validation_people()
    return Survey(
        section=section,
        data=data,
        keypoint_set=data.keypoint_set,
        training_people=len(learned),
        training_images=_images(learned),
        validation_people=len(scored),
        validation_images=_images(scored),
        height=float(np.median([person.box[3] for person in learned])),
    )


def _images(people: list[Person]) -> int:
    return len({person.image_id for person in people})


def folder_name(folder: Path) -> str:
    """Return the name by which its user calls a folder, which may be a link to another."""
    return Path(os.path.abspath(folder)).name


def _section(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``data`` for a folder: in the layout of a format, or with annotations in COCO's form."""
    root = {"name": folder_name(folder), "root": str(folder)}
    names = [given["format"]] if "format" in given else list(FORMATS)
    for name in names:
        if _has(folder, name, TRAIN):
            known = {} if name == COCO.name else {"format": name}
            share = {} if _has(folder, name, VAL) or "val_share" in given else {"val_share": VAL_SHARE}
            return {**root, **known, **share, **given}
    files = list(_coco_files(folder)) if set(names) & {COCO.name} else []
    by_split = {
        split: [file for file in files if pattern.search(str(file.relative_to(folder)))]
        for split, pattern in _SPLITS.items()
    }
    one_each = all(len(found) == 1 for found in by_split.values()) and by_split[TRAIN] != by_split[VAL]
    if one_each and "val_share" not in given:
        places = {split: _place(found[0], folder) for split, found in by_split.items()}
        return {**root, **places, **given}
    if len(files) == 1:
        return {**root, **_place(files[0], folder), "val_share": VAL_SHARE, **given}
    found = f"{len(files)} files in COCO's form" if files else "no file in COCO's form"
    raise InvalidInput(
        f"{folder} must hold annotations of one of the formats {', '.join(FORMATS)}, one JSON file in COCO's form, or one"
        f" for train and one for val, but has {found}"
    )


def _has(folder: Path, name: str, split: str) -> bool:
    """Whether a folder has a split in the published layout of a format."""
    try:
        FORMATS[name].find_split(folder, split)
    except InvalidInput:
        return False
    return True


def _coco_files(folder: Path) -> Iterator[Path]:
    """Yield the JSON files in COCO's form in a folder and the folders in it."""
    candidates = sorted([*folder.glob("*.json"), *folder.glob("*/*.json")])
    for file in candidates[:_MOST_FILES]:
        try:
            document = json.loads(file.read_bytes())
        except (OSError, ValueError):
            # A file of something else is no file of annotations.
            continue
        if isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys():
            yield file


def _place(file: Path, folder: Path) -> dict[str, str]:
    """Return a file of annotations and the folder of its images, both below the root.

    Raises:
        InvalidInput: the first image of the file is in no folder near it.
    """
    entries = json.loads(file.read_bytes())["images"]
    first = entries[0].get("file_name") if isinstance(entries, list) and entries and isinstance(entries[0], dict) else None
    places = [file.parent, folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = next((place for place in places if isinstance(first, str) and (place / first).is_file()), None)
    if found is None:
        raise InvalidInput(f"{file} must be of images in {folder} or a folder in it, but {first!r} lies in none of them")
    return {
        "annotations": str(file.relative_to(folder)),
        "images": str(found.relative_to(folder)) if found != folder else ".",
    }
