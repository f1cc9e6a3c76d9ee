"""The identity of a data set, wherever its files lie: a digest of each file of people to learn from and to score on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from trainers.data.config import DataConfig

TRAIN, VAL, DETECTIONS, TRUTH, SPLIT = "train", "val", "detections", "truth", "split"

CONTENTS = {
    TRAIN: "annotations to learn from",
    VAL: "annotations to be scored on",
    DETECTIONS: "detections",
    TRUTH: "truth to be scored against",
    SPLIT: "list of splits",
}
"""The files of a data set by the names of their digests, in words."""


def files_of(data: DataConfig) -> dict[str, Path]:
    """The files whose contents make a data set what it is, by the names of `CONTENTS`; images are not among them."""
    files = {TRAIN: data.annotation_file(data.train_split), VAL: data.annotation_file(data.val_split)}
    if data.detections:
        files[DETECTIONS] = data.detections
    if truth := data.truth_file():
        files[TRUTH] = truth
    if data.layout and data.layout.split_list:
        files[SPLIT] = data.layout.split_list
    return files


def data_contents(data: DataConfig) -> dict[str, str]:
    """The SHA-256, in hexadecimal, of each file of `files_of`.

    Raises:
        InvalidInput: a file cannot be read.
    """
    return {name: _digest(file) for name, file in files_of(data).items()}


def data_identity(data: DataConfig) -> str:
    """Return a text that tells sets of annotated (and detected) people apart, wherever their files lie.

    Raises:
        InvalidInput: a file cannot be read.
    """
    return identity_of(data_contents(data))


def identity_of(contents: Mapping[str, str]) -> str:
    """The identity of data from the digests of their files."""
    whole = b"".join(bytes.fromhex(contents[name]) for name in (TRAIN, VAL, DETECTIONS, SPLIT) if name in contents)
    return f"sha256 {hashlib.sha256(whole).hexdigest()[:16]}"


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InvalidInput(f"file not found: {file}") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from None
