"""MLflow, call by call: runs found, made, written and closed. `dite_search.tracking.plan` says what belongs there."""

from __future__ import annotations

import getpass
import json
import logging
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# MLflow reads these when it is used: no usage data, and a call that gets no answer ends in seconds. It is not repeated by
# MLflow itself, which would not look whether the first attempt took effect.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
# Its own lines on the screen would show the URL with the password.
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
# A bar for each file that is uploaded says nothing to a reader of results.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_GIT_COMMIT,
    MLFLOW_GIT_DIRTY,
    MLFLOW_LOGGED_ARTIFACTS,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)

from dite_search.config.search_config import SearchConfig
from dite_search.config.sqlite_url import sqlite_file, sqlite_url
from dite_search.storage.database_errors import reason_of
from dite_search.tracking.experiment import (
    ARTIFACTS_FOLDER,
    DELETED,
    EXPERIMENT,
    deleted_sentence,
    follow_folder,
    restore_command,
)
from search_spaces.common.errors import InvalidInput
from search_spaces.common.redaction import redacted

PARENT, TABLES, DESCRIPTION = MLFLOW_PARENT_RUN_ID, MLFLOW_LOGGED_ARTIFACTS, MLFLOW_RUN_NOTE
SOURCE_NAME, SOURCE_TYPE, GIT_COMMIT, GIT_DIRTY = MLFLOW_SOURCE_NAME, MLFLOW_SOURCE_TYPE, MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY
STUDY_TAG, TRIAL_TAG = "dite_search.study", "dite_search.trial"
"""Tags by which a run is found again; that of the trial is missing on the run of the search itself."""
SUPERNET_TAG = "dite_search.supernet"
"""The tag with the name of the study whose networks share weights, of their run; a run of a search or trial has none."""

RUNNING, SCHEDULED, FINISHED, FAILED, KILLED = "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"
"""Statuses of a run; a search, or a trial, that was paused is scheduled."""
MAX_METRICS, MAX_PARAMS, MAX_TAGS, MAX_ENTRIES, MAX_TEXT = 1000, 100, 100, 1000, 5000
"""Limits of one call: entries of each kind, entries in all, and the characters of a parameter or a tag."""

KIND_TAG, TRAINING_KIND = "mlflow.experimentKind", "custom_model_development"
"""The tag of an experiment by which MLflow's page opens the view of trainings rather than that of language models."""

_PAGE = 1000
_REFUSALS = (400, 401, 403, 404)

logging.getLogger("mlflow").setLevel(logging.ERROR)
# A database that is full or away is met at each attempt, with a page of traceback; the mirror tells of it in one sentence.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
logging.getLogger("alembic").setLevel(logging.ERROR)


class Unreachable(Exception):
    """A call got no answer, or was told to come again; whether it took effect is not known."""


class Refused(Exception):
    """The server answered, and will not do what was asked."""


class Deleted(Refused):
    """The experiment was deleted; the text ends with the command that brings it back."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of a metric; ``timestamp`` in milliseconds since 1970. MLflow keeps one of several equal ones."""

    name: str
    step: int
    value: float
    timestamp: int


@dataclass(frozen=True, kw_only=True)
class UsedData:
    """A data set that a run used: its name, the digest that tells it from others, its place and more in plain values."""

    name: str
    digest: str
    place: str
    profile: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run as the server holds it, without its metrics.

    Args:
        run_id: The id.
        status: The status.
        started: Milliseconds since 1970.
        params: The parameters.
        tags: The tags.
        data: The digests of the data sets that it used.
    """

    run_id: str
    status: str
    started: int
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: Collection[str] = ()


def tracking_uri(url: str | None, directory: Path) -> str:
    """The tracking URI: the one given, or SQLite in the folder of the studies. Always absolute."""
    return url or sqlite_url(directory / "mlflow.db")


def tracker_of(config: SearchConfig) -> Tracker:
    """The tracking of a search.

    Raises:
        InvalidInput: the server or the database cannot be reached.
    """
    directory = config.study_directory.parent
    return Tracker(
        tracking_uri(config.mlflow_url, directory),
        experiment=EXPERIMENT,
        artifacts=directory / ARTIFACTS_FOLDER,
        own=not config.mlflow_url,
    )


def create_database(database: Path, artifacts: Path) -> bool:
    """Make MLflow's SQLite file with its tables where there is none; whether it was made.

    The tables are made in a file beside it that is linked into place when it is whole. MLflow itself needs about a second,
    and refuses a file whose maker was killed in between as the file of an older MLflow.
    """
    if database.exists():
        return False
    # The store of a database is slow to import, and one behind a server needs none.
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{database.name}-", dir=database.parent) as folder:
        whole = Path(folder) / database.name
        store = SqlAlchemyStore(sqlite_url(whole), artifacts.absolute().as_uri())  # type: ignore[no-untyped-call]
        store.engine.dispose()
        # Another process that made the file meanwhile has made the same one.
        with suppress(FileExistsError):
            os.link(whole, database)
            return True
    return False


class Tracker:
    """The runs of one experiment, by its id. Calls raise `Unreachable` and `Refused`, whose texts hold no password.

    Args:
        uri: the server, or the SQLite file, that holds the experiment.
        experiment: the name of the experiment.
        artifacts: the folder of the artifacts of a SQLite file, which follows where both were moved.
        own: whether the SQLite file is the studies' own, because nobody else named it.

    Raises:
        InvalidInput: at construction, when the server or database cannot be reached, or the experiment was deleted.
    """

    def __init__(self, uri: str, *, experiment: str, artifacts: Path | None, own: bool = False) -> None:
        self.uri, self.shown = uri, redacted(uri)
        self._name, self._artifacts = experiment, artifacts
        database = sqlite_file(uri, Path()) if uri.startswith("sqlite") else None
        try:
            if database and artifacts:
                create_database(database, artifacts)
                follow_folder(database, artifacts, experiment=experiment, own=own)
            self._client = mlflow.MlflowClient(tracking_uri=uri)
            self._connect()
        except Deleted as error:
            raise InvalidInput(f"mlflow_url {self.shown}: {error}") from None
        except Exception as error:
            # A database's driver raises dozens of kinds for one cause: the URL does not lead to a usable server.
            logging.getLogger(__name__).debug("tracking", exc_info=True)
            raise InvalidInput(f"mlflow_url {self.shown} cannot be reached: {reason_of(error)}") from None

    def find_runs(self, study: str, *, trial: int | None = None) -> list[RunState]:
        """The runs that carry the tag of a study, or those of one of its trials."""
        return self.find_tagged({STUDY_TAG: study} | ({} if trial is None else {TRIAL_TAG: str(trial)}))

    def find_tagged(self, tags: Mapping[str, str]) -> list[RunState]:
        """The runs that carry all of these tags."""
        self._connect()
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        found: list[RunState] = []
        token: str | None = None
        with _answering():
            while True:
                page = self._client.search_runs([self.experiment], wanted, max_results=_PAGE, page_token=token)
                found += [_state(run) for run in page]
                token = page.token
                if not token:
                    return found

    def get_run(self, run_id: str) -> RunState | None:
        """A run by its id; None if there is none, or it was deleted."""
        try:
            with _answering():
                run = self._client.get_run(run_id)
        except Refused:
            return None
        return _state(run) if run.info.lifecycle_stage == "active" else None

    def create_run(self, name: str, tags: Mapping[str, str], *, started: int) -> str:
        """Open a run; its id."""
        tags = {**_user_tag(), **tags}
        with _answering():
            run = self._client.create_run(self.experiment, start_time=started, tags=tags, run_name=name)
        run_id: str = run.info.run_id
        return run_id

    def history(self, run_id: str, names: Sequence[str]) -> set[tuple[str, int]]:
        """Name and step of every value that the run has of these metrics."""
        with _answering():
            return {(name, value.step) for name in names for value in self._client.get_metric_history(run_id, name)}

    def log_batch(
        self,
        run_id: str,
        *,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics, parameters and tags in one call; not more than the call takes."""
        with _answering():
            self._client.log_batch(
                run_id,
                metrics=[Metric(point.name, point.value, point.timestamp, point.step) for point in points],
                params=[Param(name, value) for name, value in (params or {}).items()],
                tags=[RunTag(name, value) for name, value in (tags or {}).items()],
            )

    def delete_tag(self, run_id: str, name: str) -> None:
        """Take a tag away."""
        with _answering():
            self._client.delete_tag(run_id, name)

    def set_status(self, run_id: str, status: str, *, ended: int | None = None) -> None:
        """Open a run again, or close it; ``ended`` in milliseconds since 1970."""
        with _answering():
            if status == RUNNING:
                self._client.update_run(run_id, status=status)
            else:
                self._client.set_terminated(run_id, status, end_time=ended)

    def log_data(self, run_id: str, data: UsedData) -> None:
        """Say which data a run used; nothing where that was said already."""
        source = json.dumps({"uri": data.place})
        known = Dataset(data.name, data.digest, "local", source, profile=json.dumps(data.profile))
        context = InputTag(MLFLOW_DATASET_CONTEXT, "training")
        with _answering():
            self._client.log_inputs(run_id, datasets=[DatasetInput(known, tags=[context])])

    def upload(self, run_id: str, files: Mapping[str, str | bytes]) -> None:
        """Store texts and other files as artifacts, in place of those of the same names."""
        try:
            with _answering(), tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
                # MLflow's client remembers the place of a run for as long as a process lives, and a folder may be moved.
                place = get_artifact_repository(self._client.get_run(run_id).info.artifact_uri, tracking_uri=self.uri)
                for name, content in files.items():
                    file = Path(folder) / name
                    file.write_bytes(content.encode() if isinstance(content, str) else content)
                    place.log_artifact(str(file))  # type: ignore[no-untyped-call]
        except (Unreachable, Refused):
            raise
        except Exception as error:
            # The client of an object store (S3 and the like) raises kinds of its own.
            raise Refused(reason_of(error)) from None

    def delete_run(self, run_id: str) -> None:
        """Delete a run; MLflow can restore it."""
        with _answering():
            self._client.delete_run(run_id)

    def _connect(self) -> None:
        """Find the experiment, or make it: a server may have been set up anew since."""
        with _answering():
            found = self._client.get_experiment_by_name(self._name)
            if found is not None:
                if found.lifecycle_stage == DELETED:
                    command = restore_command(found.experiment_id, self.uri)
                    raise Deleted(f"{deleted_sentence(self._name)}; to bring it back: {command}")
                self.experiment: str = found.experiment_id
                if KIND_TAG not in found.tags:
                    self._client.set_experiment_tag(self.experiment, KIND_TAG, TRAINING_KIND)
                return
            local = self._artifacts is not None and self.uri.startswith("sqlite")
            location = self._artifacts.absolute().as_uri() if local and self._artifacts else None
            self.experiment = self._client.create_experiment(
                self._name, artifact_location=location, tags={KIND_TAG: TRAINING_KIND}
            )


def _state(run: Run) -> RunState:
    return RunState(
        run_id=run.info.run_id,
        status=run.info.status,
        started=run.info.start_time or 0,
        params=run.data.params,
        tags=run.data.tags,
        data=frozenset(used.dataset.digest for used in run.inputs.dataset_inputs) if run.inputs else (),
    )


def _user_tag() -> dict[str, str]:
    """Return the tag with the user of this process; none where the machine has no name for it."""
    try:
        return {MLFLOW_USER: getpass.getuser()}
    except (OSError, KeyError, ImportError):
        return {}


@contextmanager
def _answering() -> Iterator[None]:
    """MLflow's exceptions as ours."""
    try:
        yield
    except MlflowException as error:
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
        kind = Refused if status in _REFUSALS else Unreachable
        raise kind(reason_of(error)) from None
    except OSError as error:
        raise Unreachable(reason_of(error)) from None
