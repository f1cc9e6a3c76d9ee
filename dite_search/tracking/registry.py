"""MLflow's Model Registry: an export as a version of a model, found by an alias for each budget."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import cv2
import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

from analysis.export import CARD_FILE, EXAMPLE_FILE, Exported
from analysis.export.directory import ONNX_FILE
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import NAME_PATTERN
from dite_search.storage.database_errors import reason_of
from dite_search.tracking import served_model
from dite_search.tracking.client import STUDY_TAG, TRIAL_TAG, Refused, Tracker, Unreachable, tracker_of
from dite_search.tracking.served_model import BOX, EXAMPLE, NETWORK
from search_spaces.common.errors import InvalidInput

DIGEST_TAG, ARCH_TAG = "dite_search.onnx_sha256", "dite_search.arch_id"
SERVING_PACKAGES = ("mlflow", "numpy", "onnxruntime", "opencv-python-headless", "pandas")
"""Distributions that a served model imports; it is served with the versions that made it."""
URI_VARIABLE = "MLFLOW_TRACKING_URI"
_DESCRIPTION = 4000


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A version of a model in the registry. ``new`` is False where the same network was there already."""

    name: str
    version: int
    aliases: tuple[str, ...]
    new: bool

    @property
    def uri(self) -> str:
        """How MLflow loads it."""
        return f"models:/{self.name}@{self.aliases[0]}" if self.aliases else f"models:/{self.name}/{self.version}"


def register(
    config: SearchConfig,
    exported: Exported,
    *,
    trial: int,
    arch_id: str,
    run_id: str | None,
    name: str,
    aliases: Sequence[str],
) -> Registered:
    """Make an export a version of the model ``name``, and point the aliases at it.

    A network that the model holds already is found by the digest of its ONNX file and not stored again.

    Raises:
        InvalidInput: the tracking server cannot be reached or refuses, or the name or an alias is none it takes.
    """
    tracker = check_registry(config, name)
    client = mlflow.MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)
    tags = _tags(config, exported.directory, trial=trial, arch_id=arch_id)
    with _answering(tracker.shown), _tracking_at(tracker.uri):
        _ensure_model(client, name)
        version = _version_of(client, name, tags[DIGEST_TAG])
        new = version is None
        if version is None:
            logged, _ = _logged_model(client, tracker.experiment, exported.directory, name=name, run_id=run_id, tags=tags)
            card = (exported.directory / CARD_FILE).read_text(encoding="utf-8")
            made = client.create_model_version(
                name,
                source=logged.artifact_location,
                run_id=run_id,
                tags=tags,
                description=card[:_DESCRIPTION],
                model_id=logged.model_id,
            )
            version = int(made.version)
        for alias in aliases:
            client.set_registered_model_alias(name, alias, str(version))
    return Registered(name=name, version=version, aliases=tuple(aliases), new=new)


def log_export(config: SearchConfig, tracker: Tracker, directory: Path, *, trial: int, arch_id: str, run_id: str) -> bool:
    """Log the export in a folder as a model of its trial's run; whether the run had none of this network.

    Raises:
        InvalidInput: the tracking server cannot be reached or refuses.
    """
    client = mlflow.MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)
    tags = _tags(config, directory, trial=trial, arch_id=arch_id)
    with _answering(tracker.shown), _tracking_at(tracker.uri):
        return _logged_model(client, tracker.experiment, directory, name=config.name, run_id=run_id, tags=tags)[1]


def check_registry(config: SearchConfig, name: str) -> Tracker:
    """The tracking server, which answers and has an experiment, for a model that may be called ``name``.

    Raises:
        InvalidInput: the server cannot be reached or refuses, or the name is none it takes.
    """
    if not re.match(NAME_PATTERN, name):
        raise InvalidInput(f"model must be a name of letters, digits, '.', '_' and '-', got {name!r}")
    return tracker_of(config)


def save_served(exported: Exported, folder: Path) -> None:
    """Write an export as an MLflow model, which loads without this package."""
    _save(exported.directory, folder)


def _save(directory: Path, folder: Path) -> None:
    # MLflow takes a plain path for a URI too, and reads a % in it as one.
    parts = {NETWORK: directory / ONNX_FILE, EXAMPLE: directory / EXAMPLE_FILE}
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=served_model.__file__,
        artifacts={name: path.absolute().as_uri() for name, path in parts.items()},
        signature=signature(),
        input_example=(input_example(), {"flip": False}),
        pip_requirements=[f"{package}=={installed(package)}" for package in SERVING_PACKAGES],
    )


def signature() -> ModelSignature:
    """One person a row: the bytes of an image file and a box in its pixels; keypoints and a score come back."""
    boxes = [ColSpec(DataType.double, name) for name in BOX]
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, "image"), *boxes]),
        outputs=Schema([ColSpec(Array(Array(DataType.double)), "keypoints"), ColSpec(DataType.double, "score")]),
        params=ParamSchema([ParamSpec("flip", DataType.boolean, False)]),
    )


def input_example() -> pd.DataFrame:
    """A small drawing, and a box in it."""
    image = np.full((96, 72, 3), 200, np.uint8)
    cv2.circle(image, (36, 20), 10, (60, 80, 160), cv2.FILLED)
    cv2.rectangle(image, (26, 32), (46, 84), (120, 60, 40), cv2.FILLED)
    content = cv2.imencode(".png", image)[1].tobytes()
    return pd.DataFrame([{"image": content, "x": 20.0, "y": 8.0, "width": 32.0, "height": 80.0}])


def _ensure_model(client: Any, name: str) -> None:
    with contextlib.suppress(MlflowException):
        client.get_registered_model(name)
        return
    client.create_registered_model(name, description="Pose networks found by dite-search")


def _version_of(client: Any, name: str, digest: str) -> int | None:
    """The version that holds a network already."""
    found = client.search_model_versions(f"name = '{name}' and tags.`{DIGEST_TAG}` = '{digest}'")
    return max((int(entry.version) for entry in found), default=None)


def _tags(config: SearchConfig, directory: Path, *, trial: int, arch_id: str) -> dict[str, str]:
    digest = hashlib.sha256((directory / ONNX_FILE).read_bytes()).hexdigest()
    return {STUDY_TAG: config.name, TRIAL_TAG: str(trial), ARCH_TAG: arch_id, DIGEST_TAG: digest}


def _logged_model(
    client: Any, experiment: str, directory: Path, *, name: str, run_id: str | None, tags: dict[str, str]
) -> tuple[Any, bool]:
    """Return the model of a run that holds an export, and whether it was made for it."""
    found = client.search_logged_models([experiment], filter_string=f"tags.`{DIGEST_TAG}` = '{tags[DIGEST_TAG]}'")
    for known in found:
        if known.source_run_id == run_id and known.status == LoggedModelStatus.READY:
            return known, False
    with tempfile.TemporaryDirectory(prefix="dite-search-") as scratch:
        folder = Path(scratch) / "model"
        _save(directory, folder)
        logged = client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=tags)
        try:
            client.log_model_artifacts(logged.model_id, str(folder))
        except BaseException:
            client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
            raise
        ready = client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    if run_id:
        client.log_outputs(run_id, [LoggedModelOutput(ready.model_id, 0)])
    return ready, True


@contextlib.contextmanager
def _tracking_at(uri: str) -> Iterator[None]:
    """Some of a registry's calls ask the server that is set for the whole process, whichever client they come through."""
    # MLflow keeps the variable equal to what was set; put back alone, it says the same and can be changed again.
    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        if before is not None:
            os.environ[URI_VARIABLE] = before


@contextlib.contextmanager
def _answering(shown: str) -> Iterator[None]:
    """Turn errors of MLflow and of its artifact stores into one sentence."""
    try:
        yield
    except InvalidInput:
        raise
    except (MlflowException, Refused, Unreachable, OSError) as error:
        reason = reason_of(error)
        raise InvalidInput(f"the model registry at {shown} does not take the network: {reason}") from None
