"""Files of prepared regions: each a row of encoded pictures, with a list of contents beside it.

A shard holds the people of some images, ``NAME.bin``. ``NAME.json`` lists the images that it was made from, and the place of
each person's picture. Both are written whole or not at all, the list last, so a shard with a list is finished. Nothing here
imports torch: the processes that prepare start quickly.
"""

from __future__ import annotations

import errno
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import atomic_path, write_text
from trainers.data.images.images import read_image_file
from trainers.data.images.jpeg import is_jpeg
from trainers.data.images.orientation import APPLY
from trainers.data.prepared.cutting import Photograph
from trainers.data.prepared.regions import Rectangle, Region

LAYOUT = 2
"""Changes with everything that makes an older shard unreadable or different."""


@dataclass(frozen=True, kw_only=True)
class PersonPlan:
    """The cut for one person: a rectangle of the image, by its annotation."""

    annotation_id: int
    rectangle: Rectangle
    reduction: int = 1


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """An image by its path below the data set's root, its (height, width) where annotated, and its people."""

    file: str
    size: tuple[int, int] | None
    people: tuple[PersonPlan, ...]


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """One shard to write into ``folder`` from images below ``root``, turned by the rule ``on_orientation``."""

    name: str
    folder: Path
    root: Path
    images: tuple[ImagePlan, ...]
    on_orientation: str = APPLY

    @property
    def key(self) -> str:
        """SHA-256 of all that is asked for, contents of the images apart."""
        content = json.dumps([LAYOUT, self.on_orientation, [asdict(image) for image in self.images]])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def count(self) -> int:
        """The number of people."""
        return sum(len(image.people) for image in self.images)


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """An image as it was when prepared. ``sha256`` of its bytes decides whether it is the same; size in bytes and the two
    times in nanoseconds only spare reading it. ``broken`` is the reason why it has no pictures.
    """

    file: str
    sha256: str
    bytes: int
    modified: int
    changed: int
    height: int = 0
    width: int = 0
    broken: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonRecord:
    """A stored picture: where it lies in the shard, and which region of which image (by its number) it shows."""

    annotation_id: int
    image: int
    offset: int
    length: int
    crc32: int
    left: int
    top: int
    width: int
    height: int
    reduction: int

    @property
    def region(self) -> Region:
        """The region that the picture shows."""
        return Region(left=self.left, top=self.top, width=self.width, height=self.height, reduction=self.reduction)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The list of a shard: ``key`` of its plan, its size in bytes, its images and people."""

    name: str
    key: str
    bytes: int
    images: tuple[ImageRecord, ...]
    people: tuple[PersonRecord, ...]

    @property
    def broken(self) -> dict[str, str]:
        """The broken images and what is wrong with each."""
        return {image.file: image.broken for image in self.images if image.broken}


def shard_file(folder: Path, name: str) -> Path:
    """Where the pictures of a shard lie."""
    return folder / f"{name}.bin"


def list_file(folder: Path, name: str) -> Path:
    """Where the list of a shard lies."""
    return folder / f"{name}.json"


def prepare_shard(plan: ShardPlan, at: Callable[[int], None] = lambda image: None) -> tuple[Shard, bool]:
    """Make one shard, or find it made already: its list, and whether it was kept.

    What is there is kept where plan, images and stored pictures are, byte for byte, what they were. Raises OSError, with the
    shard's name, where the disk is full or closed; broken images are recorded, not raised. ``at`` is told the number of each
    image before it is cut.
    """
    known = _read_list(plan.folder, plan.name)
    if known is not None and known.key == plan.key:
        images = tuple(_record_again(plan.root, image) for image in known.images)
        if _same_contents(images, known.images) and is_whole(plan.folder, known):
            kept = Shard(name=known.name, key=known.key, bytes=known.bytes, images=images, people=known.people)
            if images != known.images:
                _write_list(plan.folder, kept)
            return kept, True
    return _write_shard(plan, at), False


def is_whole(folder: Path, shard: Shard) -> bool:
    """Whether a shard's file has its size, and every picture its checksum."""
    try:
        data = shard_file(folder, shard.name).read_bytes()
    except OSError:
        return False
    view = memoryview(data)
    return len(data) == shard.bytes and all(
        zlib.crc32(view[person.offset : person.offset + person.length]) == person.crc32 for person in shard.people
    )


def read_list(folder: Path, name: str) -> Shard:
    """The list of a shard; raises InvalidInput where it is missing or damaged."""
    found = _read_list(folder, name)
    if found is None:
        raise InvalidInput(f"{list_file(folder, name)} is missing or damaged")
    return found


def read_record(root: Path, file: str) -> tuple[ImageRecord, bytes]:
    """An image as it is now and its bytes; one that cannot be read has no checksum and is broken."""
    path = root / file
    try:
        # The times first: an image that is written meanwhile has later ones, and is read again when they are compared.
        status = path.stat()
        data = read_image_file(path)
    except (OSError, InvalidInput) as error:
        reason = str(error) if isinstance(error, InvalidInput) else f"image file not found: {path}"
        return ImageRecord(file=file, sha256="", bytes=0, modified=0, changed=0, broken=reason), b""
    record = ImageRecord(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
    )
    return record, data


def _record_again(root: Path, known: ImageRecord) -> ImageRecord:
    """A known image with its present checksum and times."""
    now, _ = read_record(root, known.file)
    return replace(now, height=known.height, width=known.width, broken=known.broken or now.broken)


def _same_contents(now: tuple[ImageRecord, ...], known: tuple[ImageRecord, ...]) -> bool:
    return [(image.file, image.sha256) for image in now] == [(image.file, image.sha256) for image in known]


def _write_shard(plan: ShardPlan, at: Callable[[int], None]) -> Shard:
    images: list[ImageRecord] = []
    people: list[PersonRecord] = []
    offset = 0
    target = shard_file(plan.folder, plan.name)
    list_file(plan.folder, plan.name).unlink(missing_ok=True)
    try:
        with atomic_path(target) as temporary, temporary.open("wb") as output:
            for number, image in enumerate(plan.images):
                at(number)
                record, pictures = _cut_image(plan.root, image, plan.on_orientation)
                images.append(record)
                for person, (region, encoded) in zip(image.people, pictures, strict=False):
                    output.write(encoded)
                    people.append(
                        PersonRecord(
                            annotation_id=person.annotation_id,
                            image=number,
                            offset=offset,
                            length=len(encoded),
                            crc32=zlib.crc32(encoded),
                            **asdict(region),
                        )
                    )
                    offset += len(encoded)
        shard = Shard(name=plan.name, key=plan.key, bytes=offset, images=tuple(images), people=tuple(people))
        _write_list(plan.folder, shard)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(error.errno, error.strerror, str(target)) from None
    return shard


def _cut_image(root: Path, image: ImagePlan, on_orientation: str) -> tuple[ImageRecord, list[tuple[Region, bytes]]]:
    """An image's record and the pictures of its people, none where it is broken."""
    record, data = read_record(root, image.file)
    if record.broken:
        return record, []
    try:
        photograph = Photograph(data, root / image.file, size=image.size, on_orientation=on_orientation)
        pictures = [photograph.cut(person.rectangle, person.reduction) for person in image.people]
    except InvalidInput as error:
        return replace(record, broken=str(error)), []
    height, width = photograph.size
    return replace(record, height=height, width=width), pictures


def png_count(folder: Path, shard: Shard) -> int:
    """How many pictures of a shard could not be cut as JPEG."""
    with shard_file(folder, shard.name).open("rb") as file:
        return sum(not is_jpeg(_bytes_at(file, person.offset, 3)) for person in shard.people)


def _bytes_at(file: Any, offset: int, length: int) -> bytes:
    file.seek(offset)
    return bytes(file.read(length))


def _read_list(folder: Path, name: str) -> Shard | None:
    """The list of a shard, or None where there is none that could be of this layout."""
    try:
        content = json.loads(list_file(folder, name).read_text(encoding="utf-8"))
        body = {field: content[field] for field in ("name", "key", "bytes", "images", "people")}
        if content["checksum"] != _checksum(body):
            return None
        return Shard(
            name=body["name"],
            key=body["key"],
            bytes=body["bytes"],
            images=tuple(ImageRecord(**_named(ImageRecord, row)) for row in body["images"]),
            people=tuple(PersonRecord(**_named(PersonRecord, row)) for row in body["people"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_list(folder: Path, shard: Shard) -> None:
    body = {
        "name": shard.name,
        "key": shard.key,
        "bytes": shard.bytes,
        "images": [list(asdict(image).values()) for image in shard.images],
        "people": [list(asdict(person).values()) for person in shard.people],
    }
    write_text(list_file(folder, shard.name), json.dumps({**body, "checksum": _checksum(body)}) + "\n")


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _named(record: type[ImageRecord] | type[PersonRecord], row: list[Any]) -> dict[str, Any]:
    """A row of a list as the fields of its record, which are written in their order."""
    return dict(zip(record.__dataclass_fields__, row, strict=True))
