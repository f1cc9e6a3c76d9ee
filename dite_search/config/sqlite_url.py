"""The URL of a SQLite file, whatever its path holds, and the file of such a URL."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

_MEANING = re.compile(r"[%?@{}]")
"""Characters with a meaning in a URL of SQLAlchemy or, the braces, in a URL of Optuna."""
_RELATIVE = re.compile(r"^(sqlite(?:\+\w+)?:///)(?=[^/?$:])(?!file:)")
"""Begins the URL of a file by a relative path; one that begins with a variable is what the variable says."""


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file by its absolute path.

    A path with signs that mean something in a URL has them quoted. Such a URL names the driver too: for the short form
    MLflow makes the folder of the file, by the quoted name.
    """
    path = str(Path(file).absolute())
    quoted = _quoted(path)
    return f"{'sqlite' if quoted == path else 'sqlite+pysqlite'}:///{quoted}"


def sqlite_file(url: str | None, default: Path) -> Path | None:
    """The file of a SQLite URL, ``default`` without a URL, None for another database."""
    if not url:
        return default
    # Not above: the process of every trial would spend a third of a second on an import that it does not need.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(parsed.database).absolute() if parsed.get_backend_name() == "sqlite" and parsed.database else None


def anchored(url: str) -> str:
    """A URL whose SQLite file, where it is given by a relative path, is that of the working directory for good."""
    return _RELATIVE.sub(lambda found: f"{found[1]}{_quoted(str(Path.cwd()))}/", url)


def _quoted(path: str) -> str:
    return _MEANING.sub(lambda sign: quote(sign[0], safe=""), path)
