"""A study as MLflow follows it: what is read there, and the runs that are noted there."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from analysis.study.records import StudyRecord, TrialRecord
from dite_search.config.search_config import SearchConfig
from dite_search.spending.state import budget_state
from dite_search.study.attributes import LATE_MLFLOW_RUN, MLFLOW_RUN
from dite_search.study.directory import SEARCH_FILE, STUDY_DATABASE, load_config
from dite_search.study.protocol import protocol_of
from dite_search.study.reader import StudyReader, TrialNetworks
from dite_search.study.study import found_study, open_study
from dite_search.tracking.address import MLFLOW_EXPERIMENT, noted_address
from dite_search.tracking.client import UsedData, tracking_uri
from dite_search.tracking.pages import Pages, pages_of, report_setup
from dite_search.tracking.progress import ideal_of, reference_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.redaction import redacted
from search_spaces.space.budget import Budget
from search_spaces.space.candidate import CandidateCache

Key = int | None
"""The identity of a run: a trial by its number, or None for the search itself."""

MLFLOW_STUDY = "mlflow_study"
"""The attribute of a study by whose value its runs are tagged: two studies of one name stay apart."""

MLFLOW_FOLDER = "mlflow_folder"
"""The attribute that holds the folder from which a study was written to MLflow last."""

MLFLOW_REFERENCE = "mlflow_hypervolume_reference"
"""The attribute that holds the corner of the hypervolume, so that its curve goes on from where it was."""

MLFLOW_IDEAL = "mlflow_hypervolume_ideal"
"""The attribute that holds what is known of the corner opposite."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A study at one moment.

    Args:
        study: The records.
        attributes: The plain attributes of the trials, by number.
        left: The number of trials that the search has left to train.
        amounts: The figures of what the search has spent, and has left, by name.
        run_id: The run that the study noted for itself.
        experiment: The experiment that the study noted for its runs.
        is_spent: Whether the budget of the search is spent: what waits goes on only where the search is extended.
    """

    study: StudyRecord
    attributes: Mapping[int, Mapping[str, Any]]
    left: int = 0
    run_id: str | None = None
    amounts: Mapping[str, float] = field(default_factory=dict)
    experiment: str | None = None
    is_spent: bool = False

    @property
    def records(self) -> dict[int, TrialRecord]:
        """The trials that are this study's own."""
        return {record.number: record for record in self.study.trials if not record.origin}


class Source(Protocol):
    """The study's side.

    Args:
        tag: The tag of the study.
        search_file: The search file as text.
        training: The hyper-parameters that the study may vary.
        driven: Whether a driver runs the search.
        reference: The corner of the hypervolume, as of `reference_of`.
        ideal: What is known of the corner opposite, as of `ideal_of`.
        budget: The limits of the search.
        data: The data of the search; None where it was not recorded.
    """

    tag: str
    search_file: str
    training: Sequence[str]
    driven: bool
    reference: Mapping[str, float]
    ideal: Mapping[str, float]
    budget: Budget
    data: UsedData | None

    def read(self) -> Snapshot:
        """The study as it stands."""

    def note(self, key: Key, run_id: str) -> None:
        """Remember a run in the study."""

    def note_experiment(self, experiment: str) -> None:
        """Remember the experiment of the runs in the study."""

    def pages(self, study: StudyRecord, *, uri: str, experiment: str, runs: Mapping[int, str]) -> Pages:
        """Return the pages of the study, as of `pages_of`."""


class StudySource:
    """The study of a search as the source of a mirror; for one thread at a time.

    Args:
        config: The search.
        networks: The networks of trials that this process knows.
        candidates: The candidates of the space that this process knows.
        driven: Whether a driver runs the search.
    """

    def __init__(
        self,
        config: SearchConfig,
        networks: TrialNetworks | None = None,
        *,
        candidates: CandidateCache | None = None,
        driven: bool = True,
    ) -> None:
        self._config, self._study = config, open_study(config)
        self.driven, self.budget = driven, config.network_budget
        self._setup, self.data = report_setup(config), used_data(config)
        self._reader = StudyReader(config, self._study, networks)
        if MLFLOW_STUDY not in self._study.user_attrs or _is_copy(config, self._study.user_attrs):
            self._study.set_user_attr(MLFLOW_STUDY, f"{config.name}-{uuid.uuid4().hex[:12]}")
        if self._study.user_attrs.get(MLFLOW_FOLDER) != str(config.study_directory):
            self._study.set_user_attr(MLFLOW_FOLDER, str(config.study_directory))
        self.tag: str = self._study.user_attrs[MLFLOW_STUDY]
        self.search_file = redacted((config.study_directory / SEARCH_FILE).read_text())
        self.training: Sequence[str] = tuple(config.search_space.training_parameters)
        if MLFLOW_REFERENCE not in self._study.user_attrs:
            self._study.set_user_attr(MLFLOW_IDEAL, ideal_of(config, candidates))
            self._study.set_user_attr(MLFLOW_REFERENCE, reference_of(config, candidates))
        self.reference: Mapping[str, float] = self._study.user_attrs[MLFLOW_REFERENCE]
        self.ideal: Mapping[str, float] = self._study.user_attrs.get(MLFLOW_IDEAL, {})

    def read(self) -> Snapshot:
        """The study as it stands."""
        study = self._reader.read()
        attributes = {trial.number: trial.user_attrs for trial in self._study.get_trials(deepcopy=False)}
        noted, state = self._study.user_attrs, budget_state(self._config, study, time.time())
        return Snapshot(
            study=study,
            attributes=attributes,
            left=max(1, state.networks_left or 0) if state.has_work else 0,
            amounts=state.amounts,
            run_id=noted.get(MLFLOW_RUN),
            experiment=noted.get(MLFLOW_EXPERIMENT),
            is_spent=not state.has_work,
        )

    def note_experiment(self, experiment: str) -> None:
        """Remember the experiment of the runs."""
        self._study.set_user_attr(MLFLOW_EXPERIMENT, experiment)

    def pages(self, study: StudyRecord, *, uri: str, experiment: str, runs: Mapping[int, str]) -> Pages:
        """Return the pages of the study, as of `pages_of`."""
        return pages_of(study, self._setup, uri=uri, experiment=experiment, runs=runs)

    def note(self, key: Key, run_id: str) -> None:
        """Remember a run; that of a trial which has ended is an attribute of the study."""
        if key is None:
            self._study.set_user_attr(MLFLOW_RUN, run_id)
            return
        trial = self._study.get_trials(deepcopy=False)[key]
        if not trial.state.is_finished():
            try:
                self._study._storage.set_trial_user_attr(trial._trial_id, MLFLOW_RUN, run_id)
            except RuntimeError:
                logging.getLogger(__name__).debug("trial %d ended before its run was noted", key)
            else:
                return
        self._study.set_user_attr(f"{LATE_MLFLOW_RUN}{key}", run_id)


def tag_of(config: SearchConfig, attributes: Mapping[str, Any]) -> str | None:
    """Return the tag of a study's runs by the attributes of the study; None where it has none of its own."""
    if MLFLOW_STUDY not in attributes or _is_copy(config, attributes):
        return None
    return str(attributes[MLFLOW_STUDY])


def search_address(config: SearchConfig) -> str:
    """Return the address of the run of a search in MLflow's page, or of the page where the search has no run yet."""
    attributes: Mapping[str, Any] = {}
    # An address is a help: where the study cannot be read, somebody else says so.
    with contextlib.suppress(InvalidInput):
        study = found_study(config)
        attributes = study.user_attrs if study else {}
    return noted_address(tracking_uri(config.mlflow_url, config.study_directory.parent), attributes)


def used_data(config: SearchConfig) -> UsedData | None:
    """Return the data of a search by the digest of their annotations; None where the search did not record it."""
    protocol = protocol_of(config)
    kind, _, digest = str(protocol["data"]).partition(" ")
    if kind != "sha256":
        return None
    place = "drawn by dite-search" if config.data.synthetic else str(config.data.folder or "")
    names = ("train_split", "val_split", "format", "boxes", "keypoints", "metric", "split")
    profile = {name: str(protocol[name]) for name in names if name in protocol}
    return UsedData(name=str(protocol["dataset"]), digest=digest, place=redacted(place), profile=profile)


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
