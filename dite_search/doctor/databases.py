"""The study's database and MLflow's: a driver, an answer, a schema of our version, and the right to write."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import optuna
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from dite_search.config.search_config import SearchConfig
from dite_search.config.sqlite_url import sqlite_file
from dite_search.doctor.cluster import clock_finding, reading
from dite_search.doctor.findings import FAILED, OK, WARNING, Finding
from dite_search.doctor.folders import is_writable
from dite_search.storage.database_errors import reason_of
from dite_search.study.directory import study_url_of
from dite_search.tracking.experiment import DELETED, EXPERIMENT, deleted_sentence, restore_command
from search_spaces.common.redaction import HIDDEN, redacted
from search_spaces.common.shell import shell_command

STUDY, MLFLOW = "study database", "mlflow"
CONNECT_SECONDS = 3
MAX_CHECKED_BYTES = 100_000_000
"""Of a SQLite file up to which every page of it is looked at."""
_DRIVERS = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
"""Packages to install for a driver's module; the others have its name."""

Look = Callable[[Connection], Sequence[Finding]]


def study_findings(config: SearchConfig) -> list[Finding]:
    """The database of the study."""
    url = study_url_of(config)
    if config.study_url and config.mlflow_url and _same_database(config.study_url, config.mlflow_url):
        return [_two_databases()]
    fresh = _fresh_file(STUDY, "study_url", url)
    if fresh:
        return [fresh]
    return _looked_at(STUDY, "study_url", url, lambda connection: _study_schema(connection, url))


def mlflow_database_findings(uri: str, *, own: bool = False) -> list[Finding]:
    """MLflow's database, where the tracking URI names one; artifacts of the studies' ``own`` lie beside them."""
    fresh = _fresh_file(MLFLOW, "mlflow_url", uri)
    if fresh:
        return [fresh]
    return _looked_at(MLFLOW, "mlflow_url", uri, lambda connection: _mlflow_schema(connection, uri, own=own))


def shown(url: str) -> str:
    """A database's URL without its user and password."""
    try:
        make_url(url)
    except ArgumentError:
        return "(not a URL)"
    return redacted(url)


def optuna_finding(current: str, head: str, known: Sequence[str], url: str) -> Finding:
    """Whether the schema that a database has is that of our Optuna."""
    ours, place = f"Optuna {optuna.__version__}", shown(url)
    if current == head:
        return Finding(name=STUDY, status=OK, sentence=f"{place} answers, with the schema of {ours}")
    if current in known:
        problem = f"of an older Optuna, and ours is {head}"
        return _other_schema(
            STUDY, f"study_url {place}", current, problem, shell_command("optuna", "storage", "upgrade", "--storage", place)
        )
    remedy = "pip install -U optuna, as new as the one that made it"
    return _other_schema(STUDY, f"study_url {place}", f"{current},", f"which {ours} does not know", remedy)


def mlflow_finding(current: str, head: str, known: Sequence[str], uri: str) -> Finding:
    """Whether the schema that a database has is that of our MLflow."""
    place = shown(uri)
    if current == head:
        return Finding(name=MLFLOW, status=OK, sentence=f"{place} answers, with the schema of our MLflow")
    if current in known:
        problem = f"of an older MLflow, and ours is {head}"
        return _other_schema(
            MLFLOW,
            f"mlflow_url {place}",
            current,
            problem,
            f"back it up, then: {shell_command('mlflow', 'db', 'upgrade', place)}",
        )
    remedy = "pip install -U mlflow, as new as the one that made it"
    return _other_schema(MLFLOW, f"mlflow_url {place}", f"{current},", "which our MLflow does not know", remedy)


def _other_schema(name: str, place: str, current: str, problem: str, remedy: str) -> Finding:
    return Finding(name=name, status=FAILED, sentence=f"{place} has the schema {current} {problem}", remedy=remedy)


def _looked_at(name: str, field: str, url: str, look: Look) -> list[Finding]:
    """Return the findings of ``look`` in a database, or the reason why the database cannot be asked."""
    try:
        parsed = make_url(url)
        module = parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        example = "postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE"
        sentence = f"{field} {shown(url)} is not the URL of a database"
        return [Finding(name=name, status=FAILED, sentence=sentence, remedy=f"{field}: {example}")]
    except ModuleNotFoundError as error:
        return [_no_driver(name, field, parsed, error.name or str(error))]
    options: dict[str, Any] = {}
    if module.__name__ in ("psycopg", "psycopg2"):
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    engine = create_engine(parsed, poolclass=NullPool, **options)
    try:
        with engine.connect() as connection:
            damage = _damage(connection)
            if damage:
                sentence = f"{field} {shown(url)} cannot be used: database disk image is malformed ({damage})"
                return [Finding(name=name, status=FAILED, sentence=sentence, remedy=_connection_remedy(field, parsed))]
            return list(look(connection))
    except Exception as error:
        # A driver raises dozens of kinds for one cause: the URL does not lead to a usable database.
        sentence = f"{field} {shown(url)} cannot be used: {_reason(error, parsed)}"
        return [Finding(name=name, status=FAILED, sentence=sentence, remedy=_connection_remedy(field, parsed))]


def _damage(connection: Connection) -> str:
    """Return what SQLite finds wrong in a file that is read in a second; empty where that is nothing."""
    database = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not database or not Path(database).is_file():
        return ""
    if Path(database).stat().st_size > MAX_CHECKED_BYTES:
        return ""
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
    return "" if found == "ok" else found.splitlines()[-1]


def _study_schema(connection: Connection, url: str) -> list[Finding]:
    tables = inspect(connection).get_table_names()
    found: list[Finding] = []
    if "version_info" in tables and "studies" in tables:
        options = {"poolclass": NullPool}
        storage = optuna.storages.RDBStorage(
            url, engine_kwargs=options, skip_table_creation=True, skip_compatibility_check=True
        )
        known = storage.get_all_versions()
        found.append(optuna_finding(storage.get_current_version(), storage.get_head_version(), known, url))
    elif "experiments" in tables and "alembic_version" in tables:
        return [_two_databases()]
    else:
        found.append(Finding(name=STUDY, status=OK, sentence=f"{shown(url)} answers; its tables will be made"))
    if connection.dialect.name == "postgresql":
        refused = _refused(connection, url, made="trials" in tables)
        return [refused] if refused else [*found, _clock(connection)]
    return found


def _mlflow_schema(connection: Connection, uri: str, *, own: bool) -> list[Finding]:
    tables = inspect(connection).get_table_names()
    if "version_info" in tables and "studies" in tables:
        return [_two_databases()]
    if "experiments" not in tables or "alembic_version" not in tables:
        return [Finding(name=MLFLOW, status=OK, sentence=f"{shown(uri)} answers; its tables will be made")]
    current = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
    scripts = mlflow_scripts()
    known = [revision.revision for revision in scripts.walk_revisions()]
    found = [mlflow_finding(current, str(scripts.get_current_head()), known, uri)]
    query = "SELECT experiment_id, artifact_location, lifecycle_stage FROM experiments WHERE name = :name"
    experiment = connection.execute(text(query), {"name": EXPERIMENT}).mappings().first()
    if experiment and experiment["lifecycle_stage"] == DELETED:
        return [deleted_finding(uri, str(experiment["experiment_id"]))]
    place = experiment["artifact_location"] if experiment and not own else None
    closed = artifacts_finding(str(place)) if place else None
    return [*found, closed] if closed else found


def deleted_finding(uri: str, experiment_id: str) -> Finding:
    """Return the finding for an experiment that was deleted."""
    return Finding(
        name=MLFLOW,
        status=FAILED,
        sentence=f"mlflow_url {shown(uri)}: {deleted_sentence(EXPERIMENT)}",
        remedy=restore_command(experiment_id, uri),
    )


def mlflow_scripts() -> ScriptDirectory:
    """The schemas that our MLflow knows, in its own folder of migrations."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None, "MLflow is one of our dependencies"
    assert spec.origin is not None, "MLflow is a package with code"
    return ScriptDirectory(str(Path(spec.origin).parent / "store" / "db_migrations"))


def artifacts_finding(location: str) -> Finding | None:
    """Whether artifacts can be written to a place, where that can be known: in a folder; None where all is well."""
    scheme, found, rest = location.partition("://")
    if found and scheme != "file":
        return None
    folder = Path(unquote(rest) if found else location.removeprefix("file:"))
    if is_writable(folder):
        return None
    return Finding(
        name=MLFLOW,
        status=WARNING,
        sentence=f"the artifacts of MLflow go to {folder}, which cannot be written here",
        remedy=f"mount {folder} here for writing, or run the server with --serve-artifacts",
    )


def _refused(connection: Connection, url: str, *, made: bool) -> Finding | None:
    """Return a failure where the user of a PostgreSQL URL lacks a right that the search needs."""
    question = "has_table_privilege('trials', 'INSERT')" if made else "has_schema_privilege(current_schema(), 'CREATE')"
    if connection.execute(text(f"SELECT {question}")).scalar():
        return None
    user = make_url(url).username
    what = "INSERT, UPDATE, DELETE, SELECT ON ALL TABLES IN SCHEMA public" if made else "CREATE ON SCHEMA public"
    return Finding(
        name=STUDY,
        status=FAILED,
        sentence=f"study_url {shown(url)}: user {user} may not {'write to' if made else 'make'} its tables",
        remedy=f"as the database's owner: GRANT {what} TO {user};",
    )


def _clock(connection: Connection) -> Finding:
    began = time.time()
    theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar() or 0.0)
    return clock_finding([reading("the database server", theirs, sent=began, received=time.time())])


def _fresh_file(name: str, field: str, url: str) -> Finding | None:
    """Judge a SQLite file that does not exist yet; return None where it exists, or the database is of another kind."""
    file = sqlite_file(url, Path())
    if file is None or file.exists():
        return None
    if not is_writable(file.parent):
        sentence = f"{field}: {file} cannot be made"
        return Finding(name=name, status=FAILED, sentence=sentence, remedy=f"{field}: a file in a folder that you may write")
    return Finding(name=name, status=OK, sentence=f"{file} will be made")


def _same_database(first: str, second: str) -> bool:
    try:
        one, other = make_url(first), make_url(second)
    except ArgumentError:
        return False
    return (one.get_backend_name(), one.host, one.port, one.database) == (
        other.get_backend_name(),
        other.host,
        other.port,
        other.database,
    )


def _two_databases() -> Finding:
    return Finding(
        name=STUDY,
        status=FAILED,
        sentence="study_url and mlflow_url must be two databases: Optuna's and MLflow's tables of versions share a name",
        remedy="createdb dite_search_study, and study_url: the same URL with that database at its end",
    )


def _no_driver(name: str, field: str, url: URL, module: str) -> Finding:
    package = _DRIVERS.get(module, module)
    remedy = f"pip install '{package}'"
    if module == "psycopg" and importlib.util.find_spec("psycopg2"):
        remedy = f"{field}: {shown(str(url.set(drivername='postgresql+psycopg2')))}, or {remedy}"
    return Finding(
        name=name,
        status=FAILED,
        sentence=f"{field} {shown(url.render_as_string())} needs the Python package {module}, which is not installed",
        remedy=remedy,
    )


def _connection_remedy(field: str, url: URL) -> str:
    if url.get_backend_name() == "postgresql":
        host, port = url.host or "localhost", url.port or 5432
        server = ("-h", host, "-p", port)
        user = ("-U", url.username) if url.username else ()
        database = (url.database,) if url.database else ()
        client = shell_command("psql", *server, *user, *database)
        return f"{shell_command('pg_isready', *server)}, then {client}; correct {field}"
    if url.get_backend_name() == "sqlite":
        return f"{field}: another file, or move {url.database} away"
    return f"correct {field}"


def _reason(error: Exception, url: URL) -> str:
    """Return the message of a driver without the password."""
    reason = reason_of(error)
    return reason.replace(str(url.password), HIDDEN) if url.password else reason
