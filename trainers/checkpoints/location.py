"""Where checkpoints may lie: in a folder, or below an ``s3://`` URL. Nothing here touches either."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from search_spaces.common.errors import InvalidInput

Location = Path | str
"""A folder or a file as a path, or what lies in an object store as an ``s3://bucket/key`` without a slash at its end."""

LAST = "last.pt"
PREVIOUS = "previous.pt"
BEST = "best.pt"
"""The names of a training's checkpoints."""

S3 = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def located(text: Path | str) -> Location:
    """A location from what a user wrote: a path, a ``file:///`` URL or an ``s3://`` URL.

    Raises:
        InvalidInput: it is none of these, or the URL holds more than a bucket and a key. No part of such a URL is shown:
            it may be a secret.
    """
    if isinstance(text, Path):
        return text
    scheme, found, rest = text.partition("://")
    if not found:
        return Path(text)
    if scheme == "file":
        if not rest.startswith("/"):
            raise InvalidInput("a location by file:// must be file:///, with three slashes, and an absolute path")
        return Path(unquote(rest))
    if scheme != "s3":
        raise InvalidInput(f"a location must be a folder, file:///folder or s3://bucket/prefix, got {scheme[:20]}://…")
    bucket, _, key = rest.partition("/")
    if "@" in rest or ":" in bucket:
        raise InvalidInput(
            "a location by s3:// must not hold credentials: they come from the environment (AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or AWS_PROFILE) or from ~/.aws"
        )
    parts = key.rstrip("/").split("/") if key else []
    if not _BUCKET.fullmatch(bucket) or any(character in key for character in "?#\\*") or {"", ".", ".."} & set(parts):
        raise InvalidInput("a location by s3:// must be s3://bucket/prefix with plain names between single slashes")
    return S3 + "/".join([bucket, *parts])


def below(location: Location, *names: str) -> Location:
    """Return the location below another, by names one below the other."""
    if isinstance(location, Path):
        return location.joinpath(*names)
    return "/".join([location, *names])


def parent_and_name(location: Location) -> tuple[Location, str]:
    """The folder of a file, and the name it has there."""
    if isinstance(location, Path):
        return location.parent, location.name
    parent, _, name = location.rpartition("/")
    return parent, name
