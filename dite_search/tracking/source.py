"""A study as MLflow follows it: what is read there, and the runs that are noted there."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from analysis.study.records import StudyRecord, TrialRecord
from dite_search.config.search_config import SearchConfig
from dite_search.spending.state import amounts_of
from dite_search.study.attributes import MLFLOW_RUN
from dite_search.study.directory import SEARCH_FILE, STUDY_DATABASE, load_config
from dite_search.study.reader import StudyReader, TrialNetworks
from dite_search.study.study import open_study
from search_spaces.common.errors import InvalidInput
from search_spaces.common.redaction import redacted

Key = int | None
"""The identity of a run: a trial by its number, or None for the search itself."""

MLFLOW_STUDY = "mlflow_study"
"""The attribute of a study by whose value its runs are tagged: two studies of one name stay apart."""

MLFLOW_FOLDER = "mlflow_folder"
"""The attribute that holds the folder from which a study was written to MLflow last."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A study at one moment: its records, the plain attributes of its trials, and the run it noted for itself.

    ``amounts`` are figures of what the search has spent, and has left, by name.
    """

    study: StudyRecord
    attributes: Mapping[int, Mapping[str, Any]]
    run_id: str | None = None
    amounts: Mapping[str, float] = field(default_factory=dict)

    @property
    def records(self) -> dict[int, TrialRecord]:
        """The trials that are this study's own."""
        return {record.number: record for record in self.study.trials if not record.origin}


class Source(Protocol):
    """The study's side: its tag, its search file as text, the hyper-parameters it may vary, and what it holds."""

    tag: str
    search_file: str
    training: Sequence[str]

    def read(self) -> Snapshot:
        """The study as it stands."""

    def note(self, key: Key, run_id: str) -> None:
        """Remember a run in the study."""


class StudySource:
    """The study of a search as the source of a mirror; for one thread at a time."""

    def __init__(self, config: SearchConfig, networks: TrialNetworks | None = None) -> None:
        self._config, self._study = config, open_study(config)
        self._reader = StudyReader(config, self._study, networks)
        if MLFLOW_STUDY not in self._study.user_attrs or _is_copy(config, self._study.user_attrs):
            self._study.set_user_attr(MLFLOW_STUDY, f"{config.name}-{uuid.uuid4().hex[:12]}")
        if self._study.user_attrs.get(MLFLOW_FOLDER) != str(config.study_directory):
            self._study.set_user_attr(MLFLOW_FOLDER, str(config.study_directory))
        self.tag: str = self._study.user_attrs[MLFLOW_STUDY]
        self.search_file = redacted((config.study_directory / SEARCH_FILE).read_text())
        self.training: Sequence[str] = tuple(config.search_space.training_parameters)

    def read(self) -> Snapshot:
        """The study as it stands."""
        study = self._reader.read()
        attributes = {trial.number: trial.user_attrs for trial in self._study.get_trials(deepcopy=False)}
        amounts = amounts_of(self._config, study, time.time())
        return Snapshot(study=study, attributes=attributes, run_id=self._study.user_attrs.get(MLFLOW_RUN), amounts=amounts)

    def note(self, key: Key, run_id: str) -> None:
        """Remember a run; that of a trial which has ended cannot be noted, and is found by its tags."""
        if key is None:
            self._study.set_user_attr(MLFLOW_RUN, run_id)
            return
        trial = self._study.get_trials(deepcopy=False)[key]
        if not trial.state.is_finished():
            try:
                self._study._storage.set_trial_user_attr(trial._trial_id, MLFLOW_RUN, run_id)
            except RuntimeError:
                # It ended in between, and Optuna changes no trial that has.
                logging.getLogger(__name__).debug("trial %d ended before its run was noted", key)


def _is_copy(config: SearchConfig, attributes: Mapping[str, Any]) -> bool:
    """Whether a study is a copy of one that is still there and writes to the same place: its runs are not the copy's."""
    home = Path(attributes.get(MLFLOW_FOLDER, config.study_directory))
    if config.study_url or home == config.study_directory or not (home / STUDY_DATABASE).is_file():
        return False
    try:
        other = load_config(home)
        if home.samefile(config.study_directory) or _tracked_at(other) != _tracked_at(config):
            return False
        return bool(open_study(other).user_attrs.get(MLFLOW_STUDY) == attributes[MLFLOW_STUDY])
    except InvalidInput:
        # What lies there is no study that could be written from.
        return False


def _tracked_at(config: SearchConfig) -> str:
    return config.mlflow_url or str(config.study_directory.parent)
