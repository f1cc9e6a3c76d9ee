"""Reading untrusted YAML and JSON, and writing files that are whole or absent."""

from __future__ import annotations

import difflib
import errno
import json
import os
import re
import tempfile
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from search_spaces.common.errors import InvalidInput

MAX_CONFIG_BYTES = 1_000_000
"""Upper bound of a configuration file: a larger one is a mistake or an attack."""
NEAR = 0.75
"""How alike two names of files are, from 0 to 1, of which one may be meant by the other."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, refusing a key that is written twice and aliases, which can expand without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        _refuse_twice(self.construct_object(key, deep=True) for key, _ in node.value)
        return super().construct_mapping(node, deep)


_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)  # PyYAML follows YAML 1.1, which reads 2e-3 as text.


def _refuse_twice(keys: Iterable[Any]) -> None:
    seen = set()
    for key in keys:
        if not isinstance(key, Hashable):
            raise yaml.YAMLError(f"a field must be a name, got {key!r}")
        if key in seen:
            raise yaml.YAMLError(f"field {key!r} is written twice")
        seen.add(key)


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_twice(key for key, _ in pairs)
    return dict(pairs)


def _json_constant(name: str) -> Any:
    raise ValueError(f"numbers must be finite, got {name}")


def _parse(path: Path) -> Any:
    """JSON by its own rules where the name ends in ``.json``: YAML refuses some of it, tabs among others.

    A byte-order mark, as Windows tools write it, is passed over.
    """
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".json":
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_json_constant)
    return yaml.load(text, Loader=_UniqueKeyLoader)


def require_file(path: str | Path, what: str = "") -> None:
    """Refuse a path that is no file, and name a file beside it whose name is near.

    ``what`` says in front of the path what it should be.

    Raises:
        InvalidInput: there is no such file.
    """
    path = Path(path)
    if path.is_file():
        return
    try:
        beside = [] if path.exists() else [each.name for each in path.parent.iterdir() if each.is_file()]
    except OSError:
        beside = []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=NEAR)
    hint = f": did you mean {path.parent / near[0]}?" if near else ""
    raise InvalidInput(f"{what} {path} does not exist or is not a file{hint}".lstrip())


def read_mapping(path: str | Path) -> dict[str, Any]:
    """The fields of a YAML file, or of a JSON file where the name ends in ``.json``.

    Raises:
        InvalidInput: the file is missing, too large, not text, not YAML, or not a mapping of names to values.
    """
    path = Path(path)
    require_file(path)
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise InvalidInput(f"{path} must be at most {MAX_CONFIG_BYTES} bytes, got {path.stat().st_size}")
    try:
        content = _parse(path)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} must be UTF-8 text") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
        raise InvalidInput(f"{path} must be valid YAML or JSON, but:{where} {reason}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InvalidInput(f"{path} must hold fields with names (a mapping), got {type(content).__name__}")
    return content


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary sibling to write; it replaces ``path`` when the block ends well and vanishes when it does not.

    What was replaced is on the disk, and outlasts a power failure, when the call returns.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def check_output(path: str | Path, *, is_folder: bool = False) -> None:
    """Refuse a file or folder that cannot be written, before the work whose result it is to hold; nothing is made.

    Raises:
        InvalidInput: the path is of the other kind, or the nearest folder that exists does not let it be made.
    """
    path = Path(path)
    place = next(place for place in (path, *path.absolute().parents) if place.exists())
    code = 0
    if place != path or is_folder:
        code = errno.ENOTDIR if not place.is_dir() else 0 if os.access(place, os.W_OK | os.X_OK) else errno.EACCES
    elif place.is_dir():
        code = errno.EISDIR
    elif not os.access(place, os.W_OK):
        code = errno.EACCES
    if code:
        done = "written" if code == errno.EACCES else "used"
        raise InvalidInput(f"{path} cannot be {done}: {os.strerror(code)}")


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems have no such call for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON, whole or not at all; numbers that are not finite are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_mapping(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write fields as YAML, or as JSON where the name ends in ``.json``."""
    if Path(path).suffix == ".json":
        write_json(path, dict(content))
    else:
        write_text(path, yaml.safe_dump(dict(content), sort_keys=False, default_flow_style=None))
