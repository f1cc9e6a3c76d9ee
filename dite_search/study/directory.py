"""The folder of a search, and the places of its trials' checkpoints."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.config.sections import TPE
from dite_search.config.sqlite_url import sqlite_url
from dite_search.config.validation import VARIABLE
from dite_search.study.places import followed
from dite_search.study.weights import keep_weights
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from search_spaces.common.shell import own_command
from search_spaces.space.space_file import whole_space
from trainers.checkpoints.location import Location, below, located

SEARCH_FILE = "search.yaml"
STUDY_DATABASE = "study.db"
TRIALS_FOLDER = "trials"
DELETION_FILE = "deletion.json"
"""The file of a study that is being deleted, from the beginning to the end of that."""
PROBE = ".probe"
"""The file that is written, and removed, before a search keeps checkpoints elsewhere."""


def create_folder(config: SearchConfig) -> None:
    """Make the folder of a new search, with its search file and the weights that its trainings begin from.

    Raises:
        InvalidInput: there is one, or it cannot be written.
    """
    # The models of scores take seconds to import, and a trial's process, which needs the places of a study, makes no study.
    from dite_search.supernet.use import keep_scores

    check_name(config)
    directory = config.study_directory
    try:
        keep_weights(config)
        keep_scores(config)
        write_search_file(config)
    except OSError as error:
        raise InvalidInput(f"study folder {directory} cannot be written: {error.strerror}") from None


def check_name(config: SearchConfig) -> None:
    """Raise InvalidInput where there is a study of the name of a new search, or no search file can name its folder."""
    directory = config.study_directory
    check_spelling(directory.parent)
    if (directory / SEARCH_FILE).exists():
        raise InvalidInput(
            f"study {config.name} exists already in {directory}: choose another name (--name), or remove that folder"
        )


def check_spelling(directory: Path) -> None:
    """Refuse a folder of studies whose path a search file cannot hold.

    Raises:
        InvalidInput: a part of the path is spelled like an environment variable, which such a file has replaced.
    """
    spelled = VARIABLE.search(str(directory))
    if spelled:
        raise InvalidInput(
            f"the folder of studies {directory} must not have {spelled[0]} in its path, which stands for an environment"
            " variable in a search file: give that folder another name"
        )


def write_search_file(config: SearchConfig) -> None:
    """Write the search file of a study: complete, with paths that lead to the same places from everywhere."""
    whole = config.to_dict() | {"directory": str(config.study_directory.parent), "space": whole_space(config.space)}
    write_mapping(config.study_directory / SEARCH_FILE, whole)


def study_url_of(config: SearchConfig) -> str:
    """The URL of the study's database: the one given, or SQLite in the study's folder."""
    return config.study_url or sqlite_url(config.study_directory / STUDY_DATABASE)


def trial_directory(config: SearchConfig, number: int) -> Path:
    """The folder of a trial: its architecture and, unless the search names another place, its checkpoints."""
    return config.study_directory / TRIALS_FOLDER / f"{number:05d}"


def checkpoint_location(config: SearchConfig, number: int) -> Location:
    """Where the checkpoints of a trial lie: in its folder, or where the search keeps them."""
    if config.checkpoints is None:
        return trial_directory(config, number)
    return below(located(config.checkpoints), config.name, TRIALS_FOLDER, f"{number:05d}")


def check_checkpoints(config: SearchConfig, *, new: bool) -> None:
    """See that the place of the checkpoints can be written and, for a ``new`` search, holds none of another.

    Raises:
        InvalidInput: it cannot, or it does; the message names the place, never a secret.
    """
    if config.checkpoints is None:
        return
    # It imports torch, which takes a second that no other use of a study needs.
    from trainers.checkpoints.files import files_in

    files = files_in(below(located(config.checkpoints), config.name))
    held = files.names() if new else []
    if held:
        raise InvalidInput(
            f"checkpoints of a new study must have a place of their own, but {files.where(held[0])} is there already: choose"
            " another name (--name), or remove it"
        )
    files.write(PROBE, b"written to see whether checkpoints can be")
    files.remove(PROBE)


def has_begun(study: str | Path, *, directory: str | Path = "runs") -> bool:
    """Return whether a study's folder, or its name below ``directory``, holds a search that has begun."""
    return any((folder / SEARCH_FILE).is_file() for folder in (Path(study), Path(directory) / study))


def load_config(study: str | Path, *, directory: str | Path = "runs", to_delete: bool = False) -> SearchConfig:
    """The search behind a study, named by its folder, or by its name below ``directory``.

    A folder that was renamed holds the study under the name in its search file. A study of which a part was deleted already
    can be loaded ``to_delete`` the rest only.

    Raises:
        InvalidInput: there is no such study, and the message lists those there are; or its folder cannot be spelled, or it
            is being deleted.
    """
    for folder in (Path(study), Path(directory) / study):
        if (folder / SEARCH_FILE).is_file():
            folder = _plain(folder)
            check_spelling(folder.parent)
            if (folder / DELETION_FILE).exists() and not to_delete:
                finish = own_command("delete", folder)
                raise InvalidInput(f"study {folder.name} is being deleted, and cannot be used; to finish that: {finish}")
            values = followed(read_mapping(folder / SEARCH_FILE), folder) | {"directory": str(folder.parent)}
            # Every study's file names its sampler, but one that was edited may not; it ran with the default of its version.
            if isinstance(values.get("sampler", {}), Mapping):
                values["sampler"] = {"name": TPE, **values.get("sampler", {})}
            renamed = values.get("name") != folder.name
            return parse_search(values, str(folder / SEARCH_FILE), folder=folder if renamed else None)
    known = sorted(path.parent.name for path in Path(directory).glob(f"*/{SEARCH_FILE}"))
    there = f"studies in {directory}: {', '.join(known)}" if known else f"there are no studies in {directory}"
    raise InvalidInput(f"study {str(study)!r} does not exist: {there}")


def _plain(folder: Path) -> Path:
    """A folder's absolute path, without ``..`` where a link does not make that another folder."""
    plain = Path(os.path.abspath(folder))
    return plain if plain.exists() and plain.samefile(folder) else folder.absolute()


def free_name(name: str, directory: str | Path) -> str:
    """The name, or the first of ``name-2``, ``name-3``, … that no study in ``directory`` has."""
    numbered = (name if count == 1 else f"{name}-{count}" for count in itertools.count(1))
    return next(candidate for candidate in numbered if not (Path(directory) / candidate).exists())
