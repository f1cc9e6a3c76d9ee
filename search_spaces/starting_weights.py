"""The weights that a training begins from, and the teacher that it learns from, as frozen, validated data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.bounds import checked_number
from search_spaces.common.errors import InvalidInput, check_names

EXPORTED_WEIGHTS = "model.safetensors"
"""The file of weights in the folder of an export."""
ARCH_FILE = "arch.yaml"
"""The file of the architecture beside the weights of an export."""
FILE, SHA256, TEACHER, WEIGHT = "file", "sha256", "teacher", "weight"
WEIGHTS_TAKEN = "weights_taken"
"""The share of a network's parameters that were taken of ``start_from``: a figure of epochs, an attribute, a column."""
SHOWN_DIGITS = 16
"""Hexadecimal digits of a digest that figures state."""
DEFAULT_WEIGHT = 0.5
"""Share of the teacher in the loss (arXiv:1811.05419)."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of weights by its place and by what it holds.

    Args:
        file: The path of the file, absolute.
        sha256: The digest of its bytes in hexadecimal; empty where nobody has read the file yet.
    """

    file: str
    sha256: str = ""

    @property
    def identity(self) -> str:
        """The content in words, wherever the file lies; its place where nobody has read it yet."""
        return f"sha256 {self.sha256[:SHOWN_DIGITS]}" if self.sha256 else self.file

    @classmethod
    def of(cls, field: str, value: Any) -> WeightsFile:
        """Return the file that a field of a recipe names: a path, or a mapping of ``file`` and ``sha256``.

        Raises:
            InvalidInput: the value is neither; the message names the field.
        """
        if isinstance(value, WeightsFile):
            return value
        given = dict(value) if isinstance(value, Mapping) else {FILE: value}
        check_names(f"field of {field}", given, (FILE, SHA256))
        file, digest = given.get(FILE), given.get(SHA256, "")
        if not isinstance(file, str | Path) or not str(file).isprintable() or not str(file).strip():
            raise InvalidInput(f"{field} must be the path of a file of weights, got {file!r}")
        if not isinstance(digest, str) or not re.fullmatch(r"([0-9a-f]{64})?", digest):
            raise InvalidInput(f"{field}.{SHA256} must be the 64 hexadecimal digits of a SHA-256, got {digest!r}")
        return cls(file=str(Path(file).expanduser().absolute()), sha256=digest)

    @property
    def path(self) -> Path:
        """The file itself, which the folder of an export holds under a name of its own."""
        place = Path(self.file)
        return place / EXPORTED_WEIGHTS if place.is_dir() else place

    def identified(self, field: str, earlier: WeightsFile | None = None) -> WeightsFile:
        """Return the file with its digest, which is read unless it is known.

        A file that is gone has the digest of an ``earlier`` file with the same place.

        Raises:
            InvalidInput: the file cannot be read; the message names the field.
        """
        if self.sha256:
            return self
        places = (self.file, str(Path(self.file) / EXPORTED_WEIGHTS))
        if earlier is not None and earlier.file in places and not self.path.is_file():
            return earlier
        return WeightsFile(file=str(self.path), sha256=hashlib.sha256(self.read(field)).hexdigest())

    def read(self, field: str) -> bytes:
        """Return the bytes of the file, which are those of its digest where it has one.

        Raises:
            InvalidInput: the file cannot be read, or holds something else; the message names the field.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise InvalidInput(f"{field} must be a file of weights, but {self.path} does not exist") from None
        except OSError as error:
            raise InvalidInput(
                f"{field} must be a file of weights, but {self.path} cannot be read: {error.strerror}"
            ) from None
        found = hashlib.sha256(content).hexdigest()
        if self.sha256 not in ("", found):
            raise InvalidInput(
                f"{field} must be the file with {self.identity}, but {self.path} has sha256 {found[:SHOWN_DIGITS]}"
            )
        return content

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON types."""
        return {FILE: self.file} | ({SHA256: self.sha256} if self.sha256 else {})


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """A teacher beside the ground truth.

    Args:
        teacher: The weights of the teacher, with its architecture.
        weight: The share of the teacher in the loss, from 0 to 1; the ground truth has the rest.
    """

    teacher: WeightsFile
    weight: float = DEFAULT_WEIGHT

    @property
    def identity(self) -> str:
        """The teacher and its share in words, wherever its file lies."""
        return f"teacher {self.teacher.identity}, weight {self.weight:g}"

    @classmethod
    def of(cls, value: Any) -> Distillation:
        """Return the distillation that a field of a recipe describes.

        Raises:
            InvalidInput: it is no mapping of ``teacher`` and ``weight``, or the weight is not from 0 to 1.
        """
        if isinstance(value, Distillation):
            return value
        if not isinstance(value, Mapping) or TEACHER not in value:
            raise InvalidInput(
                f"distill must be a mapping with a teacher, as in {{teacher: FILE, weight: 0.5}}, got {value!r}"
            )
        check_names("field of distill", value, (TEACHER, WEIGHT))
        weight = checked_number("distill.weight", value.get(WEIGHT, DEFAULT_WEIGHT), 0.0, 1.0)
        return cls(teacher=WeightsFile.of("distill.teacher", value[TEACHER]), weight=weight)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {TEACHER: self.teacher.to_dict(), WEIGHT: self.weight}


def part_names(field: str, value: Any) -> tuple[str, ...]:
    """Return the names of parts of a network, none twice.

    Raises:
        InvalidInput: the value is no list of names; the message names the field.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise InvalidInput(f"{field} must be a list of names of parts, as in [stem, stage2], got {value!r}")
    return tuple(dict.fromkeys(value))
