"""MLflow's server: whether it answers, lets us in, and where it keeps artifacts."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException

from dite_search.config.search_config import SearchConfig
from dite_search.doctor.databases import MLFLOW, artifacts_finding, deleted_finding, mlflow_database_findings
from dite_search.doctor.findings import FAILED, OK, Finding
from dite_search.tracking.client import tracking_uri
from dite_search.tracking.experiment import DELETED, EXPERIMENT
from search_spaces.common.redaction import redacted

SECONDS = 4.0


def mlflow_findings(config: SearchConfig) -> list[Finding]:
    """Where the search is recorded in MLflow: a server, or a database of its own."""
    uri = tracking_uri(config.mlflow_url, config.study_directory.parent)
    scheme = uri.partition("://")[0]
    if scheme in ("http", "https"):
        return server_findings(uri)
    if scheme.split("+")[0] in ("sqlite", "postgresql", "mysql", "mssql"):
        return mlflow_database_findings(uri, own=not config.mlflow_url)
    sentence = f"mlflow_url {redacted(uri)} must begin with http://, https://, sqlite:/// or postgresql://"
    return [Finding(name=MLFLOW, status=FAILED, sentence=sentence, remedy="mlflow_url: http://HOST:5000")]


def server_findings(uri: str) -> list[Finding]:
    """Ask the server at a URI for our experiment, and judge its answer."""
    query = urllib.parse.urlencode({"experiment_name": EXPERIMENT})
    status, body = _get(f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?{query}")
    return answer_findings(uri, status, body)


def answer_findings(uri: str, status: int | None, body: str) -> list[Finding]:
    """Judge an answer by its HTTP status, None where there was none, and its text."""
    shown = redacted(uri)
    if status is None:
        return [
            Finding(
                name=MLFLOW,
                status=FAILED,
                sentence=f"mlflow_url {shown} cannot be reached: {body}",
                remedy="mlflow server --host 0.0.0.0 on its machine, or mlflow_url of a server that runs",
            )
        ]
    if status in (401, 403):
        return [
            Finding(
                name=MLFLOW,
                status=FAILED,
                sentence=f"mlflow_url {shown} refuses us (HTTP {status})",
                remedy="export MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            )
        ]
    try:
        answer = json.loads(body)
        is_ours = isinstance(answer, dict) and ("experiment" in answer or answer["error_code"] == "RESOURCE_DOES_NOT_EXIST")
    except (ValueError, KeyError):
        answer, is_ours = {}, False
    if not is_ours:
        return [
            Finding(
                name=MLFLOW,
                status=FAILED,
                sentence=f"mlflow_url {shown} answers, but not as an MLflow server does (HTTP {status})",
                remedy="mlflow_url: the address of the server itself, as in http://HOST:5000",
            )
        ]
    experiment = answer.get("experiment", {})
    if experiment.get("lifecycle_stage") == DELETED:
        return [deleted_finding(uri, str(experiment.get("experiment_id", "")))]
    location = experiment.get("artifact_location", "")
    closed = artifacts_finding(location) if location else None
    return [closed or Finding(name=MLFLOW, status=OK, sentence=f"the server at {shown} answers")]


def _get(url: str) -> tuple[int | None, str]:
    """Status and text of an answer; no status, and the reason, without one."""
    headers = {}
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user and password:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    parts = urllib.parse.urlsplit(url)
    if parts.username and "Authorization" not in headers:
        secret = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        with urllib.request.urlopen(urllib.request.Request(bare, headers=headers), timeout=SECONDS) as response:
            return response.status, response.read(1_000_000).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(1_000_000).decode("utf-8", "replace")
    except urllib.error.URLError as error:
        return None, _reason(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return None, _reason(error)


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return redacted(str(error)) or type(error).__name__
