"""The Optuna study: the one record of what was tried and what came of it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from analysis.study.trial_status import INTERRUPTED
from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.storage.database_errors import is_damage, reason_of
from dite_search.study.attributes import (
    PROTOCOL,
    REASON,
    REUSED,
    SECONDS,
    STARTED,
    WHOLE,
)
from dite_search.study.directory import (
    SEARCH_FILE,
    STUDY_DATABASE,
    create_folder,
    study_url_of,
    write_search_file,
)
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.protocol import differences, refuse_changes, settings_of
from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.common.objectives import DIRECTIONS
from search_spaces.common.redaction import redacted

CONNECT_TIMEOUT = 5
"""Seconds to wait for a database server."""


DATABASE_AWAY = optuna.exceptions.StorageInternalError
"""The exception of a storage whose database does not answer."""

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def create_study(
    config: SearchConfig,
    *,
    known: Iterable[FrozenTrial] = (),
    contents: Mapping[str, str] | None = None,
    storage: BaseStorage | None = None,
) -> None:
    """Make the folder of a new search and its study.

    Args:
        config: The search, whose settings the study keeps.
        known: Trials that the study holds from the start.
        contents: The digests of its data, as of `data_contents`.
        storage: The storage of the study, in place of the search's own; no folder is made then.

    Raises:
        InvalidInput: the name is taken, the folder cannot be written, or the storage cannot be reached.
    """
    if storage is None:
        create_folder(config)
        storage = storage_of(config)
    try:
        _create_in(storage, config, known, contents)
    except optuna.exceptions.DuplicatedStudyError:
        (config.study_directory / SEARCH_FILE).unlink()
        place = redacted(config.study_url or "its folder")
        raise InvalidInput(f"study {config.name} exists already in {place}: choose another name") from None


def _create_in(
    storage: BaseStorage, config: SearchConfig, known: Iterable[FrozenTrial], contents: Mapping[str, str] | None
) -> None:
    study = optuna.create_study(
        storage=storage,
        study_name=config.name,
        directions=[StudyDirection[DIRECTIONS[objective].upper()] for objective in config.objectives],
    )
    study.set_metric_names(list(config.objectives))
    study.set_user_attr(PROTOCOL, {"settings": settings_of(config), "contents": dict(contents) if contents else None})
    for trial in known:
        study.add_trial(trial)
    for point in config.first_points:
        study.enqueue_trial(point)
    if config.sampler.name == "grid":
        for point in itertools.islice(config.search_space.points(), config.trials):
            study.enqueue_trial(point)
    study.set_user_attr(WHOLE, True)


def finish_creation(
    config: SearchConfig, known: Callable[[], Iterable[FrozenTrial]], contents: Mapping[str, str] | None = None
) -> None:
    """Make a study whose driver died while it made it: anew, as no trial can have begun.

    Raises:
        InvalidInput: trials have begun, but the database does not hold their study.
    """
    storage = storage_of(config)
    if config.name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=config.name, storage=storage)
        if _is_begun(study):
            return
        optuna.delete_study(study_name=config.name, storage=storage)
    elif (config.study_directory / PROVENANCE_FILE).exists():
        raise _not_held(config, storage)
    _create_in(storage, config, known(), contents)


def extended_search(config: SearchConfig, fields: Mapping[str, Any]) -> SearchConfig:
    """Return the search of a study with ``trials`` and ``spend`` in place of its own; nothing is written."""
    file, folder = config.study_directory / SEARCH_FILE, config.study_directory
    values = config.to_dict() | dict(fields)
    return parse_search(values, str(file), folder=folder if folder.name != config.name else None)


def extend_study(config: SearchConfig, fields: Mapping[str, Any]) -> SearchConfig:
    """Return the search of a study with more ``trials`` or ``spend``, as its folder says from now on."""
    extended = extended_search(config, fields)
    write_search_file(extended)
    if config.sampler.name == "grid":
        study = open_study(config)
        for point in itertools.islice(config.search_space.points(), config.trials, extended.trials):
            study.enqueue_trial(point)
    return extended


def open_study(config: SearchConfig) -> optuna.Study:
    """The study of a search, which exists.

    Raises:
        InvalidInput: its database cannot be opened, or does not hold it; or the search is not the one it was made for.
    """
    with readable(config):
        storage = storage_of(config)
        try:
            study = optuna.load_study(study_name=config.name, storage=storage)
        except KeyError:
            raise _not_held(config, storage) from None
        check_settings(config, study)
        return study


def found_study(config: SearchConfig) -> optuna.Study | None:
    """The study of a search, None where it was not made, or not whole, and is made anew.

    Raises:
        InvalidInput: as `open_study`.
    """
    if not config.study_url and not (config.study_directory / STUDY_DATABASE).is_file():
        return None
    with readable(config):
        storage = storage_of(config)
        if config.name not in optuna.get_all_study_names(storage):
            if (config.study_directory / PROVENANCE_FILE).exists():
                raise _not_held(config, storage)
            return None
    study = open_study(config)
    return study if _is_begun(study) else None


def attributes_of(config: SearchConfig) -> dict[str, Any] | None:
    """Return the attributes of a study whatever its search file says by now; None where its database does not hold it.

    Raises:
        InvalidInput: its database cannot be read.
    """
    if not config.study_url and not (config.study_directory / STUDY_DATABASE).is_file():
        return None
    with readable(config):
        try:
            return optuna.load_study(study_name=config.name, storage=storage_of(config)).user_attrs
        except KeyError:
            return None


def remove_study(config: SearchConfig) -> None:
    """Delete a study from its database, where the database holds it.

    Raises:
        InvalidInput: its database cannot be written.
    """
    with readable(config), contextlib.suppress(KeyError):
        optuna.delete_study(study_name=config.name, storage=storage_of(config))


def _is_begun(study: optuna.Study) -> bool:
    """Whether a study was made whole."""
    return WHOLE in study.user_attrs or any(STARTED in trial.user_attrs for trial in study.get_trials(deepcopy=False))


def check_settings(config: SearchConfig, study: optuna.Study) -> None:
    """Refuse a search whose settings are not those that its study was made with; an earlier version kept none.

    Raises:
        InvalidInput: the message names the fields, both values of each, and what to do.
    """
    recorded, present = study.user_attrs.get(PROTOCOL), settings_of(config)
    if recorded and recorded["settings"] != present:
        refuse_changes(config, differences(recorded["settings"], present, tried_values(study)))


def tried_values(study: optuna.Study) -> dict[str, list[Any]]:
    """The values of each parameter that trials of a study have, or wait to be tried with."""
    found: dict[str, list[Any]] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, value in (trial.system_attrs.get("fixed_params", {}) | trial.params).items():
            found.setdefault(name, []).append(value)
    return found


def _not_held(config: SearchConfig, storage: BaseStorage) -> InvalidInput:
    """The sentence for a database that does not hold the study."""
    place = f"study_url {redacted(config.study_url)}" if config.study_url else str(config.study_directory / STUDY_DATABASE)
    names, file = optuna.get_all_study_names(storage), config.study_directory / SEARCH_FILE
    if len(names) == 1 and not config.study_url:
        return InvalidInput(f"{place} holds study {names[0]}, but {file} has name {config.name}: put it back")
    return InvalidInput(
        f"study {config.name} must be in its database, but {place} does not hold it: see that name in {file} and variables"
        " in study_url are as they were when the search began"
    )


@contextmanager
def readable(config: SearchConfig) -> Iterator[None]:
    """Turns whatever a damaged database, or none, makes of a reading into one sentence."""
    try:
        yield
    except InvalidInput:
        raise
    except (DATABASE_AWAY, SQLAlchemyError) as error:
        if is_damage(error):
            raise damaged_study(config, reason_of(error)) from None
        raise InvalidInput(f"study {config.name} cannot be read from {_place_of(config)}: {reason_of(error)}") from None
    except Exception as error:
        # Damaged values surface as dozens of kinds, wherever they are used first.
        logging.getLogger(__name__).debug("study", exc_info=True)
        raise damaged_study(config, f"{type(error).__name__}: {first_line(error)}") from None


def damaged_study(config: SearchConfig, reason: str) -> InvalidInput:
    """Return the error for a study whose database does not hold what was written."""
    return InvalidInput(f"study {config.name} in {_place_of(config)} must be whole, but is damaged or missing: {reason}")


def _place_of(config: SearchConfig) -> str:
    return redacted(config.study_url or str(config.study_directory / STUDY_DATABASE))


def storage_of(config: SearchConfig) -> optuna.storages.RDBStorage:
    """The database of the study.

    Raises:
        InvalidInput: it cannot be reached; a password in the URL is not shown.
    """
    url = study_url_of(config)
    # A server may have been started anew since a connection was made, and one that is gone must be noticed in seconds.
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("postgresql"):
        options["connect_args"] = {"connect_timeout": CONNECT_TIMEOUT}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=options)
    except Exception as error:
        # SQLAlchemy and its drivers raise dozens of kinds for one cause: the URL does not lead to a usable database.
        logging.getLogger(__name__).debug("storage", exc_info=True)
        raise InvalidInput(f"study_url {redacted(url)} cannot be opened: {reason_of(error)}") from None


def reopen_running(config: SearchConfig, study: optuna.Study | None = None) -> None:
    """Make the trials of a search that was cut off wait again: each goes on under its number, from its checkpoint."""
    study = study or open_study(config)
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        reopen(study, frozen)


def reopen(study: optuna.Study, frozen: FrozenTrial) -> None:
    """Make a running trial wait again: one that was cut off while its point was drawn gets the rest under its number.

    One that only waited for another's result is failed: it is suggested anew, or not.
    """
    storage, attributes = study._storage, frozen.user_attrs
    if REUSED in attributes:
        storage.set_trial_user_attr(frozen._trial_id, REASON, INTERRUPTED)
        study.tell(frozen.number, state=TrialState.FAIL)
        return
    if STARTED in attributes:
        storage.set_trial_user_attr(frozen._trial_id, SECONDS, time.time() - attributes[STARTED])
    storage.set_trial_state_values(frozen._trial_id, state=TrialState.WAITING)
