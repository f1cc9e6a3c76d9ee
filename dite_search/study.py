"""The Optuna study: the one record of what was tried and what came of it."""

from __future__ import annotations

import itertools
import json
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from analysis.published import recipe_changes
from analysis.trials import DIRECTIONS, StudyRecord, TrialRecord
from dite_search.config import SearchConfig, parse_search
from dite_search.samplers import distributions, make_sampler
from search_spaces.arch import ArchConfig
from search_spaces.cost import cost_of
from search_spaces.errors import InvalidInput
from search_spaces.files import read_mapping, write_mapping

SEARCH_FILE = "search.yaml"
PROVENANCE_FILE = "provenance.json"
TRIALS_FOLDER = "trials"

ARCH = "arch"
ARCH_ID = "arch_id"
REASON = "reason"
STARTED = "started"
SECONDS = "seconds"
METRICS = "metrics"
MLFLOW_RUN = "mlflow_run_id"
EPOCH = "epoch:"
"""Names of the attributes a trial carries; one attribute an epoch begins with `EPOCH`."""

_STATUSES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def create_study(config: SearchConfig) -> None:
    """Make the folder and the empty study of a new search.

    Raises:
        InvalidInput: the name is taken, the folder cannot be written, or the storage cannot be reached.
    """
    directory = config.study_directory
    if (directory / SEARCH_FILE).exists():
        raise InvalidInput(
            f"study {config.name} exists already in {directory}: choose another name (--name), or remove that folder"
        )
    try:
        write_mapping(directory / SEARCH_FILE, config.to_dict())
    except OSError as error:
        raise InvalidInput(f"study folder {directory} cannot be written: {error.strerror}") from None
    try:
        study = optuna.create_study(
            storage=storage_of(config),
            study_name=config.name,
            directions=[StudyDirection[DIRECTIONS[objective].upper()] for objective in config.objectives],
        )
    except optuna.exceptions.DuplicatedStudyError:
        (directory / SEARCH_FILE).unlink()
        raise InvalidInput(f"study {config.name} exists already in {config.study_url}: choose another name") from None
    study.set_metric_names(list(config.objectives))
    for point in config.start_with:
        study.enqueue_trial(point)
    if config.sampler.name == "grid":
        for point in itertools.islice(config.search_space.points(), config.trials):
            study.enqueue_trial(point)


def open_study(config: SearchConfig, *, sampler: BaseSampler | None = None) -> optuna.Study:
    """The study of a search, which exists."""
    return optuna.load_study(study_name=config.name, storage=storage_of(config), sampler=sampler)


def sampler_of(config: SearchConfig) -> BaseSampler:
    """The sampler that the search names, seeded by the search."""
    return make_sampler(config.sampler, config.seed)


def distributions_of(config: SearchConfig) -> dict[str, BaseDistribution]:
    """The search space as Optuna sees it."""
    return distributions(config.search_space)


def storage_of(config: SearchConfig) -> optuna.storages.RDBStorage:
    """The database of the study.

    Raises:
        InvalidInput: it cannot be reached; a password in the URL is not shown.
    """
    url = config.study_url or f"sqlite:///{config.study_directory / 'study.db'}"
    try:
        return optuna.storages.RDBStorage(url)
    except Exception as error:
        # SQLAlchemy and its drivers raise dozens of kinds for one cause: the URL does not lead to a usable database.
        logging.getLogger(__name__).debug("storage", exc_info=True)
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InvalidInput(f"study_url {_without_password(url)} cannot be opened: {reason}") from None


def trial_directory(config: SearchConfig, number: int) -> Path:
    """The folder of a trial: its architecture and its checkpoints."""
    return config.study_directory / TRIALS_FOLDER / f"{number:05d}"


def load_config(study: str | Path, *, directory: str | Path = "runs") -> SearchConfig:
    """The search behind a study, named by its folder, or by its name below ``directory``.

    Raises:
        InvalidInput: there is no such study; the message lists those there are.
    """
    for folder in (Path(study), Path(directory) / study):
        if (folder / SEARCH_FILE).is_file():
            folder = folder.absolute()
            values = read_mapping(folder / SEARCH_FILE) | {"directory": str(folder.parent), "name": folder.name}
            return parse_search(values, str(folder / SEARCH_FILE))
    known = sorted(path.parent.name for path in Path(directory).glob(f"*/{SEARCH_FILE}"))
    there = f"studies in {directory}: {', '.join(known)}" if known else f"there are no studies in {directory}"
    raise InvalidInput(f"study {str(study)!r} does not exist: {there}")


def free_name(name: str, directory: str | Path) -> str:
    """The name, or the first of ``name-2``, ``name-3``, … that no study in ``directory`` has."""
    numbered = (name if count == 1 else f"{name}-{count}" for count in itertools.count(1))
    return next(candidate for candidate in numbered if not (Path(directory) / candidate).exists())


def read_study(config: SearchConfig, study: optuna.Study | None = None) -> StudyRecord:
    """Everything the study knows, as records; a ``study`` that stays open reads only what is new."""
    trials = [
        trial
        for trial in (study or open_study(config)).get_trials(deepcopy=False)
        if trial.state in _STATUSES and ARCH in trial.user_attrs
    ]
    provenance = config.study_directory / PROVENANCE_FILE
    return StudyRecord(
        name=config.name,
        directory=config.study_directory,
        objectives=config.objectives,
        trials=[_record(config, trial) for trial in trials],
        protocol=protocol_of(config),
        provenance=json.loads(provenance.read_text()) if provenance.is_file() else {},
    )


def close_running(config: SearchConfig, reason: str) -> None:
    """Fail the trials that are still running, with a reason: a search that ended keeps no trial running."""
    study = open_study(config)
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        storage, seconds = study._storage, time.time() - frozen.user_attrs.get(STARTED, time.time())
        storage.set_trial_user_attr(frozen._trial_id, REASON, reason)
        storage.set_trial_user_attr(frozen._trial_id, SECONDS, seconds)
        study.tell(frozen.number, state=TrialState.FAIL)


def protocol_of(config: SearchConfig) -> dict[str, Any]:
    """What makes the scores of two trials comparable."""
    space = config.search_space
    return {
        "dataset": "synthetic" if config.data.synthetic else config.data.name,
        "train_split": config.data.train_split,
        "val_split": config.data.val_split,
        "format": config.data.format,
        "boxes": config.data.boxes,
        "input_size": "x".join(map(str, space.base.input_size)) if "input_size" not in space.parameters else "varied",
        "epochs": config.train_config.epochs,
        "batch_size": config.train_config.batch_size,
        "flip_test": config.train_config.flip_test,
        "recipe_changes": recipe_changes(config.train_config),
        "seed": config.seed,
    }


def _record(config: SearchConfig, trial: FrozenTrial) -> TrialRecord:
    attributes = trial.user_attrs
    arch = ArchConfig.from_dict(attributes[ARCH])
    folder = trial_directory(config, trial.number)
    checkpoint = folder / "last.pt"
    curve = [value for name, value in sorted(attributes.items()) if name.startswith(EPOCH)]
    return TrialRecord(
        number=trial.number,
        status=_STATUSES[trial.state],
        reason=attributes.get(REASON, ""),
        arch=arch,
        cost=cost_of(arch),
        parameters=trial.params,
        metrics=attributes.get(METRICS, {}),
        curve=curve,
        seconds=attributes.get(SECONDS, 0.0),
        checkpoint=checkpoint if checkpoint.is_file() else None,
        mlflow_run_id=attributes.get(MLFLOW_RUN),
    )


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:***@{tail}" if at and ":" in head.partition("//")[2] else url
