"""The exports of a study: noted in its folder, and logged as models of its trials' runs in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.export.directory import ONNX_FILE
from analysis.study.records import TrialRecord
from dite_search.config.search_config import SearchConfig
from dite_search.study.study import attributes_of
from dite_search.tracking.client import Refused, Tracker, Unreachable, tracker_of
from dite_search.tracking.registry import log_export
from dite_search.tracking.source import tag_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_json
from search_spaces.common.shell import own_command

EXPORTS_FILE = "exports.json"
"""The file of a study's folder with the trial and the network of each export, by the folder of the export."""


def note_export(config: SearchConfig, record: TrialRecord, directory: Path) -> None:
    """Note in the study's folder that a folder holds an export of a trial, so that it can be logged at any time."""
    noted = _noted(config) | {str(directory.absolute()): {"trial": record.number, "arch_id": record.arch.arch_id}}
    write_json(config.study_directory / EXPORTS_FILE, noted)


def log_exports(config: SearchConfig, tracker: Tracker | None = None) -> int:
    """Log the exports that a study noted and its runs in MLflow lack; how many these were.

    An export that was removed since is passed over, and so is one of a trial without a run.

    Raises:
        InvalidInput: MLflow cannot be reached or refuses.
    """
    noted = {Path(place): entry for place, entry in _noted(config).items() if (Path(place) / ONNX_FILE).is_file()}
    tag = tag_of(config, attributes_of(config) or {}) if noted else None
    if tag is None:
        return 0
    tracker, logged = tracker or tracker_of(config), 0
    for place, entry in noted.items():
        try:
            trial, arch_id = int(entry["trial"]), str(entry["arch_id"])
            runs = tracker.find_runs(tag, trial=trial)
        except (Unreachable, Refused) as error:
            raise InvalidInput(f"mlflow_url {tracker.shown} must answer until an export is logged, but: {error}") from None
        for run in runs[:1]:
            logged += log_export(config, tracker, place, trial=trial, arch_id=arch_id, run_id=run.run_id)
    return logged


def log_or_say_later(config: SearchConfig, say: Callable[[str], None]) -> None:
    """Log what was exported in MLflow; where MLflow is away, ``say`` in one sentence which command writes it later."""
    try:
        log_exports(config)
    except InvalidInput as error:
        later = own_command("sync", config.study_directory)
        say(f"MLflow lacks the model, because {error}; this writes it later:  {later}")


def _noted(config: SearchConfig) -> dict[str, dict[str, Any]]:
    file = config.study_directory / EXPORTS_FILE
    return dict(read_mapping(file)) if file.is_file() else {}
