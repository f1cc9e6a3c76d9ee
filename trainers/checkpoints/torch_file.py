"""Torch files: written with a checksum, and read from hands that nobody vouches for."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.common.files import require_file

MAX_TORCH_FILE_BYTES = 2**31
"""Upper bound of a checkpoint: the largest network of any space, with its optimiser, takes a hundredth of it."""

SEAL = b"dite-search sha256 "
"""Begins the zip comment of a file that we wrote; the digest, in hexadecimal, covers every byte before the digest."""

_SEAL_BYTES = len(SEAL) + 64
_LOCAL_HEADER = b"PK\x03\x04"
_END_OF_DIRECTORY = b"PK\x05\x06"
_DIRECTORY_FLAG = 0x10


_NUMPY: list[Any] = [
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "uint8", "bool")),
    *(
        (function, f"{module}.multiarray.{name}")
        for module in ("numpy._core", "numpy.core")
        for name, function in (("_reconstruct", np.empty(0).__reduce__()[0]), ("scalar", np.float64(0.0).__reduce__()[0]))
    ),
]
"""The parts of a plain NumPy array, which published checkpoints hold beside their weights: values, and no code.

NumPy 1 wrote another name of its module.
"""


class BrokenFile(InvalidInput):
    """A torch file is cut short, altered, or no such file at all."""


def torch_file_bytes(content: dict[str, Any]) -> bytes:
    """Return a torch file of these fields, which any reader of torch files reads, with its SHA-256 as its zip comment.

    The checksums that `torch.save` writes are of the members alone. A changed attribute in the zip directory makes torch
    skip a member, and leave its tensor as the memory happened to be.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    assert buffer.getbuffer()[-22:-18] == _END_OF_DIRECTORY, "torch ends its zip files without a comment"
    buffer.seek(-2, io.SEEK_END)
    buffer.write(struct.pack("<H", _SEAL_BYTES) + SEAL)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    buffer.write(digest.encode())
    return buffer.getvalue()


def read_torch_file(path: Path) -> dict[str, Any]:
    """The mapping that a torch file holds; see `parse_torch_file`.

    Raises:
        InvalidInput: the file is missing, cannot be read, is too large, or `BrokenFile`.
    """
    path = Path(path)
    require_file(path, "checkpoint")
    try:
        check_size(path.stat().st_size, str(path))
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"checkpoint {path} cannot be read: {error.strerror}") from None
    return parse_torch_file(data, str(path))


def parse_torch_file(data: bytes, name: str) -> dict[str, Any]:
    """The mapping in the bytes of a torch file, tensors on the CPU, read without running any code it may hold.

    What we wrote is compared with its own digest, what others wrote with the checksums of its members. ``name`` is the
    file's in messages.

    Raises:
        BrokenFile: it is cut short or altered, is compressed, or holds anything but plain tensors in named fields.
    """
    check_torch_file(data, name)
    try:
        with torch.serialization.safe_globals(_NUMPY):
            content: Any = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # torch's reader lets almost any exception escape from a file that is no checkpoint
        raise _broken(name, first_line(error)) from None
    if not isinstance(content, dict):
        raise InvalidInput(f"checkpoint {name} must hold named fields, got {type(content).__name__}")
    return content


def check_torch_file(data: bytes, name: str) -> None:
    """Compare the bytes of a torch file with their checksums; files of before torch 1.6 have none.

    Raises:
        BrokenFile: they differ, or the members of the zip file claim more bytes than the file has.
    """
    if not data.startswith(_LOCAL_HEADER):
        return
    sealed = data[-_SEAL_BYTES:-64] == SEAL
    if sealed and hashlib.sha256(memoryview(data)[:-64]).hexdigest().encode() != data[-64:]:
        raise _broken(name, "its content does not match its checksum")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_directory(archive, len(data), name)
            damaged = None if sealed else archive.testzip()
    except InvalidInput:
        raise
    except Exception as error:  # zipfile lets decoding, arithmetic and memory errors escape from a broken directory
        raise _broken(name, first_line(error)) from None
    if damaged is not None:
        raise _broken(name, f"{damaged} does not match its checksum")


def check_size(size: int, name: str) -> None:
    """Refuse, with `BrokenFile`, a file that is too large to be a checkpoint."""
    if size > MAX_TORCH_FILE_BYTES:
        raise BrokenFile(f"checkpoint {name} must be at most {MAX_TORCH_FILE_BYTES} bytes, got {size}")


def _check_directory(archive: zipfile.ZipFile, size: int, name: str) -> None:
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _broken(name, "it is compressed, which torch files are not")
    if any(member.external_attr & _DIRECTORY_FLAG for member in members):
        raise _broken(name, "a member is marked as a folder")
    declared = sum(max(member.file_size, member.compress_size) for member in members)
    if declared > size:
        raise _broken(name, f"its members claim {declared} bytes and the file has {size}")


def _broken(name: str, reason: str) -> BrokenFile:
    return BrokenFile(f"checkpoint {name} must be a whole torch file of plain tensors, but: {reason}")


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a published checkpoint file by their names.

    Raises:
        InvalidInput: the file holds anything else.
    """
    content = read_torch_file(Path(path))
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise InvalidInput(f"checkpoint {path} must hold a 'state_dict' of tensors with names")
    return dict(state)
