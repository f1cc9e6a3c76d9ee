"""Addresses of runs in MLflow's own page, and the run that a study noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dite_search.study.attributes import MLFLOW_RUN

LOCAL_PAGE = "http://127.0.0.1:5000"
"""The address at which ``mlflow ui`` serves a database."""
SERVER = ("http://", "https://")
"""The beginnings of a server's address; anything else is a database."""
TRAINING_VIEW = "workflowType=machine_learning"
"""The parameter with which MLflow's page shows a run as a training, not as a run of a language model."""
MLFLOW_EXPERIMENT = "mlflow_experiment_id"
"""The attribute of a study that holds the experiment of its runs."""


def is_server(uri: str) -> bool:
    """Whether a tracking URI is that of a server, which has a page already."""
    return uri.startswith(SERVER)


def page_of(uri: str) -> str:
    """Return the address of the page that shows what a tracking URI holds, without a user or a password."""
    if not is_server(uri):
        return LOCAL_PAGE
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")


def run_path(experiment: str, run_id: str) -> str:
    """Return the part of a run's address behind that of the page."""
    return f"#/experiments/{experiment}/runs/{run_id}?{TRAINING_VIEW}"


def run_address(uri: str, experiment: str, run_id: str) -> str:
    """Return the address of a run."""
    return f"{page_of(uri)}/{run_path(experiment, run_id)}"


def trial_page(uri: str, experiment: str) -> str:
    """Return the address of any run of an experiment, with ``{run}`` in the place of its id."""
    return run_address(uri, experiment, "{run}")


def noted_address(uri: str, attributes: Mapping[str, Any]) -> str:
    """Return the address of the run of a search by the attributes of its study, or of the page where it noted none."""
    if MLFLOW_RUN in attributes and MLFLOW_EXPERIMENT in attributes:
        return run_address(uri, attributes[MLFLOW_EXPERIMENT], attributes[MLFLOW_RUN])
    return page_of(uri)
