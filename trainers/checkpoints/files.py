"""Files with whole contents in a folder or below an S3 prefix: each is the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from search_spaces.common.errors import InvalidInput, StorageUnavailable, first_line
from search_spaces.common.files import atomic_path, sync
from search_spaces.common.redaction import redacted
from search_spaces.common.retry import RetryPolicy
from trainers.checkpoints.location import Location, below
from trainers.checkpoints.retry import PASSING_ERRORS, storage_error
from trainers.checkpoints.torch_file import BrokenFile, check_size

T = TypeVar("T")

REQUEST_RETRY = RetryPolicy(first_seconds=0.5, tries=4)
"""How one request to an object store is tried again, which may have been away for a moment."""


class Files(Protocol):
    """Files by name in one place, with one writer."""

    def where(self, name: str) -> Location:
        """The location of a file."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def read(self, name: str) -> bytes | None:
        """The content of a file, None where there is none.

        Raises:
            BrokenFile: the medium does not give it back, or it is too large.
            StorageUnavailable: the place does not answer.
            InvalidInput: it may not be read.
        """

    def write(self, name: str, data: bytes, *, keep_as: str | None = None) -> None:
        """Put a whole content in the place of a file; ``keep_as`` is the name under which what was there is kept.

        Raises:
            StorageFull, StorageUnavailable: there is no room, or no answer; what was there is still there, whole.
            InvalidInput: the place may not be written.
        """

    def names(self) -> list[str]:
        """The names in the place, hidden ones left out; none where there is no such place."""

    def remove(self, name: str) -> None:
        """Take a file away, where there is one."""

    def remove_all(self) -> None:
        """Take the place away with everything below it, where there is one.

        Raises:
            StorageUnavailable: the place does not answer.
            InvalidInput: it may not be removed.
        """


def files_in(location: Location, *, sleep: Callable[[float], None] = time.sleep) -> Files:
    """The files of a folder or of an S3 prefix."""
    return FolderFiles(location) if isinstance(location, Path) else S3Files(location, sleep=sleep)


class FolderFiles:
    """Files of a folder, on a local disk or a network file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._swept = False

    def where(self, name: str) -> Path:
        """The path of a file."""
        return self._folder / name

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.where(name).is_file()

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        path = self.where(name)
        try:
            check_size(path.stat().st_size, str(path))
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in PASSING_ERRORS:
                raise StorageUnavailable(f"checkpoint {path} cannot be read: {error.strerror}") from None
            if error.errno == errno.EIO:
                raise BrokenFile(f"checkpoint {path} cannot be read: {error.strerror}") from None
            raise InvalidInput(f"checkpoint {path} cannot be read: {error.strerror}") from None

    def write(self, name: str, data: bytes, *, keep_as: str | None = None) -> None:
        """See `Files.write`: the new content is on the disk before the old one changes its name."""
        path = self.where(name)
        try:
            self._sweep()
            with atomic_path(path) as temporary:
                temporary.write_bytes(data)
                sync(temporary)
                if keep_as and path.exists():
                    path.replace(self.where(keep_as))
        except OSError as error:
            raise storage_error(f"checkpoint {path}", path, error) from error

    def names(self) -> list[str]:
        """See `Files.names`."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    def remove(self, name: str) -> None:
        """See `Files.remove`."""
        self.where(name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """See `Files.remove_all`."""
        try:
            shutil.rmtree(self._folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(f"checkpoints {self._folder}", self._folder, error) from error

    def _sweep(self) -> None:
        """Take away what a process that was killed had begun to write, before the first write."""
        if not self._swept:
            for left in self._folder.glob(".*.pt.*"):
                left.unlink(missing_ok=True)
            self._swept = True


class S3Files:
    """Objects below a prefix of an S3 bucket, whose service and credentials the environment or ``~/.aws`` name.

    A store shows an object once it has all of it, and copies within itself. A new content is uploaded under a name of its
    own, and only then takes the place of the old one.
    """

    def __init__(self, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url, self._retry = url, dataclasses.replace(REQUEST_RETRY, sleep=sleep)
        self._swept = False
        self._opened: Any = None

    def where(self, name: str) -> str:
        """The URL of a file."""
        url = below(self._url, name)
        assert isinstance(url, str)
        return url

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        return self._info(name) is not None

    def version(self, name: str) -> str | None:
        """Return a text that changes with the content of an object; None where the object does not exist."""
        info = self._info(name)
        return None if info is None else f"{info.get('ETag')} {info['size']} {info.get('LastModified')}"

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        url, info = self.where(name), self._info(name)
        if info is None:
            return None
        check_size(info["size"], url)
        try:
            data: bytes = self._ask(url, "read", lambda store: store.cat_file(url))
        except FileNotFoundError:
            return None
        if len(data) != info["size"] and len(data) != (self._info(name) or info)["size"]:
            raise BrokenFile(f"checkpoint {url} must have {info['size']} bytes, got {len(data)}")
        return data

    def write(self, name: str, data: bytes, *, keep_as: str | None = None) -> None:
        """See `Files.write`."""
        url, new = self.where(name), self.where(f".{name}.{uuid.uuid4().hex}")
        try:
            self._sweep()
            self._ask(url, "written", lambda store: store.pipe_file(new, data))
            if keep_as and self.exists(name):
                self._ask(url, "written", lambda store: store.cp_file(url, self.where(keep_as)))
            self._ask(url, "written", lambda store: store.cp_file(new, url))
        except FileNotFoundError as error:
            raise InvalidInput(f"checkpoint {url} cannot be written: {_reason(error)}") from None
        self._discard(new)

    def names(self) -> list[str]:
        """See `Files.names`."""
        return [name for name in self._all_names() if not name.startswith(".")]

    def remove(self, name: str) -> None:
        """See `Files.remove`."""
        url = self.where(name)
        if self.exists(name):
            self._ask(url, "removed", lambda store: store.rm_file(url))

    def remove_all(self) -> None:
        """See `Files.remove_all`."""
        with contextlib.suppress(FileNotFoundError):
            self._ask(self._url, "removed", lambda store: store.rm(self._url, recursive=True))

    def _info(self, name: str) -> dict[str, Any] | None:
        url = self.where(name)
        try:
            info: dict[str, Any] = self._ask(url, "read", lambda store: store.info(url, refresh=True))
        except FileNotFoundError:
            return None
        return info if info["type"] == "file" else None

    def _all_names(self) -> list[str]:
        try:
            found = self._ask(self._url, "read", lambda store: store.ls(self._url, detail=False, refresh=True))
        except FileNotFoundError:
            return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def _sweep(self) -> None:
        """Take away what a process that was killed had uploaded, before the first write."""
        if not self._swept:
            for left in self._all_names():
                if left.startswith(".") and ".pt." in left:
                    self._discard(self.where(left))
            self._swept = True

    def _discard(self, url: str) -> None:
        try:
            self._ask(url, "removed", lambda store: store.rm_file(url))
        except (InvalidInput, FileNotFoundError):
            # The next process that writes here tries again; the checkpoint itself is in its place.
            return

    def _ask(self, url: str, done: str, request: Callable[[Any], T]) -> T:
        """The answer of the store, asked again a few times where it may have been away for a moment."""
        store = self._store()
        passing, lasting = _errors()

        def is_passing(error: Exception) -> bool:
            return isinstance(error, passing) and not isinstance(error, lasting) and not isinstance(error, FileNotFoundError)

        try:
            return self._retry.call(lambda: request(store), is_passing=is_passing)
        except FileNotFoundError:
            raise
        except lasting as error:
            raise InvalidInput(f"checkpoint {url} cannot be {done}: {_reason(error)}") from None
        except passing as error:
            tries = f"tried {self._retry.tries} times"
            raise StorageUnavailable(f"checkpoint {url} cannot be {done}, {tries}: {_reason(error)}") from None

    def _store(self) -> Any:
        if self._opened is None:
            try:
                import fsspec
                import s3fs  # noqa: F401
            except ImportError as error:
                raise InvalidInput(f"location {self._url} needs the package {error.name}: install dite-search[s3]") from None
            # Asking again is done here, with a limit that can be waited for.
            config = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 0}}
            self._opened = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False, config_kwargs=config)
            self._opened.retries = 1
        return self._opened


def _errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """Return the passing errors of an S3 client, and its lasting errors, which are looked at first."""
    from aiohttp import ClientError as HttpError
    from botocore import exceptions

    lasting = (
        PermissionError,
        ValueError,
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
        exceptions.ParamValidationError,
        exceptions.InvalidRegionError,
    )
    return (OSError, HttpError, exceptions.BotoCoreError, exceptions.ClientError), lasting


def _reason(error: Exception) -> str:
    """The first line of what a client says, without the user and password that the address of a service may hold."""
    return redacted(first_line(error))
