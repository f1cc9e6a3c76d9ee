"""The experiment of all studies in MLflow: where its artifacts lie, and what to do where it was deleted."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from search_spaces.common.redaction import redacted

EXPERIMENT = "dite-search"
ARTIFACTS_FOLDER = "mlflow-artifacts"
"""The folder of the artifacts, beside the studies."""
DELETED = "deleted"

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow's database keeps the places of artifacts, each as a whole URI."""


def deleted_sentence(name: str) -> str:
    """Say that an experiment was deleted and takes no writes."""
    return f"its experiment {name} was deleted, so that nothing can be written to it"


def restore_command(experiment_id: str, uri: str) -> str:
    """The command that brings an experiment back, for a shell; a password in the URI is not shown."""
    return f"MLFLOW_TRACKING_URI={shlex.quote(redacted(uri))} mlflow experiments restore --experiment-id {experiment_id}"


def follow_folder(database: Path, artifacts: Path, *, experiment: str, own: bool) -> bool:
    """Point MLflow's SQLite file at the folder of its artifacts after both were moved or copied; whether that was needed.

    MLflow keeps absolute places, and would write new artifacts to the old one and not find the others.

    Args:
        database: the SQLite file; nothing is made where there is none.
        artifacts: the folder in which the artifacts belong.
        experiment: the name of the experiment.
        own: whether no other folder of studies uses the file; otherwise the old folder must be gone.
    """
    if not database.is_file():
        return False
    address = f"file:{quote(str(database))}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=30.0, isolation_level=None)) as connection:
        if not _has_column(connection, *_PLACES[0]):
            return False
        row = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
        before = str(row[0]) if row and row[0] else ""
        if not _was_moved(before, artifacts, own=own):
            return False
        after = artifacts.absolute().as_uri()
        connection.execute("BEGIN IMMEDIATE")
        for table, column in _PLACES:
            if _has_column(connection, table, column):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                    f" WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (after, len(before) + 1, before, len(before) + 1, f"{before}/"),
                )
        connection.execute("COMMIT")
    return True


def _was_moved(before: str, artifacts: Path, *, own: bool) -> bool:
    """Whether the place that MLflow has is one of ours which is not that of the studies any more."""
    if not before.startswith("file:///") or before == artifacts.absolute().as_uri():
        return False
    old = Path(unquote(before.removeprefix("file://")))
    if old.name != ARTIFACTS_FOLDER:
        return False
    if not own:
        return artifacts.exists() and not old.parent.exists()
    # A file that was copied without its artifacts still has them where they are.
    return not old.exists() or (artifacts.exists() and not old.samefile(artifacts))


def _has_column(connection: sqlite3.Connection, table: str, column: str) -> bool:
    return any(row[1] == column for row in connection.execute(f"PRAGMA table_info({table})"))
