"""The checkpoints of one training, in a folder or below an ``s3://`` URL: the last, the one before, and the best."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import atomic_path
from trainers.checkpoints.checkpoint import BEST, LAST, PREVIOUS, Checkpoint, checkpoint_bytes, parse_checkpoint
from trainers.checkpoints.files import S3Files, files_in
from trainers.checkpoints.location import Location, parent_and_name
from trainers.checkpoints.retry import Note
from trainers.checkpoints.torch_file import BrokenFile, check_torch_file

log_note: Note = logging.getLogger(__name__).warning
"""Takes notes where nobody passed in anything better."""

_ORDER = (LAST, PREVIOUS, BEST)
"""The checkpoints that a training may continue from; the first whole one is taken."""


class CheckpointStore:
    """Saves and finds the checkpoints of a training at a location, which has one writer.

    At each moment one of them is whole. ``note`` is told where the last is not: a training then goes on from the one before.
    """

    def __init__(self, location: Location, *, note: Note = log_note, sleep: Callable[[float], None] = time.sleep) -> None:
        self._files = files_in(location, sleep=sleep)
        self._note = note
        self._last_is_broken = False

    def where(self, name: str) -> Location:
        """The location of a checkpoint by its name, `LAST`, `PREVIOUS` or `BEST`."""
        return self._files.where(name)

    def exists(self, name: str) -> bool:
        """Whether there is a checkpoint of this name."""
        return self._files.exists(name)

    def save(self, checkpoint: Checkpoint, *, best: bool = False) -> None:
        """Write the last checkpoint, after which the last so far is the one before, and the best where it is that too.

        Raises:
            StorageFull, StorageUnavailable: it cannot be written for now; those so far are still there.
            InvalidInput: the location may not be written.
        """
        self._write(checkpoint_bytes(checkpoint), best=best)

    def load(self) -> Checkpoint | None:
        """The last checkpoint that is whole, None where there is none at all.

        Raises:
            InvalidInput: there are checkpoints, but none is whole; or it is of another format.
            StorageUnavailable: the location does not answer.
        """
        found = self._newest()
        return found[1] if found else None

    def take(self, earlier: CheckpointStore) -> None:
        """Begin with the checkpoints of another training, unless this one has some of its own."""
        if self.exists(LAST) or self.exists(PREVIOUS):
            return
        found = earlier._newest()
        if found is None:
            return
        best = earlier._whole(BEST)
        if best is not None:
            self._files.write(BEST, best)
        self._files.write(LAST, found[0])

    def _write(self, data: bytes, *, best: bool) -> None:
        if best:
            # Before the last: a training cut off between the two repeats the epoch, and would not miss it otherwise.
            self._files.write(BEST, data)
        # A last that is not whole must not push out the one before, which is.
        self._files.write(LAST, data, keep_as=None if self._last_is_broken else PREVIOUS)
        self._last_is_broken = False

    def _newest(self) -> tuple[bytes, Checkpoint] | None:
        problems: list[str] = []
        missing: list[str] = []
        for name in _ORDER:
            try:
                data = self._files.read(name)
                if data is None:
                    missing.append(name)
                    continue
                checkpoint = parse_checkpoint(data, str(self.where(name)))
            except BrokenFile as error:
                self._last_is_broken |= name == LAST
                problems.append(str(error))
                continue
            if name != LAST:
                why = problems[0] if problems else f"checkpoint {self.where(LAST)} is missing"
                self._note(f"{why}; going on from {name}, {_progress(checkpoint)}")
            return data, checkpoint
        if problems:
            others = " and ".join(name for name in _ORDER if name not in (LAST, *missing))
            rest = f"; {others} cannot take its place" if others else ""
            raise BrokenFile(f"{problems[0]}{rest}; remove what is there to start anew")
        return None

    def _whole(self, name: str) -> bytes | None:
        try:
            data = self._files.read(name)
            if data is not None:
                check_torch_file(data, str(self.where(name)))
        except BrokenFile as error:
            self._note(f"{error}; going on without it")
            return None
        return data


def local_copy(location: Location, folder: Path) -> Path:
    """The path of a checkpoint: its own, or that of a copy of an object, which is downloaded to ``folder`` once.

    Raises:
        InvalidInput: there is no such object, it cannot be had, or what came is not whole.
    """
    if isinstance(location, Path):
        return location
    place, name = parent_and_name(location)
    assert isinstance(place, str)
    files = S3Files(place)
    version = files.version(name)
    if version is None:
        raise InvalidInput(f"checkpoint {location} does not exist")
    path = folder / f"{_digest(location)}-{_digest(version)}.pt"
    if _is_whole(path):
        return path
    data = files.read(name)
    if data is None:
        raise InvalidInput(f"checkpoint {location} does not exist")
    check_torch_file(data, location)
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
        for older in folder.glob(f"{_digest(location)}-*.pt"):
            if older != path:
                older.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(f"copy {path} of checkpoint {location} cannot be written: {error.strerror}") from None
    return path


def _is_whole(path: Path) -> bool:
    try:
        check_torch_file(path.read_bytes(), str(path))
    except (OSError, BrokenFile):
        return False
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _progress(checkpoint: Checkpoint) -> str:
    """How far a checkpoint's training is, in words."""
    epochs = f"after epoch {len(checkpoint.curve)}"
    return f"{epochs} and {checkpoint.position} batches" if checkpoint.position else epochs
