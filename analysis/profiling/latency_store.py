"""Latencies that were measured, kept in one SQLite file per device label, so that nothing is measured twice.

Several processes, on several machines with a common folder, may use a file at once. Who measures holds the file's write
lock meanwhile: the same measurement is never made twice, and no two measurements of a label disturb each other.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from analysis.profiling.latency import RUNS, WARMUP, Latency, check_protocol, cpu_name
from search_spaces.common.errors import InvalidInput

SCHEMA = 1
FOLDER = ".latency"
"""Below the folder of the studies; the dot keeps it apart from them."""
LOCK_SECONDS = 600.0
"""How long one waits for another's measurement: it takes seconds."""
MAX_LABEL = 100
TABLES = """
CREATE TABLE IF NOT EXISTS latencies (
    kind TEXT, name TEXT, conditions TEXT, record TEXT, PRIMARY KEY (kind, name, conditions)
)
"""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """All that a latency depends on besides the network: two figures are compared only where these are equal.

    ``device`` is a label; ``form`` counts the forms of the exported graph (`analysis.onnx.export.FORM`).

    Raises:
        InvalidInput: ``threads`` or ``runs`` below 1, ``warmup`` below 0, or a label that is empty or too long.
    """

    device: str
    threads: int = 1
    warmup: int = WARMUP
    runs: int = RUNS
    form: int
    onnxruntime: str = onnxruntime.__version__
    runtime: str = ""
    """The runtime and its version; empty for ONNX Runtime, in which the reference of every measurement runs."""

    def __post_init__(self) -> None:
        check_protocol(threads=self.threads, warmup=self.warmup, runs=self.runs)
        if not 1 <= len(self.device.strip()) <= MAX_LABEL:
            raise InvalidInput(f"device label must have 1 to {MAX_LABEL} characters, got {self.device!r}")

    def key(self) -> str:
        """Canonical JSON; ONNX Runtime's own has no field ``runtime``, as before there were others."""
        fields = asdict(self)
        return json.dumps({name: value for name, value in fields.items() if name != "runtime" or value}, sort_keys=True)

    def __str__(self) -> str:
        engine = self.runtime or f"ONNX Runtime {self.onnxruntime}"
        return f"{engine} on {self.device}: threads {self.threads}, batch 1, warm-up {self.warmup}, runs {self.runs}"


def default_label(threads: int) -> str:
    """The processor's name and the number of threads."""
    return f"{cpu_name()}, {threads} {'thread' if threads == 1 else 'threads'}"[:MAX_LABEL]


class LatencyStore:
    """The file of one label below the folder of the studies."""

    def __init__(self, studies: Path, conditions: Conditions) -> None:
        self.conditions = conditions
        self.path = Path(studies) / FOLDER / f"{file_name(conditions.device)}.sqlite"

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """The record under these conditions, or None."""
        with self._open() as database:
            return self._find(database, kind, name)

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every record of a kind under these conditions, by name, in the order in which they were written."""
        query = "SELECT name, record FROM latencies WHERE kind = ? AND conditions = ? ORDER BY rowid"
        with self._open() as database:
            rows = database.execute(query, (kind, self.conditions.key())).fetchall()
        return {name: json.loads(record) for name, record in rows}

    def find_or_measure(self, kind: str, name: str, measure: Callable[[], Mapping[str, Any]]) -> tuple[dict[str, Any], bool]:
        """The record, and whether it was made now. What ``measure`` raises is passed on, and nothing is written."""
        found = self.find(kind, name)
        if found is not None:
            return found, False
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            found = self._find(database, kind, name)
            if found is not None:
                return found, False
            record = dict(measure())
            self._write(database, kind, name, record)
            return record, True

    def put(self, kind: str, name: str, record: Mapping[str, Any]) -> None:
        """Write a record; one of the same name is replaced."""
        with self._open() as database:
            self._write(database, kind, name, record)

    def _find(self, database: sqlite3.Connection, kind: str, name: str) -> dict[str, Any] | None:
        query = "SELECT record FROM latencies WHERE kind = ? AND name = ? AND conditions = ?"
        row = database.execute(query, (kind, name, self.conditions.key())).fetchone()
        return json.loads(row[0]) if row else None

    def _write(self, database: sqlite3.Connection, kind: str, name: str, record: Mapping[str, Any]) -> None:
        values = (kind, name, self.conditions.key(), json.dumps(record, allow_nan=False))
        database.execute("INSERT OR REPLACE INTO latencies VALUES (?, ?, ?, ?)", values)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept where the block ends well, and undone where it does not."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            database = sqlite3.connect(self.path, timeout=LOCK_SECONDS, isolation_level=None)
            try:
                self._check_schema(database)
                yield database
                if database.in_transaction:
                    database.execute("COMMIT")
            finally:
                # Closing undoes what was not committed.
                database.close()
        except sqlite3.DatabaseError as error:
            raise InvalidInput(f"latency file {self.path} cannot be used: {error}") from None

    def _check_schema(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA:
            return
        if version:
            raise InvalidInput(f"latency file {self.path} must have schema {SCHEMA}, got {version}: move it away")
        database.execute("BEGIN IMMEDIATE")
        database.execute(TABLES)
        database.execute(f"PRAGMA user_version = {SCHEMA}")
        database.execute("COMMIT")


def latency_of(record: Mapping[str, Any]) -> Latency:
    """A measurement from its record."""
    return Latency(**{name: record[name] for name in Latency.__dataclass_fields__ if name in record})


def file_name(label: str) -> str:
    """A file name for a label: itself where it is plain, else what is plain of it and a hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")[:60]
    return label if plain == label else f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"
