"""Reading a prepared set: pictures of people, memory-mapped, checked against the data they were made from.

A prepared set is a folder with one ``manifest.json``, written last, and the shards of `trainers.data.prepared.shards`.
Any number of processes read it at once; the pages of its files are in memory once, whoever reads them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import own_command
from trainers.data.formats.coco import Person
from trainers.data.images.images import decode
from trainers.data.images.orientation import APPLY, displayed, orientation_of
from trainers.data.prepared.regions import Rectangle, Region
from trainers.data.prepared.shards import LAYOUT, ImageRecord, Shard, list_file, read_list, shard_file

MANIFEST = "manifest.json"
STANDARD_FOLDER = "prepared"
"""Folder in the data set's root whose folders are looked through for one that fits."""

_COLUMNS = ("shard", "offset", "length", "crc32", "left", "top", "width", "height", "reduction", "rows", "columns")


@dataclass(frozen=True, kw_only=True)
class PreparedSplit:
    """``annotations`` and their SHA-256, and the shards: name and key of the plan."""

    annotations: str
    sha256: str
    shards: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The settings and the content of a prepared set.

    Args:
        directory: The folder of the set.
        format: The format of the annotations.
        input_size: The height and width of the network's input.
        reduced: Whether larger regions were made smaller for the input.
        splits: The prepared splits, by name.
        on_orientation: The rule by which images were turned.
        category: The category of people, where the user chose it.
    """

    directory: Path
    format: str
    input_size: tuple[int, int]
    reduced: bool
    splits: Mapping[str, PreparedSplit]
    on_orientation: str = APPLY
    category: str | int | None = None

    def serves(self, input_size: tuple[int, int]) -> bool:
        """Whether inputs of that (height, width) see the regions they need, at the resolution they need."""
        height, width = self.input_size
        same_shape = input_size[0] * width == input_size[1] * height
        return same_shape and (not self.reduced or input_size[0] <= height)

    def command(self, root: Path) -> str:
        """Return the command that brings this set up to date."""
        form = () if self.format == "coco" else ("--format", self.format)
        reduced = ("--reduce",) if self.reduced else ()
        size = f"{self.input_size[0]}x{self.input_size[1]}"
        named = () if self.category is None else ("--category", self.category)
        rule = () if self.on_orientation == APPLY else ("--on-orientation", self.on_orientation)
        words = ("--data", root, *form, *named, "--input-size", size, *reduced, *rule, "--output", self.directory)
        return own_command("prepare", *words)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "layout": LAYOUT,
            "format": self.format,
            "input_size": list(self.input_size),
            "reduced": self.reduced,
            "on_orientation": self.on_orientation,
            **({} if self.category is None else {"category": self.category}),
            "splits": {
                name: {"annotations": split.annotations, "sha256": split.sha256, "shards": [list(s) for s in split.shards]}
                for name, split in self.splits.items()
            },
        }


def standard_directory(root: Path, input_size: tuple[int, int]) -> Path:
    """Where a set is prepared unless told otherwise, and found by itself."""
    return Path(root) / STANDARD_FOLDER / f"{input_size[0]}x{input_size[1]}"


def load_manifest(directory: Path) -> Manifest:
    """The manifest of a finished set; raises InvalidInput where there is none or it is of another layout."""
    path = Path(directory) / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["layout"] != LAYOUT:
            raise InvalidInput(f"{path} must be of layout {LAYOUT}, got {content['layout']}: prepare the data anew")
        return Manifest(
            directory=Path(directory),
            format=str(content["format"]),
            input_size=(int(content["input_size"][0]), int(content["input_size"][1])),
            reduced=bool(content["reduced"]),
            on_orientation=str(content["on_orientation"]),
            splits={
                name: PreparedSplit(
                    annotations=split["annotations"],
                    sha256=split["sha256"],
                    shards=tuple((str(shard), str(key)) for shard, key in split["shards"]),
                )
                for name, split in content["splits"].items()
            },
            category=content.get("category"),
        )
    except FileNotFoundError:
        raise InvalidInput(
            f"{directory} must hold a finished preparation, but has no {MANIFEST}: run dite-search prepare (again)"
        ) from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path} is damaged: prepare the data anew") from None


def find_prepared(
    root: Path,
    *,
    split: str,
    format: str,
    input_size: tuple[int, int],
    directory: Path | None,
    on_orientation: str = APPLY,
) -> Manifest | None:
    """The prepared set for a split and an input: the one in ``directory``, else one in the standard place, or None.

    Raises InvalidInput where ``directory`` holds no such set; a folder of the standard place that does not fit, or is not
    finished, is passed over.
    """
    if directory is not None:
        manifest = load_manifest(directory)
        if manifest.format != format:
            raise InvalidInput(f"prepared {directory} must be of format {format}, got {manifest.format}")
        if manifest.on_orientation != on_orientation:
            raise InvalidInput(
                f"prepared {directory} must be of on_orientation {on_orientation}, got {manifest.on_orientation}: prepare"
                " the data anew, or choose that rule"
            )
        if not manifest.serves(input_size):
            height, width = manifest.input_size
            raise InvalidInput(
                f"prepared {directory} serves inputs of the shape of {height}x{width}"
                f"{' and no larger' if manifest.reduced else ''}, got {input_size[0]}x{input_size[1]}:"
                f" run {own_command('prepare', '--data', root, '--input-size', f'{input_size[0]}x{input_size[1]}')}"
            )
        return manifest
    standard = standard_directory(root, input_size)
    for path in (standard, *sorted(standard.parent.glob("*"))):
        if (path / MANIFEST).is_file():
            manifest = load_manifest(path)
            same_data = manifest.format == format and manifest.on_orientation == on_orientation
            if same_data and split in manifest.splits and manifest.serves(input_size):
                return manifest
    return None


class PreparedSource:
    """One split of a prepared set, checked to be what the data set is now.

    Raises InvalidInput, with the command that mends it, where annotations or images changed, or a shard is damaged. An image
    is taken for unchanged while its size and both its times are; otherwise its contents decide.
    """

    def __init__(self, manifest: Manifest, *, root: Path, split: str, annotation_file: Path) -> None:
        self.manifest, self._root = manifest, Path(root)
        found = manifest.splits.get(split)
        if found is None:
            raise InvalidInput(f"prepared {manifest.directory} must hold split {split}, got {', '.join(manifest.splits)}")
        if sha256_of(annotation_file) != found.sha256:
            raise self._stale(f"{annotation_file} changed since {manifest.directory} was prepared from it")
        self.shards = [self._load(name, key) for name, key in found.shards]
        for shard in self.shards:
            for image in shard.images:
                self._check(image)

    @property
    def broken(self) -> dict[Path, str]:
        """The broken images and what is wrong with each."""
        return {self._root / file: reason for shard in self.shards for file, reason in shard.broken.items()}

    def pictures(self, people: Sequence[Person]) -> PreparedPictures:
        """The stored pictures of these people."""
        places: dict[tuple[str, int], tuple[int, ...]] = {}
        for number, shard in enumerate(self.shards):
            for person in shard.people:
                image = shard.images[person.image]
                places[image.file, person.annotation_id] = (
                    *(number, person.offset, person.length, person.crc32, person.left, person.top),
                    *(person.width, person.height, person.reduction, image.height, image.width),
                )
        table = np.full((len(people), len(_COLUMNS)), -1, np.int64)
        prefix = str(self._root) + os.sep
        for index, one in enumerate(people):
            if one.annotation_id is not None:
                place = places.get((str(one.image_path).removeprefix(prefix), one.annotation_id))
                table[index] = -1 if place is None else place
        files = [shard_file(self.manifest.directory, shard.name) for shard in self.shards]
        return PreparedPictures(files, table, mend=self.manifest.command(self._root))

    def _load(self, name: str, key: str) -> Shard:
        try:
            shard = read_list(self.manifest.directory, name)
            size = shard_file(self.manifest.directory, name).stat().st_size
        except (InvalidInput, OSError):
            file = list_file(self.manifest.directory, name)
            raise self._stale(f"{file} or its shard is missing or damaged") from None
        if shard.key != key:
            raise self._stale(f"the preparation in {self.manifest.directory} was begun anew and not finished")
        if size != shard.bytes:
            file = shard_file(self.manifest.directory, name)
            raise self._stale(f"{file} is damaged: it must have {shard.bytes} bytes, got {size}")
        return shard

    def _check(self, image: ImageRecord) -> None:
        path = self._root / image.file
        try:
            status = os.stat(path)
            if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == (image.bytes, image.modified, image.changed):
                return
            same = status.st_size == image.bytes and sha256_of(path) == image.sha256
        except FileNotFoundError:
            same = not image.sha256
        if not same:
            raise self._stale(f"image {path} changed since {self.manifest.directory} was prepared from it")

    def _stale(self, problem: str) -> InvalidInput:
        return InvalidInput(f"{problem}: mend with {self.manifest.command(self._root)}")


class PreparedPictures:
    """The stored pictures of N people, in their order; a person without one has none, and is read from the image.

    Open in any number of processes: files are mapped when first read, and again in a process that receives a copy.
    """

    def __init__(self, files: Sequence[Path], table: NDArray[np.int64], *, mend: str) -> None:
        self._files, self._table, self._mend = tuple(files), table, mend
        # All of them now: a preparation that replaces a file leaves us the one that fits our table.
        self._maps: tuple[memoryview, ...] = tuple(_mapped(file) for file in self._files)

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self._files, "table": self._table, "mend": self._mend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        PreparedPictures.__init__(self, state["files"], state["table"], mend=state["mend"])

    def image_size(self, index: int) -> tuple[int, int] | None:
        """Height and width of the image of a person, or None where there is no picture."""
        row = self._table[index]
        return (int(row[9]), int(row[10])) if row[0] >= 0 else None

    def region(self, index: int, needed: Rectangle) -> Region | None:
        """The stored region of a person where it covers what is needed of the image, else None."""
        row: list[int] = self._table[index].tolist()
        if row[0] < 0:
            return None
        region = Region(left=row[4], top=row[5], width=row[6], height=row[7], reduction=row[8])
        return region if region.covers(needed, (row[9], row[10])) else None

    def read(self, index: int) -> NDArray[np.uint8]:
        """The stored picture of a person as BGR; raises InvalidInput where its checksum or contents are wrong."""
        shard, offset, length, crc32 = self._table[index, :4].tolist()
        data = bytes(self._maps[shard][offset : offset + length])
        # Checked at every reading: it costs a fiftieth of decoding.
        if zlib.crc32(data) == crc32:
            try:
                picture = decode(data)
            except cv2.error:
                picture = None
            if picture is not None:
                return displayed(picture, orientation_of(data))
        raise InvalidInput(f"{self._files[shard]} is damaged at byte {offset}: mend with {self._mend}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes; raises FileNotFoundError, or InvalidInput where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


def _mapped(file: Path) -> memoryview:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
