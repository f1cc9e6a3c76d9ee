"""A study is taken away: its runs in MLflow, its checkpoints, its Optuna study and its folder.

A file in the folder says that this was begun, so that nobody uses the rest. The folder goes last, and with it that file: a
deletion that was cut off is finished by the same command.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dite_search.config.search_config import SearchConfig
from dite_search.housekeeping.listing import size_of, size_words
from dite_search.storage.lease import Lease, driver_of, forget_lease
from dite_search.storage.pause import Pause
from dite_search.study.directory import DELETION_FILE, SEARCH_FILE, STUDY_DATABASE
from dite_search.study.study import attributes_of, remove_study, storage_of
from dite_search.supernet.place import FOLDER, supernet_location
from dite_search.tracking.client import SUPERNET_TAG, Refused, RunState, Tracker, Unreachable, tracker_of, tracking_uri
from dite_search.tracking.plan import key_of
from dite_search.tracking.source import tag_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_json
from search_spaces.common.redaction import redacted
from trainers.checkpoints.location import Location, below, located


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """Everything that goes with a study.

    Args:
        config: The search.
        size: Bytes of its folder.
        tag: The tag of its runs in MLflow; None where there are none, or where they stay.
        runs: The number of these runs.
        tracker: The server, or the database, that holds them.
    """

    config: SearchConfig
    size: int
    tag: str | None
    runs: int
    tracker: Tracker | None

    @property
    def words(self) -> list[str]:
        """Return what goes, a line each."""
        config = self.config
        found = [f"folder {config.study_directory} ({size_words(self.size)})"]
        if config.checkpoints:
            found += [f"checkpoints in {redacted(str(place))}" for place in _checkpoints(config)]
        if config.study_url:
            found.append(f"Optuna study {config.name} in {redacted(config.study_url)}")
        if self.tracker:
            found.append(f"{self.runs} runs in MLflow at {self.tracker.shown} (MLflow can restore them)")
        return found


def planned_deletion(config: SearchConfig, *, keep_runs: bool) -> Deletion:
    """Return what would go with a study; nothing is deleted.

    Raises:
        InvalidInput: a driver runs the study, or its database or MLflow does not answer.
    """
    is_there = bool(config.study_url) or (config.study_directory / STUDY_DATABASE).is_file()
    driver = driver_of(config.name, storage_of(config)) if is_there else None
    if driver:
        raise InvalidInput(f"study {config.name} must not be running to be deleted, but {driver} drives it: pause it first")
    attributes = attributes_of(config)
    tag = _begun(config)["tag"] if _begun(config) else tag_of(config, attributes or {})
    tracker = None if keep_runs or tag is None or not _has_store(config) else tracker_of(config)
    try:
        runs = len(_runs(tracker, tag, config)) if tracker and tag else 0
    except (Unreachable, Refused) as error:
        raise _refused(tracker, error) from None
    return Deletion(config=config, size=size_of(config.study_directory), tag=tag, runs=runs, tracker=tracker)


def delete_study(deletion: Deletion) -> None:
    """Delete a study: MLflow's runs, checkpoints, the Optuna study, and the folder, in this order.

    Raises:
        InvalidInput: a part could not be deleted; the same command goes on with the rest.
    """
    config = deletion.config
    folder = config.study_directory
    if config.study_url or (folder / STUDY_DATABASE).is_file():
        # A driver that began meanwhile keeps its study.
        with Lease(config.name, storage_of(config)).held(Pause()):
            _delete_parts(deletion)
        if config.study_url:
            forget_lease(config.name, storage_of(config))
    else:
        _delete_parts(deletion)
    _remove_folder(folder)


def _delete_parts(deletion: Deletion) -> None:
    config = deletion.config
    write_json(config.study_directory / DELETION_FILE, {"tag": deletion.tag})
    if deletion.tracker and deletion.tag:
        try:
            # The run of the search goes last: as long as it is there, MLflow shows what is left.
            for run in sorted(_runs(deletion.tracker, deletion.tag, config), key=lambda run: key_of(run) is None):
                deletion.tracker.delete_run(run.run_id)
        except (Unreachable, Refused) as error:
            raise _refused(deletion.tracker, error) from None
    if config.checkpoints:
        _remove_checkpoints(config)
    if config.study_url:
        remove_study(config)


def _remove_checkpoints(config: SearchConfig) -> None:
    # It imports torch, which takes a second that no other deletion needs.
    from trainers.checkpoints.files import files_in

    for place in _checkpoints(config):
        files_in(place).remove_all()


def _checkpoints(config: SearchConfig) -> list[Location]:
    """Return the places outside of the study's folder: of the trials, and of the weights that networks share."""
    shared = [supernet_location(config)] if config.supernet is not None else []
    return [below(located(str(config.checkpoints)), config.name), *shared]


def _runs(tracker: Tracker, tag: str, config: SearchConfig) -> list[RunState]:
    """Return the runs of the search and its trials, and that of shared weights where the study has some."""
    has_weights = config.supernet is not None or (config.study_directory / FOLDER).is_dir()
    return (tracker.find_tagged({SUPERNET_TAG: config.name}) if has_weights else []) + tracker.find_runs(tag)


def _remove_folder(folder: Path) -> None:
    """Remove a study's folder; by the search file it is found, so that this file goes last but one."""
    last = (SEARCH_FILE, DELETION_FILE)
    for path in sorted(folder.iterdir()):
        if path.name in last:
            continue
        if path.is_dir() and not path.is_symlink():
            _remove_tree(path)
        else:
            path.unlink()
    _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InvalidInput(f"{error.filename or folder} cannot be removed: {error.strerror}") from None


def _begun(config: SearchConfig) -> dict[str, Any]:
    """Return what a deletion that was cut off noted; nothing where there was none."""
    file = config.study_directory / DELETION_FILE
    return dict(read_mapping(file)) if file.is_file() else {}


def _has_store(config: SearchConfig) -> bool:
    """Whether there is a server or a database of MLflow to ask; a file that is not there is not made."""
    directory = config.study_directory.parent
    uri = tracking_uri(config.mlflow_url, directory)
    return not uri.startswith("sqlite") or bool(config.mlflow_url) or (directory / "mlflow.db").is_file()


def _refused(tracker: Tracker | None, error: Exception) -> InvalidInput:
    shown = tracker.shown if tracker else ""
    return InvalidInput(f"mlflow_url {shown} must answer until all runs are deleted, but: {error}")
