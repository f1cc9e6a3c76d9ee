"""Layouts of a user's own: where each split lies, or how one annotation file is parted into two."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import read_mapping
from trainers.data.annotations.json_fields import field, is_finite, shown
from trainers.data.formats.coco import CocoSplit, require_folder
from trainers.data.formats.json_file import read_json

TRAIN, VAL, TEST = "train", "val", "test"
NAMES = (TRAIN, VAL, TEST)
IMAGE = "image"
"""Group of each image alone, where no field groups images."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An annotation file in COCO's layout and the folder of its images."""

    annotations: Path
    images: Path


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the splits of a data set lie.

    Args:
        splits: The place of each split; none where ``whole`` is parted.
        whole: The place of all people; None where each split has a place of its own.
        split_list: A YAML or JSON file that names the images of each split of ``whole``, by file name or id.
        val_share: The share of the images of ``whole`` that are scored on, where no list parts them.
        group_by: The field of an image, or of its annotations, whose equal values stay in one split; `IMAGE` for none.

    Raises:
        InvalidInput: fields contradict one another, or a share is out of its range.
    """

    splits: Mapping[str, Place] = dataclasses.field(default_factory=dict)
    whole: Place | None = None
    split_list: Path | None = None
    val_share: float | None = None
    group_by: str = IMAGE

    def __post_init__(self) -> None:
        if bool(self.splits) == (self.whole is not None):
            raise InvalidInput("data must name the place of each split, or annotations and images of all, and not both")
        if self.whole is None and (self.split_list or self.val_share is not None):
            raise InvalidInput("split and val_share must be left out where each split has a place of its own")
        if self.whole is not None and (self.split_list is None) == (self.val_share is None):
            raise InvalidInput("annotations of all splits must be parted by split, a list, or by val_share, and not by both")
        if self.val_share is not None and not (is_finite(self.val_share) and 0 < self.val_share < 1):
            raise InvalidInput(f"val_share must be a number above 0 and below 1, got {shown(self.val_share)}")
        if self.group_by != IMAGE and self.val_share is None:
            raise InvalidInput(f"group_by must come with val_share, got {shown(self.group_by)} alone")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the splits."""
        if self.splits:
            return tuple(self.splits)
        return (TRAIN, VAL) if self.split_list is None else tuple(_listed(self.split_list))

    def find(self, split: str) -> CocoSplit:
        """Return the place of a split.

        Raises:
            InvalidInput: there is no such split, or its file or folder is missing.
        """
        if split not in self.names:
            raise unknown_name("split", split, self.names)
        place = self.whole or self.splits[split]
        if not place.annotations.is_file():
            raise InvalidInput(f"annotation file not found: {place.annotations}")
        require_folder(place.images, "image folder")
        part = None if self.whole is None else _Part(layout=self, split=split, file=place.annotations)
        return CocoSplit(annotation_file=place.annotations, image_dir=place.images, part=part)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; `from_dict` reads them."""
        values: dict[str, Any] = {
            "splits": {name: {"annotations": str(p.annotations), "images": str(p.images)} for name, p in self.splits.items()}
        }
        if self.whole:
            values |= {"whole": {"annotations": str(self.whole.annotations), "images": str(self.whole.images)}}
            values |= {"split_list": str(self.split_list) if self.split_list else None}
            values |= {"val_share": self.val_share, "group_by": self.group_by}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Layout:
        """Return the inverse of `to_dict`."""

        def place(entry: Mapping[str, str]) -> Place:
            return Place(annotations=Path(entry["annotations"]).absolute(), images=Path(entry["images"]).absolute())

        whole, listed = values.get("whole"), values.get("split_list")
        return cls(
            splits={name: place(entry) for name, entry in (values.get("splits") or {}).items()},
            whole=place(whole) if whole else None,
            split_list=Path(listed).absolute() if listed else None,
            val_share=values.get("val_share"),
            group_by=values.get("group_by") or IMAGE,
        )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The images of one split of a document, and their annotations."""

    layout: Layout
    split: str
    file: Path

    def __call__(self, document: Any) -> Any:
        """Return the part of a parsed document; one that is no COCO document is left to the reader."""
        if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in ("images", "annotations")):
            return document
        members = split_images(document, self.layout, self.file)[self.split]
        return {
            **document,
            "images": [entry for entry in document["images"] if _id(entry) in members],
            "annotations": [entry for entry in document["annotations"] if _image_of(entry) in members],
        }


def split_images(document: Mapping[str, Any], layout: Layout, file: Path) -> dict[str, set[Any]]:
    """Return the ids of the images of each split of a document of all splits.

    Raises:
        InvalidInput: the list names an image that is not there, or twice; or images cannot be parted as asked.
    """
    if layout.split_list is not None:
        return _by_list(document, _listed(layout.split_list), layout.split_list, file)
    assert layout.val_share is not None
    return _by_share(document, layout.val_share, layout.group_by, file)


def listed_split(layout: Layout) -> dict[str, list[str]]:
    """Return the images of each split by their file names, as a list of splits holds them."""
    assert layout.whole is not None, "only one file of all people is parted"
    document = read_json(layout.whole.annotations)
    parts = split_images(document, layout, layout.whole.annotations)
    return {
        split: [str(_file_name(entry)) for entry in document["images"] if _id(entry) in members]
        for split, members in parts.items()
    }


def _by_share(document: Mapping[str, Any], share: float, group_by: str, file: Path) -> dict[str, set[Any]]:
    """Part images by the digest of their group: the same groups give the same parts, in whatever order they are listed."""
    groups: dict[str, set[Any]] = defaultdict(set)
    keys = _group_keys(document, group_by, file)
    for number, entry in enumerate(document["images"]):
        image_id = field(entry, "id", int, f"images[{number}] of {file}")
        groups[keys[image_id]].add(image_id)
    if len(groups) < 2:
        raise InvalidInput(f"{file} must have two groups of images or more to be parted by {group_by}, got {len(groups)}")
    ranked = sorted(groups, key=lambda key: hashlib.sha256(key.encode()).digest())
    wanted = share * sum(map(len, groups.values()))
    val: set[Any] = set()
    for key in ranked[:-1]:
        if val and len(val) + len(groups[key]) / 2 > wanted:
            break
        val |= groups[key]
    return {TRAIN: set().union(*groups.values()) - val, VAL: val}


def _group_keys(document: Mapping[str, Any], group_by: str, file: Path) -> dict[Any, str]:
    """Return the group of every image by its id."""
    images = {_id(entry): entry for entry in document["images"]}
    if group_by == IMAGE:
        return {
            image_id: str(entry.get("file_name", image_id)) for image_id, entry in images.items() if isinstance(entry, dict)
        }
    found = {i: str(entry[group_by]) for i, entry in images.items() if isinstance(entry, dict) and group_by in entry}
    for entry in document["annotations"]:
        if isinstance(entry, dict) and group_by in entry and _image_of(entry) in images:
            earlier = found.setdefault(_image_of(entry), str(entry[group_by]))
            if earlier != str(entry[group_by]):
                raise InvalidInput(
                    f"{group_by!r} of image {_image_of(entry)} in {file} must have one value to group by, got {earlier!r}"
                    f" and {entry[group_by]!r}"
                )
    missing = [image_id for image_id in images if image_id not in found]
    if missing:
        raise InvalidInput(
            f"{file} must have {group_by!r} in each image or its annotations to group by it, but image {missing[0]} and"
            f" {len(missing) - 1} others have none"
        )
    return found


def _by_list(
    document: Mapping[str, Any], listed: Mapping[str, list[Any]], split_list: Path, file: Path
) -> dict[str, set[Any]]:
    known = {name: _id(entry) for entry in document["images"] for name in (_id(entry), _file_name(entry))}
    found: dict[str, set[Any]] = {}
    taken: dict[Any, str] = {}
    for split, names in listed.items():
        for name in names:
            if name not in known:
                raise InvalidInput(f"{split_list} must name images of {file}, got {shown(name)} in {split}")
            if taken.setdefault(known[name], split) != split:
                raise InvalidInput(f"{split_list} must name each image in one split, got {shown(name)} in two")
        found[split] = {known[name] for name in names}
    return found


def _listed(split_list: Path) -> dict[str, list[Any]]:
    """Return the images of each split of a list of splits; callers only read them."""
    try:
        stat = split_list.stat()
    except OSError:
        return _read_list(split_list, 0, 0)
    return _read_list(split_list, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _read_list(split_list: Path, changed: int, size: int) -> dict[str, list[Any]]:
    del changed, size  # They are there for the cache to forget a file that was written anew.
    values = read_json(split_list) if split_list.suffix == ".json" else read_mapping(split_list)
    if not isinstance(values, dict):
        raise InvalidInput(f"{split_list} must hold the images of each split by its name, got {shown(values)}")
    for name, images in values.items():
        if name not in NAMES:
            raise unknown_name(f"split of {split_list}", str(name), NAMES)
        if not isinstance(images, list) or not images:
            raise InvalidInput(f"{name} of {split_list} must be a list of images, by file name or id, got {shown(images)}")
    if not values:
        raise InvalidInput(f"{split_list} must name the images of {TRAIN} and {VAL}, got none")
    return dict(values)


def _id(entry: Any) -> Any:
    return entry.get("id") if isinstance(entry, dict) else None


def _file_name(entry: Any) -> Any:
    return entry.get("file_name") if isinstance(entry, dict) else None


def _image_of(entry: Any) -> Any:
    return entry.get("image_id") if isinstance(entry, dict) else None
