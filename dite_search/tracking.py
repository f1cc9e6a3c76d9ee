"""MLflow: one parent run a search, one child a trial, and the front on the parent."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# MLflow reads these when it is imported: no usage data, and a server that is down is reported in seconds, not minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

import mlflow
from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from analysis.trials import TrialRecord
from search_spaces.arch import ArchConfig
from search_spaces.cost import cost_of
from search_spaces.errors import InvalidInput
from search_spaces.parameters import flatten

MAX_METRICS, MAX_PARAMS, MAX_TEXT = 1000, 100, 6000
FRONT_FILE = "front.json"
UNREACHABLE = (MlflowException, OSError)
"""What a call raises when the server or the database does not answer."""

logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.ERROR)


def tracking_uri(url: str | None, directory: Path) -> str:
    """The tracking URI: the one given, or SQLite in the folder of the studies. Always absolute."""
    return url or f"sqlite:///{directory.absolute() / 'mlflow.db'}"


class Tracker:
    """Writes one search to MLflow.

    Raises:
        InvalidInput: at construction, when the server or database cannot be reached.
    """

    def __init__(self, uri: str, *, experiment: str, artifacts: Path) -> None:
        self.uri = uri
        self._client = mlflow.MlflowClient(tracking_uri=uri)
        try:
            found = self._client.get_experiment_by_name(experiment)
            if found is None:
                location = artifacts.absolute().as_uri() if uri.startswith("sqlite") else None
                self._experiment = self._client.create_experiment(experiment, artifact_location=location)
            else:
                self._experiment = found.experiment_id
        except UNREACHABLE as error:
            reason = str(error).strip().splitlines()[0]
            raise InvalidInput(f"mlflow_url {uri.rpartition('@')[2]} cannot be reached: {reason}") from None
        self.parent: str | None = None

    def start_search(self, name: str, parameters: Mapping[str, Any], search_file: Path) -> str:
        """Open the parent run, with the search file as its artifact; its id."""
        run = self._client.create_run(self._experiment, tags={MLFLOW_RUN_NAME: name}, run_name=name)
        self.parent = run.info.run_id
        self._log(self.parent, params=parameters)
        self._client.log_artifact(self.parent, str(search_file))
        return self.parent

    def go_on_with(self, parent: str) -> None:
        """Take up the parent run of a search that was cut off."""
        self.parent = parent
        self.reopen_trial(parent)

    def reopen_trial(self, run_id: str) -> None:
        """Take up a run that was cut off."""
        self._client.update_run(run_id, status=RunStatus.to_string(RunStatus.RUNNING))

    def start_trial(self, number: int, arch: ArchConfig, parameters: Mapping[str, Any]) -> str:
        """Open a child run with the trial's parameters, whole architecture and cost; return its id."""
        name = f"trial-{number:05d}"
        assert self.parent is not None, "a search is started before its trials"
        tags = {MLFLOW_PARENT_RUN_ID: self.parent, MLFLOW_RUN_NAME: name, "arch_id": arch.arch_id}
        run = self._client.create_run(self._experiment, tags=tags, run_name=name)
        run_id: str = run.info.run_id
        self._log(run_id, params=flatten(arch) | dict(parameters) | {"trial": number}, metrics=cost_of(arch).objectives)
        self._client.log_dict(run_id, arch.to_dict(), "arch.yaml")
        return run_id

    def log_epoch(self, run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """The metrics of one epoch, in one call."""
        self._log(run_id, metrics={name: value for name, value in metrics.items() if name != "epoch"}, step=epoch)

    def finish_trial(self, run_id: str, *, failed: str | None = None, stopped_at: int | None = None) -> None:
        """Close a child run; ``failed`` is the reason of a failure, ``stopped_at`` the epoch after which it was stopped."""
        if failed:
            self._client.set_tag(run_id, "reason", failed[:MAX_TEXT])
        if stopped_at is not None:
            self._client.set_tag(run_id, "stopped_at_epoch", str(stopped_at))
        self._client.set_terminated(run_id, RunStatus.to_string(RunStatus.FAILED if failed else RunStatus.FINISHED))

    def finish_search(
        self,
        front: Sequence[TrialRecord],
        objectives: Sequence[str],
        *,
        counts: Mapping[str, int] | None = None,
        failed: bool = False,
    ) -> None:
        """Put the front on the parent run, as an artifact, a table and tags, with ``counts`` as metrics, and close it."""
        assert self.parent is not None, "a search is started before it is finished"
        rows = [
            {"trial": record.number, "arch_id": record.arch.arch_id, "run_id": record.mlflow_run_id}
            | {objective: record.values[objective] for objective in objectives}
            for record in front
        ]
        self._client.log_text(self.parent, json.dumps(rows, indent=2), FRONT_FILE)
        if rows:
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            self._client.log_table(self.parent, columns, "front_table.json")
        self._client.set_tag(self.parent, "front", ",".join(str(record.number) for record in front)[:MAX_TEXT])
        self._log(self.parent, metrics={"front_size": len(rows), **(counts or {})})
        for record in front:
            if record.mlflow_run_id:
                self._client.set_tag(record.mlflow_run_id, "on_front", "true")
        status = RunStatus.FAILED if failed else RunStatus.FINISHED
        self._client.set_terminated(self.parent, RunStatus.to_string(status))

    def _log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
    ) -> None:
        """Log in calls of the size MLflow takes."""
        now = int(time.time() * 1000)
        entries = [Metric(name, float(value), now, step) for name, value in (metrics or {}).items()]
        values = [Param(name, str(value)[:MAX_TEXT]) for name, value in (params or {}).items()]
        tags: list[RunTag] = []
        while entries or values:
            self._client.log_batch(
                run_id, metrics=entries[: MAX_METRICS - MAX_PARAMS], params=values[:MAX_PARAMS], tags=tags
            )
            entries, values = entries[MAX_METRICS - MAX_PARAMS :], values[MAX_PARAMS:]
